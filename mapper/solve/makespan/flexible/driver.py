"""Solves a flexible makespan problem within a budget: HEFT and PEFT, local search on job shops, CP-SAT."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mapper.errors import Infeasible
from mapper.solve.budget import Budget
from mapper.solve.cpsat import whole
from mapper.solve.incumbent import Incumbent
from mapper.solve.makespan.flexible.bound import bound
from mapper.solve.makespan.flexible.cpsat import exact
from mapper.solve.makespan.flexible.listing import heft, peft
from mapper.solve.makespan.flexible.problem import FORBIDDEN, Problem, Solution
from mapper.solve.makespan.flexible.sampling import sample
from mapper.solve.makespan.flexible.shop import improve, is_shop
from mapper.solve.makespan.flexible.verify import verify
from mapper.solve.portfolio import Step, run
from mapper.solve.result import Result, result_of
from mapper.solve.threads import at_once

EXACT_TASKS = 160
"""Tasks of a job shop up to which CP-SAT is asked for a proof: with more, its bound stays below that of the prices."""

SMALL = 60
"""Tasks up to which CP-SAT comes first: it proves most such shops in seconds."""


def solve(problem: Problem, budget: Budget) -> Result[Solution]:
    """The best schedule found within the budget.

    Raises MapperError on a malformed problem, Infeasible when no choice of modes has routes for all edges.
    """
    problem.check()

    def judge(solution: Solution) -> int:
        verify(problem, solution)
        return solution.makespan

    incumbent = Incumbent(judge, budget)
    incumbent.raise_bound(*bound(problem))
    for name, method in (("heft", heft), ("peft", peft)):
        found = method(problem)
        if found is not None:
            incumbent.offer(found, name)
    run(_steps(problem), incumbent, budget)
    if not incumbent.found:
        raise Infeasible(
            "no choice of modes was found for which every edge has a route",
            details=[f"{len(problem.tasks)} tasks, {len(problem.edges)} edges"],
            hint="levers: more routes between places | more modes | a larger budget",
        )
    return result_of(incumbent)


def _steps(problem: Problem) -> list[Step[Solution]]:
    """The methods for a problem of this kind and size."""

    def proof(incumbent: Incumbent[Solution], part: Budget) -> None:
        exactly(problem, incumbent, part)

    def moves(incumbent: Incumbent[Solution], part: Budget) -> None:
        improve(problem, incumbent, part)

    def race(incumbent: Incumbent[Solution], part: Budget) -> None:
        """CP-SAT on one thread, local search on the others."""
        works = [partial(proof, incumbent, replace(part, workers=part.workers and 1))]
        if others := (part.workers or 1) - 1:
            works.append(partial(moves, incumbent, replace(part, workers=others)))
        at_once(works, part.stop)

    def lists(incumbent: Incumbent[Solution], part: Budget) -> None:
        sample(problem, incumbent, part)

    if not is_shop(problem):
        return [Step("list schedules", 0.1, lists), Step("exact", 0.9, proof)]
    if len(problem.tasks) <= SMALL:
        return [Step("exact", 0.5, proof), Step("local search", 0.5, moves)]
    if len(problem.tasks) > EXACT_TASKS:
        return [Step("local search", 1.0, moves)]
    return [Step("local search", 0.2, moves), Step("exact", 0.3, race), Step("local search", 0.5, moves)]


def exactly(problem: Problem, incumbent: Incumbent[Solution], budget: Budget) -> None:
    """CP-SAT's schedule when better, and its bound."""
    hint = incumbent.solution if incumbent.found else None
    most = int(incumbent.value) if hint is not None else horizon(problem)

    def bounded(value: float) -> None:
        incumbent.raise_bound(whole(value), "cp-sat")

    found, answer = exact(problem, hint, int(incumbent.bound), most, budget, bounded, lambda: incumbent.closed)
    if found is not None:
        incumbent.offer(found, "cp-sat")
    if answer.bound is not None:
        bounded(answer.bound)


def horizon(problem: Problem) -> int:
    """Ticks that suffice for everything one after the other."""
    moves = [[t.ticks for t in table.values() if t.ticks < FORBIDDEN] for table in problem.transfers]
    longest = [max(ticks, default=0) for ticks in moves]
    tasks = sum(max(problem.tasks[i].modes[m].ticks for m in kept) for i, kept in enumerate(problem.possible))
    return tasks + sum(longest[edge.size] for edge in problem.edges if edge.size is not None)
