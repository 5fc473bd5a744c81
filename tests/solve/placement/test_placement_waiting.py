"""Less waiting: long and frequent tasks part, and nothing else gets worse."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from placement_builders import tiny

from mapper.errors import MapperError
from mapper.solve.placement.problem import Item, Option, Problem, Solution, totals, verify
from mapper.solve.placement.waiting import less_waiting, waiting


def _shared_by_two(slow: int) -> Problem:
    """A long task of one call and two short ones of 100 calls, on machine 0, or elsewhere in `slow` times the time."""

    def item(name: str, phase: int, ticks: int, calls: int) -> Item:
        ways = ((0, ticks), (1, slow * ticks))
        return Item(name, name, phase, tuple(Option(f"u{m}", m, x, m, ((m, calls * x),), 0) for m, x in ways))

    items = (item("prefill", 0, 500, 1), item("first", 1, 2, 100), item("second", 1, 2, 100))
    return Problem(items, (), (), (), ("u0", "u1"), (), (), ("p0", "p1"), (1, 100))


def test_frequent_tasks_leave_the_machine_of_a_long_one() -> None:
    problem = _shared_by_two(slow=2)
    found = less_waiting(problem, Solution((0, 0, 0)), 900)
    assert [problem.items[i].options[o].name for i, o in enumerate(found.choice)] == ["u0", "u1", "u1"]
    assert waiting(problem, found.choice) == 1 * 500**2 + 200 * 200 * 4**2


def test_tasks_stay_where_leaving_takes_too_long() -> None:
    problem = _shared_by_two(slow=20)
    assert less_waiting(problem, Solution((0, 0, 0)), 1000) == Solution((0, 0, 0))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.floats(1.0, 1.5))
def test_no_rule_is_broken_the_interval_kept_and_the_waiting_never_longer(seed: int, slack: float) -> None:
    problem, r = tiny(seed), random.Random(seed)
    start = Solution(tuple(r.randrange(len(item.options)) for item in problem.items))
    try:
        verify(problem, start)
    except MapperError:
        return
    most = totals(problem, start).interval * slack
    found = less_waiting(problem, start, most)
    verify(problem, found)
    assert totals(problem, found).interval <= most
    assert waiting(problem, found.choice) <= waiting(problem, start.choice)
