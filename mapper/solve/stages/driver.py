"""Solves a stages problem within a budget: a portfolio that always has the best split and the best bound so far."""

from __future__ import annotations

from dataclasses import dataclass

from mapper.solve import portfolio
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.incumbent import Incumbent
from mapper.solve.stages.contiguous import Contiguous
from mapper.solve.stages.problem import Problem, Solution
from mapper.solve.stages.verify import max_load, verify


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
    incumbent: Incumbent[Solution] = Incumbent(lambda s: _judge(problem, s), budget)
    portfolio.run(Contiguous(problem).steps(), incumbent, budget)
    return result(incumbent)


def _judge(problem: Problem, solution: Solution) -> int:
    verify(problem, solution)
    return max_load(problem, solution)


def result(incumbent: Incumbent[Solution]) -> Result:
    """What an incumbent has come to."""
    bound = max(0, int(incumbent.bound)) if incumbent.bound > 0 else 0
    if not incumbent.found:
        return Result(None, None, bound, incumbent.bound_name, Outcome.UNKNOWN, "")
    status = Outcome.OPTIMAL if incumbent.closed else Outcome.FEASIBLE
    return Result(incumbent.solution, int(incumbent.value), bound, incumbent.bound_name, status, incumbent.by)
