"""The incumbent: the best solution and bound, and its refusals."""

from __future__ import annotations

import math

import pytest

from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.incumbent import Incumbent
from mapper.solve.result import Result, result_of


def _judge(solution: str) -> int:
    if "!" in solution:
        raise MapperError("overlap: broken")
    return len(solution)


def test_a_better_solution_is_kept_and_a_worse_one_is_not() -> None:
    incumbent = Incumbent(_judge, Budget())
    assert incumbent.offer("aaa", "greedy")
    assert not incumbent.offer("bbb", "search")
    assert incumbent.offer("bb", "search")
    assert (incumbent.solution, incumbent.value, incumbent.by) == ("bb", 2, "search")
    assert incumbent.history == [("greedy", 3), ("search", 2)]


def test_it_is_closed_when_value_and_bound_meet() -> None:
    incumbent = Incumbent(_judge, Budget())
    assert not incumbent.closed
    assert incumbent.gap == math.inf
    incumbent.offer("aaaa", "greedy")
    assert incumbent.raise_bound(3, "load")
    assert not incumbent.raise_bound(2, "path")
    assert incumbent.gap == pytest.approx(0.25)
    incumbent.offer("aaa", "search")
    assert incumbent.closed
    assert (incumbent.gap, incumbent.bound_name) == (0.0, "load")


def test_what_breaks_a_rule_is_refused() -> None:
    incumbent = Incumbent(_judge, Budget())
    with pytest.raises(MapperError, match="overlap"):
        incumbent.offer("!", "search")
    assert not incumbent.found


def test_a_bound_above_a_solution_is_a_fault_that_is_told() -> None:
    incumbent = Incumbent(_judge, Budget())
    incumbent.offer("aaa", "greedy")
    with pytest.raises(MapperError, match="load claims bound 4, greedy found value 3"):
        incumbent.raise_bound(4, "load")
    incumbent.raise_bound(3, "path")
    with pytest.raises(MapperError, match="below the bound 3 of path"):
        incumbent.offer("a", "search")


def test_improvements_are_told() -> None:
    told: list[tuple[float | None, float | None]] = []
    incumbent = Incumbent(_judge, Budget(tell=lambda best, bound: told.append((best, bound))))
    incumbent.raise_bound(1, "load")
    incumbent.offer("aa", "greedy")
    assert told == [(None, 1), (2, 1)]


def test_without_a_solution_there_is_none_to_take() -> None:
    with pytest.raises(MapperError, match="before it had one"):
        _ = Incumbent(_judge, Budget()).solution


def test_a_result_says_whether_value_and_bound_meet() -> None:
    incumbent = Incumbent(_judge, Budget())
    incumbent.raise_bound(2, "load")
    incumbent.offer("aaa", "greedy")
    assert result_of(incumbent) == Result("aaa", 3, 2, "load", Outcome.FEASIBLE)
    incumbent.raise_bound(3, "search")
    assert result_of(incumbent) == Result("aaa", 3, 3, "search", Outcome.OPTIMAL)


def test_without_a_solution_there_is_no_result() -> None:
    with pytest.raises(MapperError, match="before it had one"):
        result_of(Incumbent(_judge, Budget()))
