"""One phase after the other: the baseline of placing all phases at once."""

from __future__ import annotations

from dataclasses import dataclass

from mapper.errors import Infeasible
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Pass
from mapper.solve.placement.by_phase import by_phase
from passes.place.baselines import finish
from passes.place.bounds import solved_as
from passes.place.infeasible import finds_none
from passes.place.searching import BY_PHASE, BY_PHASE_SHARE
from passes.place.solver import PlaceCpSat
from passes.place.translate import translate


@dataclass(frozen=True)
class PlaceByPhase(Pass):
    """Place the first phase as if it were alone, then the next with the weights and states where they lie, and so on.

    What people do who tune prefill and decode one after the other. A later phase uses weights where they are, or keeps
    a second copy where there is room; the states of a request stay where the first phase that has them left them.
    One phase alone is placed by `place-cpsat`: there is nothing that the two could do differently.
    """

    name = BY_PHASE
    requires = ("options", "tasks")
    provides = ("placement", "residency", "bounds", "search")

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with each phase placed for itself."""
        if len(plan.phases) == 1:
            return PlaceCpSat().run(plan, ctx)
        t = translate(plan)
        try:
            found = by_phase(t.problem, solved_as(plan.objective), ctx.budget().part(BY_PHASE_SHARE))
        except Infeasible as error:
            hint = "place-cpsat places all phases at once"
            raise finds_none(plan, self.name, error.message, hint, error.details) from error
        return finish(plan, t, found, self.name, ctx)
