"""Solves a makespan problem within a budget: dispatch, genetic search, CP-SAT, with a bound."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome, whole
from mapper.solve.incumbent import Incumbent
from mapper.solve.makespan.bound import bound
from mapper.solve.makespan.cpsat import exact, shorter
from mapper.solve.makespan.dispatch import dispatch
from mapper.solve.makespan.evolve import evolve
from mapper.solve.makespan.improve import improve
from mapper.solve.makespan.problem import Problem, Solution
from mapper.solve.makespan.rigid import rigid
from mapper.solve.makespan.verify import verify
from mapper.solve.portfolio import Step, run
from mapper.solve.result import Result, result_of
from mapper.solve.threads import at_once

EXACT_LIMIT = 150
"""Activities up to which CP-SAT is asked."""

COMPILING = 5.0
"""Seconds of budget from which on the compiled search is used (once for an installation, compiling takes ten)."""

REFUTE_LIMIT = 40
"""Activities up to which the heuristics are nearly always right, so that one refutation ends the search."""

PROOF_SHARES = ((40, 0.9), (80, 0.5), (EXACT_LIMIT, 0.1))
"""The share of CP-SAT by the number of activities: 30 it proves nearly always, 120 hardly ever."""


def solve(problem: Problem, budget: Budget) -> Result[Solution]:
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
    return result_of(incumbent)


def _steps(problem: Problem, budget: Budget) -> list[Step[Solution]]:
    """The methods for a problem of this size: CP-SAT proves small ones, the rest is for the heuristics."""

    def interpreted(incumbent: Incumbent[Solution], part: Budget) -> None:
        found = improve(problem, incumbent.solution, int(incumbent.bound), part)
        incumbent.offer(found, "genetic search")

    def compiled(incumbent: Incumbent[Solution], part: Budget) -> None:
        evolve(problem, incumbent, part)

    def proof(incumbent: Incumbent[Solution], part: Budget) -> None:
        exactly(problem, incumbent, part)

    def race(incumbent: Incumbent[Solution], part: Budget) -> None:
        workers = part.workers or 1
        if len(problem.activities) <= REFUTE_LIMIT:
            budgets = [replace(part, seed=part.seed + k) for k in range(workers)]
            at_once([partial(refute, problem, incumbent, b, k) for k, b in enumerate(budgets)], part.stop)
        elif workers == 1:
            proof(incumbent, part)
        else:
            search = partial(compiled, incumbent, replace(part, workers=workers - 1))
            at_once([partial(proof, incumbent, part), search], part.stop)

    share = next((share for most, share in PROOF_SHARES if len(problem.activities) <= most), 0.0)
    if problem.elastic or min(budget.deterministic_seconds, budget.seconds_left()) < COMPILING:
        if not share:
            return [Step("genetic search", 1.0, interpreted)]
        return [Step("genetic search", 0.1, interpreted), Step("exact", 0.9, proof)]
    first = 0.1 * (1.0 - share)
    return [
        Step("genetic search", max(0.03, first), compiled),
        Step("exact", share, race),
        Step("genetic search", 1.0 - share - first, compiled),
    ]


def refute(problem: Problem, incumbent: Incumbent[Solution], budget: Budget, way: int = 0) -> None:
    """Look for a schedule a tick shorter than the best until there is none or the budget is over; `way` numbers those
    that do so side by side."""
    while not incumbent.closed and not budget.over():
        most = int(incumbent.value) - 1
        found, answer = shorter(problem, most, budget, way, partial(_reached, incumbent, most))
        if answer.outcome is Outcome.INFEASIBLE:
            incumbent.raise_bound(most + 1, "refutation")
        elif found is not None:
            incumbent.offer(found, "cp-sat")
        elif incumbent.value > most:
            return


def _reached(incumbent: Incumbent[Solution], most: int) -> bool:
    return incumbent.closed or incumbent.value <= most


def exactly(problem: Problem, incumbent: Incumbent[Solution], budget: Budget) -> None:
    """CP-SAT's schedule when better, and its bounds when they are of the problem: when nothing is elastic."""
    hint = incumbent.solution if not problem.elastic else dispatch(rigid(problem))

    def bounded(value: float) -> None:
        if not problem.elastic:
            incumbent.raise_bound(whole(value), "cp-sat")

    found, answer = exact(problem, hint, int(incumbent.bound), budget, bounded, lambda: incumbent.closed)
    if found is not None:
        incumbent.offer(found, "cp-sat")
    if answer.bound is not None:
        bounded(answer.bound)
