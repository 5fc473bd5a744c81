"""Solves the latency variant within a budget: the bound of paths, starts, annealing."""

from __future__ import annotations

from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent
from mapper.solve.stages import latency
from mapper.solve.stages.driver import Result, result
from mapper.solve.stages.infeasible import no_split
from mapper.solve.stages.latency_bound import NEVER, divisions
from mapper.solve.stages.latency_search import Search, search
from mapper.solve.stages.problem import Problem, Solution


def solve_latency(problem: Problem, budget: Budget) -> Result:
    """The shortest latency found, one call for each accelerator, with a bound.

    Raises MapperError on a malformed problem, Infeasible where a path of it fits nowhere.
    """
    problem.check()
    incumbent: Incumbent[Solution] = Incumbent(lambda s: latency.verify(problem, s), budget)
    parts = divisions(problem)
    if max(part.ticks for part in parts) >= NEVER:
        raise no_split(problem)
    incumbent.raise_bound(max(part.ticks for part in parts), "calls along a path")
    state = Search(problem)
    starts = [state.filled(), state.on_host(), *(state.divided(part) for part in parts)]
    search(state, [start for start in starts if start is not None], incumbent, budget)
    return result(incumbent)
