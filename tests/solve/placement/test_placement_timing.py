import random

from hypothesis import given
from hypothesis import strategies as st
from placement_builders import tiny, transformer
from sweeps import examples

from mapper.solve.placement.problem import Solution, totals
from mapper.solve.placement.tables import build
from mapper.solve.placement.timing import Timing


@examples(30, 100)
@given(st.integers(0, 10**6))
def test_the_latency_of_every_option_is_that_of_the_definition(seed: int) -> None:
    problem = tiny(seed, items=7)
    r = random.Random(seed)
    choice = [r.randrange(len(item.options)) for item in problem.items]
    timing = Timing(build(problem))
    for i, item in enumerate(problem.items):
        found = timing.outlook(choice, i)
        for o in range(len(item.options)):
            changed = Solution((*choice[:i], o, *choice[i + 1 :]))
            try:
                expected = totals(problem, changed).latency
            except KeyError:
                continue
            assert found[o] == expected == timing.latency(changed.choice)


def test_segments_add_up_to_the_latency_of_many_layers() -> None:
    problem = transformer(4, 7, phases=2)
    r = random.Random(3)
    timing = Timing(build(problem))
    for _ in range(20):
        choice = [r.randrange(len(item.options)) for item in problem.items]
        i = r.randrange(len(choice))
        found = timing.outlook(choice, i)
        for o in range(len(problem.items[i].options)):
            changed = Solution((*choice[:i], o, *choice[i + 1 :]))
            assert found[o] == totals(problem, changed).latency == timing.latency(changed.choice)
