"""The portfolio: steps in order, shares of the budget, an early end."""

from __future__ import annotations

import math
import time

import pytest

from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent
from mapper.solve.portfolio import Step, run


def _offering(number: int, seen: list[Budget]) -> Step[int]:
    def act(incumbent: Incumbent[int], budget: Budget) -> None:
        seen.append(budget)
        incumbent.offer(number, f"step {number}")

    return Step(f"step {number}", 0.5, act)


def test_steps_run_in_order_until_value_and_bound_meet() -> None:
    incumbent: Incumbent[int] = Incumbent(lambda s: s, Budget())
    incumbent.raise_bound(2, "known")
    seen: list[Budget] = []
    run([_offering(n, seen) for n in (3, 2, 1)], incumbent, Budget())
    assert incumbent.history == [("step 3", 3), ("step 2", 2)]


def test_each_step_gets_its_share_of_the_work() -> None:
    incumbent: Incumbent[int] = Incumbent(lambda s: s, Budget())
    seen: list[Budget] = []
    run([_offering(n, seen) for n in (2, 1)], incumbent, Budget(8.0))
    assert [b.deterministic_seconds for b in seen] == [4.0, 4.0]


def test_the_last_step_gets_all_the_time_that_is_left() -> None:
    incumbent: Incumbent[int] = Incumbent(lambda s: s, Budget())
    seen: list[Budget] = []
    budget = Budget(math.inf, deadline=time.monotonic() + 100)
    run([_offering(n, seen) for n in (2, 1)], incumbent, budget)
    assert budget.deadline is not None
    assert seen[0].deadline == pytest.approx(budget.deadline - 50, abs=1)
    assert seen[1].deadline == pytest.approx(budget.deadline, abs=1)


def test_nothing_runs_when_the_budget_is_over() -> None:
    incumbent: Incumbent[int] = Incumbent(lambda s: s, Budget())
    seen: list[Budget] = []
    run([_offering(1, seen)], incumbent, Budget(deadline=time.monotonic() - 1))
    assert not seen
