"""The portfolio: methods one after another on one problem, any-time, with the best solution and bound so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """A method: what it is called, its share of the whole budget, and what it does to the incumbent."""

    name: str
    share: float
    act: Callable[[Incumbent[S], Budget], None]


def run(steps: Iterable[Step[S]], incumbent: Incumbent[S], budget: Budget) -> None:
    """Take the steps in order until value and bound meet or the budget is over.

    What a step leaves of the time to the deadline goes to those after it, by their shares.
    """
    waiting = list(steps)
    while waiting and not incumbent.closed and not budget.over():
        step, *rest = waiting
        left = step.share + sum(s.share for s in rest)
        timely = budget.slice(step.share / left) if left else budget
        part = budget.part(step.share)
        step.act(incumbent, replace(part, deadline=timely.deadline))
        waiting = rest
