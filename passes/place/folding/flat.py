"""Baselines on single chips: rivals of a folded placement, so that folding is never worse than not folding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mapper.errors import Infeasible
from mapper.ir.plan import Plan, Status
from mapper.pipeline.pass_ import Context
from passes.place.baselines import search_of, starts
from passes.place.mending.refine import Candidate
from passes.place.rank import best_of_each, least_of
from passes.place.solver import STAGES_SHARE
from passes.place.stages import PlaceStages, staged
from passes.place.translate import Translation, translate

PAIRS = 8000
"""Up to so many pairs of a task and a unit the placement problem of single chips is written: seconds for more."""


def rivals(plan: Plan, ctx: Context, to_beat: float) -> Iterator[tuple[Plan, float]]:
    """The best placement of each baseline on the chips as they are, where it may beat a value; and the least that the
    judge can find of it (0 where only the judge can tell). None on targets of so many chips that this takes long."""
    if len(plan.tasks or ()) * len(plan.target.units) > PAIRS:
        return
    t = translate(plan)
    known = starts(t, plan) + _cut(plan, t, ctx)
    for name, solution in best_of_each(plan, t, known, len(known)):
        least = least_of(plan, t, solution) or 0.0
        if least < to_beat:
            yield replace(t.apply(plan, solution), search=search_of(t, solution, Status.FEASIBLE, name)), least


def _cut(plan: Plan, t: Translation, ctx: Context) -> list[Candidate]:
    """The best pipeline of stages, where there is one."""
    try:
        return [(PlaceStages.name, staged(plan, t, ctx.budget().part(STAGES_SHARE)))]
    except Infeasible:
        return []
