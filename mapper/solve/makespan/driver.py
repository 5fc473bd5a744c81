"""Solves a makespan problem within a budget: dispatch first, then improvement, always with a bound."""

from __future__ import annotations

from dataclasses import dataclass

from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.makespan.bound import bound
from mapper.solve.makespan.dispatch import dispatch
from mapper.solve.makespan.problem import Problem, Solution


@dataclass(frozen=True, slots=True)
class Result:
    """A verified schedule, its makespan, a lower bound with its name, and whether the two meet."""

    solution: Solution
    value: int
    bound: int
    bound_name: str
    status: Outcome


def solve(problem: Problem, budget: Budget) -> Result:
    """The best schedule found within the budget. Raises MapperError on a malformed problem."""
    problem.check()
    least, name = bound(problem)
    solution = dispatch(problem)
    value = solution.makespan
    return Result(solution, value, least, name, Outcome.OPTIMAL if value == least else Outcome.FEASIBLE)
