"""Bounds over all arrangements of the equal chips of a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mapper.errors import Infeasible
from mapper.ir.plan import Bound, Plan
from mapper.pipeline.pass_ import Context, Pass
from mapper.solve.placement.infeasible import demand
from passes.place.bounds import Bounds
from passes.place.folding.pooled import Pooled, folds, on_target, pools
from passes.place.solver import BoundsBySearch, searched

SEARCH_SHARE = 0.5
"""Part of the budget that the search on one pooled target gets."""


@dataclass(frozen=True)
class BoundsOfTeams(Pass):
    """Prove the bound over all arrangements of the equal chips of a target, without looking for a placement.

    A plan on a folded target is taken back to the target that was folded; where nothing is to be folded the bound is
    that of `bounds`. `mapper check` runs it.
    """

    name = "bounds-of-teams"
    requires = ("graph", "target", "phases", "options", "tasks")
    provides = ("bounds",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with the least of the arrangements' bounds."""
        plan = unfolded(plan, ctx)
        if not folds(plan.target):
            return Bounds().run(plan, ctx)
        relaxed, budget = pools(plan, ctx), ctx.budget(self.name)
        found = [pool.quick(budget) for pool in relaxed]
        rough = set(range(len(found)))
        while (least := _least(found)) in rough:
            rough.discard(least)
            found[least] = max(found[least], relaxed[least].bound(budget), key=_value)
        return replace(plan, bounds=(found[least],))


@dataclass(frozen=True)
class BoundsOfTeamsBySearch(Pass):
    """Prove that bound as `place-teams` does: the search on the pool with the least bound sharpens it, again and again
    until the least is a sharpened one."""

    name = "bounds-of-teams-by-search"
    requires = ("graph", "target", "phases", "options", "tasks")
    provides = ("bounds",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with the least of the arrangements' bounds, sharpened."""
        plan = unfolded(plan, ctx)
        if not folds(plan.target):
            return BoundsBySearch().run(plan, ctx)
        relaxed = pools(plan, ctx)
        found = [pool.quick(ctx.budget(self.name)) for pool in relaxed]
        rough, open_ = set(range(len(found))), set(range(len(found)))
        while (least := _least(found)) in open_:
            if least in rough:
                rough.discard(least)
                found[least] = max(found[least], relaxed[least].bound(ctx.budget(self.name)), key=_value)
                continue
            open_.discard(least)
            found[least] = sharpened(relaxed[least], found[least], ctx)
        return replace(plan, bounds=(found[least],))


def sharpened(pool: Pooled, bound: Bound, ctx: Context) -> Bound:
    """The bound that the search on a pool proves; infinite where nothing can fit the pool."""
    try:
        result, _ = searched(pool.plan, pool.t, [], ctx.budget("place-teams").part(SEARCH_SHARE))
    except Infeasible:
        return unsolved(pool, bound)
    return max(bound, pool.proven(result.bound, result.bound_name), key=_value)


def unsolved(pool: Pooled, bound: Bound) -> Bound:
    """The bound of a pool in which the search found no placement: infinite where the memories are proven too small. A
    search that only ended without one proves nothing."""
    problem = pool.t.problem
    if demand(problem) > sum(problem.capacities):
        return replace(bound, value=float("inf"), name="pooled memory")
    return bound


def unfolded(plan: Plan, ctx: Context) -> Plan:
    """The plan's question on the target as it was before it was folded."""
    target = plan.target
    if target.group is not None and any(unit.team for unit in target.units):
        return on_target(plan, target.group, ctx)
    return plan


def _least(bounds: Sequence[Bound]) -> int:
    """The position of the least bound, the first among equals."""
    return min(range(len(bounds)), key=lambda k: bounds[k].value)


def _value(bound: Bound) -> float:
    return bound.value
