"""Solves a selection problem within a budget: reductions, bound and search on the core, CP-SAT where it is small."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.incumbent import Incumbent
from mapper.solve.portfolio import Step, run
from mapper.solve.selection.arrays import Arrays, from_problem
from mapper.solve.selection.exact import exactly, fits_exact, judge, never_fits
from mapper.solve.selection.infeasible import no_partner, refuse_overload
from mapper.solve.selection.problem import Problem, Solution
from mapper.solve.selection.rows import Ints
from mapper.solve.selection.verify import verify

COMPILING_SECONDS = 20.0
"""Budget from which on compiling the kernels (a first run takes about this long) pays on a problem fit for CP-SAT."""

SMALL_SHARE = 0.3
LARGE_SHARE = 0.85
"""Parts of the budget for bound and search on the core before options are fixed, if CP-SAT may close it and if not."""

REDUCING_SHARE = 0.3
"""Part of the time to the deadline after which no further reduction is begun: what is left then is the core."""

LATE_SECONDS = 5.0
"""A time limit too short for any search is exceeded by up to this for the leanest choice: late is better than none."""

CLOSING_SECONDS = 0.3
"""Time kept for the way back from the core and the check of the solution, beside what the problem's check took."""


@dataclass(frozen=True, slots=True)
class Result:
    """The best choice found and its cost (None: none was), a lower bound and its name, and how the search ended."""

    solution: Solution | None
    value: int | None
    bound: int | None
    bound_name: str
    status: Outcome
    by: str = ""


def solve(problem: Problem, budget: Budget) -> Result:
    """The cheapest choice found, verified. Raises MapperError on a malformed problem, Infeasible if proven to be."""
    began = time.monotonic()
    problem.check()
    refuse_overload(problem)
    closing = CLOSING_SECONDS + time.monotonic() - began
    searching = budget if budget.deadline is None else replace(budget, deadline=budget.deadline - closing)
    whole = from_problem(problem)
    if fits_exact(whole) and min(searching.deterministic_seconds, searching.seconds_left()) < COMPILING_SECONDS:
        incumbent = Incumbent(judge(whole), searching)
        run([Step("CP-SAT", 1.0, lambda i, b: exactly(whole, i, b))], incumbent, searching)
        return _result(problem, incumbent, incumbent.solution if incumbent.found else None)
    return _reduced(problem, whole, searching)


def _reduced(problem: Problem, whole: Arrays, budget: Budget) -> Result:
    """The result by way of the core."""
    from mapper.solve.selection.eliminate import ContradictionError
    from mapper.solve.selection.lean import lean
    from mapper.solve.selection.reduce import reduce

    try:
        reduced = reduce(whole, budget.slice(REDUCING_SHARE))
    except ContradictionError as lost:
        raise no_partner(problem, lost.node) from lost
    core = reduced.core
    incumbent = Incumbent(judge(core), budget)
    if core.nodes:
        run(_steps(core, budget), incumbent, budget)
        late = None if budget.deadline is None else time.monotonic() + LATE_SECONDS
        lean(core, incumbent, replace(budget, deadline=late))
    elif (core.limit < 0).any():
        raise never_fits(core, "reductions")
    else:
        incumbent.offer(core.first[:0], "reductions")
        incumbent.raise_bound(core.constant, "reductions")
    return _result(problem, incumbent, reduced.expand(incumbent.solution) if incumbent.found else None)


def _steps(core: Arrays, budget: Budget) -> list[Step[Ints]]:
    """Bound and search, with CP-SAT on what they leave in question."""
    from mapper.solve.selection.close import close
    from mapper.solve.selection.dual import Dual
    from mapper.solve.selection.explore import explore
    from mapper.solve.selection.lean import lean

    duals: list[Dual] = []
    share = SMALL_SHARE if fits_exact(core) else LARGE_SHARE
    return [
        Step("explore", share, lambda i, b: duals.append(explore(core, i, b))),
        Step("lean", 0.0, lambda i, _: lean(core, i, budget)),
        Step("close", 1.0 - share, lambda i, b: close(core, duals[-1], i, b)),
    ]


def _result(problem: Problem, incumbent: Incumbent[Ints], choice: Ints | None) -> Result:
    """The result, verified against the problem's own definition."""
    bound = None if incumbent.bound_name == "" else int(incumbent.bound)
    if choice is None:
        return Result(None, None, bound, incumbent.bound_name, Outcome.UNKNOWN)
    solution = Solution(tuple(choice.tolist()))
    verify(problem, solution)
    value = problem.objective(solution.choice)
    if value != incumbent.value:
        raise MapperError(f"internal: the core's solution costs {incumbent.value}, the whole's {value}")
    status = Outcome.OPTIMAL if incumbent.closed else Outcome.FEASIBLE
    return Result(solution, value, bound, incumbent.bound_name, status, incumbent.by)
