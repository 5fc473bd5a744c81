"""Solves a makespan problem within a budget: dispatch, then genetic search, then CP-SAT when small, with a bound."""

from __future__ import annotations

from dataclasses import dataclass

from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.makespan.bound import bound
from mapper.solve.makespan.cpsat import exact
from mapper.solve.makespan.dispatch import dispatch
from mapper.solve.makespan.improve import improve
from mapper.solve.makespan.problem import Problem, Solution
from mapper.solve.makespan.rigid import rigid

EXACT_LIMIT = 150
"""Activities up to which CP-SAT is asked."""

HEURISTIC_SHARE = 0.1
"""Part of the budget for the genetic search before CP-SAT."""


@dataclass(frozen=True, slots=True)
class Result:
    """A schedule, its makespan, a lower bound with its name, and whether the two meet."""

    solution: Solution
    value: int
    bound: int
    bound_name: str
    status: Outcome


def solve(problem: Problem, budget: Budget) -> Result:
    """The best schedule found within the budget. Raises MapperError on a malformed problem."""
    problem.check()
    least, name = bound(problem)
    best = _best(dispatch(problem), dispatch(rigid(problem))) if problem.elastic else dispatch(problem)
    budget.tell(best.makespan, least)
    small = len(problem.activities) <= EXACT_LIMIT
    if best.makespan > least and not budget.over():
        best = improve(problem, best, least, budget.part(HEURISTIC_SHARE if small else 1.0))
    if small and best.makespan > least and not budget.over():
        best, least, name = _exactly(problem, best, least, name, budget.part(1.0 - HEURISTIC_SHARE))
    status = Outcome.OPTIMAL if best.makespan == least else Outcome.FEASIBLE
    return Result(best, best.makespan, least, name, status)


def _exactly(problem: Problem, best: Solution, least: int, name: str, budget: Budget) -> tuple[Solution, int, str]:
    """CP-SAT's schedule when better, and its bound when larger and true of the problem: when nothing is elastic."""
    hint = best if not problem.elastic else dispatch(rigid(problem))
    found, answer = exact(problem, hint, least, budget)
    if found is not None:
        best = _best(best, found)
    if not problem.elastic and answer.bound is not None and round(answer.bound) > least:
        least, name = round(answer.bound), "cp-sat"
    budget.tell(best.makespan, least)
    return best, least, name


def _best(a: Solution, b: Solution) -> Solution:
    return b if b.makespan < a.makespan else a
