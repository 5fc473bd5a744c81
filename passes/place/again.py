"""Placement again: the search, started from where a plan's tasks lie already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mapper.cost.steady import EVENTS
from mapper.errors import Infeasible, MapperError
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from mapper.solve.placement import problem as pb
from passes.place.baselines import search_of
from passes.place.mending.late import with_late
from passes.place.mending.looks import looked_at_best
from passes.place.solver import NO_ROOM, Best, bound_of, judged_twice, searched, status_of
from passes.place.translate import Translation, translate

AS_BEFORE = "as before"
"""Who found the placement that is the plan's own."""


@dataclass(frozen=True)
class PlaceAgain(Pass):
    """Place every task again on a target that has changed: the search starts from where the tasks lie already, which
    saves looking for starts. The plan is never worse than where they lay, where they can still lie there.
    """

    name = "place-again"
    requires = ("options", "tasks", "placement")
    provides = ("placement", "residency", "bounds", "search")

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with placement, residency, the proven bound and how the search ended."""
        t = translate(plan)
        starts = list(_as_before(plan, t))
        result, related = searched(plan, t, [(AS_BEFORE, s) for s in starts], ctx.budget(self.name))
        bound = bound_of(plan, result)
        found = [(result.method, result.solution), *related, *result.others]
        rivals = [_seen_before(plan, t, s, ctx) for s in starts]
        best = judged_twice(plan, t, found, [(AS_BEFORE, s) for s in starts], ctx, bound.value)
        best = min((best, *rivals), key=lambda b: b.judged)
        search = search_of(t, best.solution, status_of(result, ctx, best.judged, bound), best.candidate[0])
        placed = replace(t.apply(plan, best.solution), bounds=(bound,), search=search)
        return with_late(placed, best.placement)


def _as_before(plan: Plan, t: Translation) -> Iterator[pb.Solution]:
    """Where the tasks lie now, if each still can, and all fit."""
    units = {}
    for place in plan.placement or ():
        source = plan.target.unit[place.unit].weights.index(place.weights) if place.weights else -1
        units[place.task] = (place.unit, source, place.replicas, place.shard)
    try:
        solution = t.solution(units)
        pb.verify(t.problem, solution)
    except (ValueError, MapperError):
        return
    yield solution


def _seen_before(plan: Plan, t: Translation, solution: pb.Solution, ctx: Context) -> Best:
    """What the judge finds of the plan as it is, operands brought late and tiles included."""
    try:
        verdict = looked_at_best(t.apply(plan, solution), ctx, EVENTS, plan.placement or ())
    except Infeasible:
        return Best(NO_ROOM, (AS_BEFORE, solution))
    return Best((verdict.excess, verdict.value(plan.objective)), (AS_BEFORE, solution), verdict.plan.placement or ())
