"""Placement by search: the driver of `mapper.solve.placement`, judged by replay against every baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapper.cost.steady import EVENTS
from mapper.errors import Infeasible
from mapper.ir.plan import Plan, Status
from mapper.pipeline.pass_ import Context, Pass
from mapper.solve.placement import driver
from mapper.solve.placement import problem as pb
from passes.place.baselines import search_of
from passes.place.bounds import bound_of, solved_as, status_of
from passes.place.judging import judged_twice
from passes.place.limits import tightened
from passes.place.mending.late import with_late
from passes.place.mending.looks import STEADY, looked_at_best, looked_longer
from passes.place.mending.refine import Candidate
from passes.place.probe import Best
from passes.place.rank import best_of_each
from passes.place.searching import FURTHER_SHARE, every_start, searched
from passes.place.translate import Translation, translate
from passes.place.whole_tasks import judged_with_whole

STARTED, SEARCHED = 0.2, 0.9
"""Parts of the time that are over when the starts are found, and when the search is: judging takes the rest."""

TIGHTENED = 4
"""Searches under tighter limits at most, where the judge finds more than the placement problem does."""


@dataclass(frozen=True)
class PlaceCpSat(Pass):
    """Place every task in every phase at once, with residency shared by the phases.

    Starts from all baselines, improves by local search and CP-SAT neighbourhoods, and keeps the candidate that the
    judge likes best: the plan is never worse than a baseline's under the same later passes.
    """

    name = "place-cpsat"
    requires = ("options", "tasks")
    provides = ("placement", "residency", "bounds", "search")

    candidates: int = 4

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with placement, residency, the proven bound and how the search ended."""
        t = translate(plan)
        budget = ctx.budget(self.name)
        known = every_start(t, plan, ctx)
        result, related = searched(plan, t, known, budget.stretch(STARTED, SEARCHED))
        budget.reached(SEARCHED)
        found = [(result.method, result.solution), *related, *result.others]
        baselines = best_of_each(plan, t, known, self.candidates)
        bound = bound_of(plan, result)
        best = judged_with_whole(plan, t, found, baselines, ctx, bound.value, self.candidates)
        best = _within_limits(plan, t, best, [s for _, s in found], bound.value, ctx)
        status = status_of(result, ctx, best.judged, bound)
        if status is Status.OPTIMAL and plan.objective in STEADY and best.seen is not None:
            last = looked_longer(best.seen, EVENTS, last=True)  # with as few requests in flight as are nearly as good
            status = status_of(result, ctx, (last.excess, last.value(plan.objective)), bound)
        search = search_of(t, best.solution, status, best.candidate[0])
        placed = replace(t.apply(plan, best.solution), bounds=(bound,), search=search)
        return with_late(placed, best.placement)


def _within_limits(
    plan: Plan, t: Translation, best: Best, known: list[pb.Solution], proven: float, ctx: Context
) -> Best:
    """The best that searches under tighter and tighter limits find, where the judge finds more than a limit allows and
    the placement problem does not; the best so far where it keeps them."""
    tight = t.problem
    for _ in range(TIGHTENED):
        if not best.judged[0]:
            break
        tight = tightened(plan, tight, best.solution, looked_at_best(t.apply(plan, best.solution), ctx, EVENTS))
        again = _again(plan, tight, ctx, [best.solution, *known])
        if again is None:
            break
        retried = judged_twice(plan, t, again, [best.candidate], ctx, proven)
        best = min(best, retried, key=lambda b: b.judged)
    return best


def _again(plan: Plan, problem: pb.Problem, ctx: Context, known: list[pb.Solution]) -> list[Candidate] | None:
    """What a search under tighter limits finds; None when it finds nothing that keeps them."""
    try:
        found = driver.solve(problem, solved_as(plan.objective), ctx.budget().part(FURTHER_SHARE), known)
    except Infeasible:
        return None
    return [(f"{found.method}, tightened", found.solution), *found.others]


@dataclass(frozen=True)
class BoundsBySearch(Pass):
    """Prove the bound as `place-cpsat` does, by running its search again without keeping the placement.

    The search sharpens the bound of the pass `bounds` on its way; this derives the sharper one again, in the same time.
    """

    name = "bounds-by-search"
    requires = ("options", "tasks")
    provides = ("bounds",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with the bound that the search proves."""
        t = translate(plan)
        result, _ = searched(plan, t, every_start(t, plan, ctx), ctx.budget(self.name))
        return replace(plan, bounds=(bound_of(plan, result),))
