"""Whole tasks: a second search, of tasks in one piece alone, where what tiles promise is far from what they give."""

from __future__ import annotations

from dataclasses import replace

from mapper.errors import Infeasible
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context
from passes.place.bounds import bound_of
from passes.place.judging import judged_twice
from passes.place.mending.refine import Candidate
from passes.place.mending.relieve import widen_back
from passes.place.probe import ROUGH, Best
from passes.place.rank import best_of_each
from passes.place.searching import every_start, searched
from passes.place.translate import Translation
from passes.place.untiled import MANY_RUNS, WORTH_TILES, WORTH_WHOLE, runs_in_tiles, untiled


def judged_with_whole(
    plan: Plan,
    t: Translation,
    found: list[Candidate],
    baselines: list[Candidate],
    ctx: Context,
    proven: float,
    most: int,
) -> Best:
    """As `judged_twice`; where tasks can be in tiles only on some units, and that is far from what is proven, a search
    of whole tasks alone, too, unless what it finds is clearly worse. Where the search puts so much in tiles that each
    look is long, whole tasks come first, and come alone where tiles can bring little more. most: baselines of that
    search."""
    few = untiled(t)
    if few is None:
        return judged_twice(plan, t, found, baselines, ctx, proven)
    whole, first = None, runs_in_tiles(t, found[0][1]) > MANY_RUNS
    if first:
        whole = _whole_tasks(plan, few, t, ctx, most)
        if whole is not None and whole.judged <= (0.0, proven * (1 + WORTH_TILES)):
            return whole
    try:
        best = judged_twice(plan, t, found, baselines, ctx, proven)
    except Infeasible:
        whole = whole if first else _whole_tasks(plan, few, t, ctx, most)
        if whole is None:
            raise
        return whole
    if best.judged <= (0.0, proven * (1 + WORTH_WHOLE)):
        return best
    if not first:
        whole = _whole_tasks(plan, few, t, ctx, most)
    # whole tasks stay unless tiles are better by more than a probe may err
    if whole is None or (best.judged[0], best.judged[1] * (1 + ROUGH)) < whole.judged:
        return best
    return whole


def _whole_tasks(plan: Plan, few: Translation, t: Translation, ctx: Context, most: int) -> Best | None:
    """The best that a search of the tighter problem finds, as of the problem itself where nothing needs tiles; None
    where it finds nothing that fits."""
    try:
        known = every_start(few, plan, ctx)
        result, related = searched(plan, few, known, ctx.budget())
        baselines = best_of_each(plan, few, known, most)
        found = [(result.method, result.solution), *related, *result.others]
        best = judged_twice(plan, few, found, baselines, ctx, bound_of(plan, result).value)
    except Infeasible:
        return None
    return replace(best, candidate=(best.candidate[0], widen_back(few, t, best.solution)))
