"""Pooled: the relaxation in which equal chips share their tasks, the size of one chip, and its bound."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from mapper.errors import MapperError
from mapper.hw.target import Target
from mapper.hw.teams import Arrangement, arranged, arrangements
from mapper.ir.plan import DECISIONS, Bound, Plan
from mapper.pipeline.pass_ import Context
from mapper.solve.budget import Budget
from mapper.solve.placement import problem as pb
from mapper.solve.placement.bound import lower_bound
from mapper.solve.placement.greedy import fastest
from mapper.solve.placement.tables import Tables, build
from passes.partition.options import Options
from passes.place.bounds import scale, solved_as, told
from passes.place.folding.grouping import regrouped
from passes.place.folding.quick import Quick
from passes.place.folding.uncrowded import restricted
from passes.place.folding.whole import in_whole_pieces, that_fit
from passes.place.translate import Translation, translate


def on_target(plan: Plan, target: Target, ctx: Context) -> Plan:
    """The plan on another target, with that target's options and nothing placed. Where units are teams of ranks, there
    or here, its ops are grouped anew (`regrouped`): what a team divides has other neighbours than what one unit runs.
    """
    moved = _moved(plan, target)
    if any(unit.ranks > 1 for unit in (*target.units, *plan.target.units)):
        moved = regrouped(moved, ctx)
    return Options().run(moved, ctx)


def on_like_target(plan: Plan, target: Target, ctx: Context) -> Plan:
    """The plan, its ops grouped as they are, on a target whose units are of as many ranks."""
    return Options().run(_moved(plan, target), ctx)


def _moved(plan: Plan, target: Target) -> Plan:
    later: dict[str, Any] = dict.fromkeys(DECISIONS[DECISIONS.index("options") :])
    return replace(plan, target=target, **later)


@dataclass(frozen=True)
class Pooled:
    """All stages of all copies of an arrangement in one: the plan with its options, and the placement problem."""

    arrangement: Arrangement
    plan: Plan

    @staticmethod
    def of(plan: Plan, ranks: int, ctx: Context, copies: int = 1) -> Pooled:
        """The relaxation of a plan's problem under all arrangements with so many ranks: weights are kept once in the
        pool, and copies keep them more often. Where weights compute in arrays of their own, more copies of them do more
        at once: there it is one of all arrangements with so many copies."""
        way = Arrangement(ranks, copies)
        return Pooled(way, on_target(plan, arranged(plan.target, way, pooled=True), ctx))

    @cached_property
    def t(self) -> Translation:
        """The placement problem, with the room that whole pieces can take and the options that a stage can hold."""
        target, loose = self.plan.target, self._loose
        few = restricted(loose, that_fit(loose.problem, target)) if self.stages > 1 else loose
        return replace(few, problem=in_whole_pieces(few.problem, target))

    @cached_property
    def _loose(self) -> Translation:
        return translate(self.plan)

    @property
    def room(self) -> tuple[int, ...]:
        """Bytes of each memory that are left for weights and states, whatever whole pieces can take of them."""
        return self._loose.problem.capacities

    @cached_property
    def stages(self) -> int:
        """How many stages the largest pool has."""
        return max((unit.team.pool for unit in self.plan.target.units if unit.team), default=1)

    def quick(self, budget: Budget) -> Bound:
        """A value that no placement undercuts, found without writing the placement problem: seldom as large as that of
        `bound`."""
        quick, objective = Quick(self.plan), solved_as(self.plan.objective)
        value = quick.bound(objective, budget)
        spare = _of_ticks(quick.activities(), self.plan.target.idle_power_w, objective, value) if self.stages > 1 else 0
        return Bound(self.plan.objective.value, max(0.0, value - spare) * scale(self.plan), "pooled classes")

    def bound(self, budget: Budget) -> Bound:
        """A value, in SI units, that no placement on the explicit target undercuts."""
        tables, objective = build(self.t.problem), solved_as(self.plan.objective)
        found = lower_bound(tables, objective, budget, self._ceiling(tables))
        return told(self.proven(found.value, found.name), found.rests, self.plan)

    def _ceiling(self, tables: Tables) -> float:
        """The value of a placement that is quickly found, infinite where it breaks a rule: scales the relaxation."""
        problem, quick = self.t.problem, fastest(tables)
        try:
            pb.verify(problem, quick)
        except MapperError:
            return math.inf
        totals = pb.totals(problem, quick)
        return math.inf if pb.excess(problem, totals) else pb.objective(problem, totals, solved_as(self.plan.objective))

    def proven(self, value: float, name: str) -> Bound:
        """A bound of the pooled problem as one of the explicit problems: less what rounding can make of it."""
        objective = self.plan.objective
        safe = value - rounding(self.t.problem, solved_as(objective), value) if self.stages > 1 else value
        return Bound(objective.value, max(0.0, safe) * scale(self.plan), f"pooled {name}")


def ways_of(target: Target) -> tuple[Arrangement, ...]:
    """The arrangements of a target that are tried: ranks, copies and stages."""
    return arrangements(target)


def pools(plan: Plan, ctx: Context) -> list[Pooled]:
    """The relaxations that stand for all arrangements of a plan's target: one for each number of ranks, and of copies
    where that matters."""
    found: dict[int, Pooled] = {}
    listed = []
    for way in sorted({_pool(plan, w) for w in ways_of(plan.target)}):
        alike = found.get(way.ranks)
        if alike is None:
            pool = found[way.ranks] = Pooled.of(plan, way.ranks, ctx, way.copies)
        else:
            pool = Pooled(way, on_like_target(alike.plan, arranged(plan.target, way, pooled=True), ctx))
        listed.append(pool)
    return listed


def stands_for(plan: Plan, pool: Arrangement, way: Arrangement) -> bool:
    """Whether the relaxation of one arrangement of a plan's target is one of another, too."""
    return pool == _pool(plan, way)


def _pool(plan: Plan, way: Arrangement) -> Arrangement:
    """The arrangement whose pool stands for another one."""
    target = plan.target
    inside = any(
        unit.model.engine == "spatial" and any(target.memory[m].unit == unit.name for m in unit.weights)
        for unit in target.units
    )
    return way if inside else Arrangement(way.ranks)


def rounding(problem: pb.Problem, objective: str, value: float) -> float:
    """How much of a pooled bound may come from rounding: a part of a load that each of many chips rounds for itself
    may come to less than the whole rounded once, by a tick for each activity."""
    ticks = sum(problem.calls[item.phase] for item in problem.items)
    ticks += sum(2 * problem.calls[net.phase] * (len(net.sinks) + len(net.ends)) for net in problem.nets)
    return _of_ticks(ticks, problem.idle_pj_per_tick, objective, value)


def _of_ticks(ticks: int, idle_pj_per_tick: float, objective: str, value: float) -> float:
    """So many ticks of rounding in terms of an objective."""
    match objective:
        case "energy":
            return ticks * (1.0 + idle_pj_per_tick)
        case "edp":
            return value * 1e-6 + ticks * (1.0 + idle_pj_per_tick)
    return float(ticks)
