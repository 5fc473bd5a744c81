import random

from hypothesis import given
from hypothesis import strategies as st
from placement_builders import tiny

from mapper.solve.placement.problem import Solution, totals
from mapper.solve.placement.tables import build
from mapper.solve.placement.timing import Timing


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
