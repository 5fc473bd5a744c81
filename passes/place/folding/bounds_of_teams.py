"""Bounds over all arrangements of the equal chips of a target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mapper.errors import Infeasible
from mapper.hw.teams import folds
from mapper.ir.plan import Bound, Plan
from mapper.pipeline.pass_ import Context, Pass
from mapper.solve.budget import Budget
from mapper.solve.placement.infeasible import demand
from passes.place.bounds import Bounds
from passes.place.folding.pooled import Pooled, on_target, pools
from passes.place.searching import searched
from passes.place.solver import BoundsBySearch

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
        asked = unfolded(plan, ctx)
        if not folds(asked.target):
            return replace(plan, bounds=Bounds().run(asked, ctx).bounds)
        return replace(plan, bounds=(_least(pools(asked, ctx), ctx.budget(self.name)),))


@dataclass(frozen=True)
class BoundsOfTeamsBySearch(Pass):
    """Prove that bound as `place-teams` does: the search on the pool with the least bound sharpens it, again and again
    until the least is a sharpened one."""

    name = "bounds-of-teams-by-search"
    requires = ("graph", "target", "phases", "options", "tasks")
    provides = ("bounds",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with the least of the arrangements' bounds, sharpened."""
        asked = unfolded(plan, ctx)
        if not folds(asked.target):
            return replace(plan, bounds=BoundsBySearch().run(asked, ctx).bounds)
        budget = ctx.budget(self.name)
        bound = _least(pools(asked, ctx), budget, lambda pool, bound: sharpened(pool, bound, ctx))
        return replace(plan, bounds=(bound,))


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


def _least(relaxed: Sequence[Pooled], budget: Budget, *later: Callable[[Pooled, Bound], Bound]) -> Bound:
    """The least of the pools' bounds. Whichever is the least is raised by the next way to prove one, from quick to
    slow, until it is one that has been through them all; `later` are those after the bound of the pool itself."""
    ways = (lambda pool, bound: max(bound, pool.bound(budget), key=_value), *later)
    found, done = [pool.quick(budget) for pool in relaxed], [0] * len(relaxed)
    while done[k := min(range(len(found)), key=lambda k: found[k].value)] < len(ways):
        found[k] = ways[done[k]](relaxed[k], found[k])
        done[k] += 1
    return found[k]


def _value(bound: Bound) -> float:
    return bound.value
