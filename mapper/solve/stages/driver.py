"""Solves a stages problem within a budget: a portfolio that always has the best split and the best bound so far."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapper.errors import Infeasible
from mapper.solve import portfolio
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.incumbent import Incumbent
from mapper.solve.portfolio import Step
from mapper.solve.stages.contiguous import Contiguous
from mapper.solve.stages.problem import Problem, Solution
from mapper.solve.stages.scattered import scattered
from mapper.solve.stages.verify import max_load, verify

CONTIGUOUS_SHARE = 0.2
"""Part of the budget for a contiguous split where any will do: a start that the other search need not find."""


@dataclass(frozen=True, slots=True)
class Result:
    """A split with its value in ticks (None when none was found), a lower bound with its name, and how it ended.

    by: what found the split.
    """

    solution: Solution | None
    value: int | None
    bound: int
    bound_name: str
    status: Outcome
    by: str


def solve(problem: Problem, budget: Budget) -> Result:
    """The best split found. Raises MapperError on a malformed problem, Infeasible where no split exists."""
    problem.check()
    incumbent = _incumbent(problem, budget)
    portfolio.run(Contiguous(problem).steps() if problem.contiguous else _any_split(problem), incumbent, budget)
    return result(incumbent)


def result(incumbent: Incumbent[Solution]) -> Result:
    """What an incumbent has come to."""
    bound = max(0, int(incumbent.bound)) if incumbent.bound > 0 else 0
    if not incumbent.found:
        return Result(None, None, bound, incumbent.bound_name, Outcome.UNKNOWN, "")
    status = Outcome.OPTIMAL if incumbent.closed else Outcome.FEASIBLE
    return Result(incumbent.solution, int(incumbent.value), bound, incumbent.bound_name, status, incumbent.by)


def _incumbent(problem: Problem, budget: Budget) -> Incumbent[Solution]:
    def judge(solution: Solution) -> int:
        verify(problem, solution)
        return max_load(problem, solution)

    return Incumbent(judge, budget)


def _any_split(problem: Problem) -> list[Step[Solution]]:
    """The best contiguous split, then a search that may leave contiguity."""
    return [
        Step("contiguous", CONTIGUOUS_SHARE, lambda incumbent, budget: _start(problem, incumbent, budget)),
        Step("any split", 1.0 - CONTIGUOUS_SHARE, lambda incumbent, budget: scattered(problem, incumbent, budget)),
    ]


def _start(problem: Problem, incumbent: Incumbent[Solution], budget: Budget) -> None:
    """Offer the best contiguous split. Its bound binds contiguous splits alone, and so does its absence."""
    bound_by_order = replace(problem, contiguous=True)
    start = _incumbent(bound_by_order, replace(budget, tell=lambda best, bound: None))
    try:
        portfolio.run(Contiguous(bound_by_order).steps(), start, budget)
    except Infeasible:
        return
    if start.found:
        incumbent.offer(start.solution, f"contiguous, {start.by}")
