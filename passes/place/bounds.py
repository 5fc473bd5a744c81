"""Bounds of a placement problem in the units of a plan."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND
from mapper.ir.plan import Bound, Objective, Plan
from mapper.pipeline.pass_ import Context, Pass
from mapper.solve.budget import Budget
from mapper.solve.placement import problem as pb
from mapper.solve.placement.bound import lower_bound
from mapper.solve.placement.tables import build
from passes.place.translate import translate

SCALE = {
    Objective.LATENCY: 1 / TICKS_PER_SECOND,
    Objective.THROUGHPUT: 1 / TICKS_PER_SECOND,
    Objective.ENERGY: 1 / PJ_PER_J,
    Objective.EDP: 1 / PJ_PER_J / TICKS_PER_SECOND,
}
"""From the problem's ticks and picojoules to seconds and joules."""


def bounds_of(problem: pb.Problem, objective: Objective, budget: Budget) -> tuple[Bound, ...]:
    """The proven lower bound of the problem's objective, in SI units."""
    found = lower_bound(build(problem), objective.value, budget)
    return (Bound(objective.value, found.value * SCALE[objective], found.name),)


@dataclass(frozen=True)
class Bounds(Pass):
    """Prove a lower bound of the objective over all placements, without looking for one.

    `mapper check` runs it to derive a plan's bound again.
    """

    name = "bounds"
    requires = ("options", "tasks")
    provides = ("bounds",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with its bound."""
        return replace(plan, bounds=bounds_of(translate(plan).problem, plan.objective, ctx.budget(self.name)))
