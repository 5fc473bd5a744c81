"""Solves a makespan problem within a budget: dispatch, genetic search, CP-SAT, windows, with a bound."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.incumbent import Incumbent
from mapper.solve.makespan.bound import bound
from mapper.solve.makespan.cpsat import exact
from mapper.solve.makespan.dispatch import dispatch
from mapper.solve.makespan.evolve import evolve
from mapper.solve.makespan.improve import improve
from mapper.solve.makespan.problem import Problem, Solution
from mapper.solve.makespan.rigid import rigid
from mapper.solve.makespan.verify import verify
from mapper.solve.portfolio import Step, run

EXACT_LIMIT = 150
"""Activities up to which CP-SAT is asked."""

COMPILING = 20.0
"""Seconds of budget from which on compiling a kernel (up to ten) pays."""


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

    def judge(solution: Solution) -> int:
        verify(problem, solution)
        return solution.makespan

    incumbent = Incumbent(judge, budget)
    incumbent.raise_bound(*bound(problem))
    incumbent.offer(dispatch(problem), "dispatch")
    if problem.elastic:
        incumbent.offer(dispatch(rigid(problem)), "dispatch")
    run(_steps(problem, budget), incumbent, budget)
    value, least = int(incumbent.value), int(incumbent.bound)
    status = Outcome.OPTIMAL if incumbent.closed else Outcome.FEASIBLE
    return Result(incumbent.solution, value, least, incumbent.bound_name, status)


def _steps(problem: Problem, budget: Budget) -> list[Step[Solution]]:
    """The methods for a problem of this size: CP-SAT proves small ones, the rest is for the heuristics."""

    def interpreted(incumbent: Incumbent[Solution], part: Budget) -> None:
        found = improve(problem, incumbent.solution, int(incumbent.bound), part)
        incumbent.offer(found, "genetic search")

    def compiled(incumbent: Incumbent[Solution], part: Budget) -> None:
        evolve(problem, incumbent, part)

    def proof(incumbent: Incumbent[Solution], part: Budget) -> None:
        exactly(problem, incumbent, part)

    small = len(problem.activities) <= EXACT_LIMIT
    if problem.elastic or min(budget.deterministic_seconds, budget.seconds_left()) < COMPILING:
        return [
            Step("genetic search", 0.1 if small else 1.0, interpreted),
            *([Step("exact", 0.9, proof)] if small else []),
        ]
    if not small:
        return [Step("genetic search", 1.0, compiled)]
    return [
        Step("genetic search", 0.2, compiled),
        Step("exact", 0.2, proof),
        Step("genetic search", 0.6, compiled),
    ]


def exactly(problem: Problem, incumbent: Incumbent[Solution], budget: Budget) -> None:
    """CP-SAT's schedule when better, and its bound when it is one of the problem: when nothing is elastic."""
    hint = incumbent.solution if not problem.elastic else dispatch(rigid(problem))
    found, answer = exact(problem, hint, int(incumbent.bound), budget)
    if found is not None:
        incumbent.offer(found, "cp-sat")
    if not problem.elastic and answer.bound is not None:
        incumbent.raise_bound(math.floor(answer.bound + 0.5), "cp-sat")
