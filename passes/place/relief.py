"""Relief: searches of narrower problems where the buffers of what a search found do not fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from mapper.errors import Infeasible
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context
from mapper.solve.placement import driver
from mapper.solve.placement.bound import lower_bound
from mapper.solve.placement.tables import build
from passes.memory.memory import PROBE
from passes.place.bounds import scale, solved_as
from passes.place.mending.refine import Candidate, refined
from passes.place.mending.relieve import FREED, SHARES, freed, lacking_in, relieved, widen_back
from passes.place.probe import NEAR, NO_ROOM, Best, Judged, judged_best
from passes.place.searching import FURTHER_SHARE
from passes.place.translate import Translation


def with_room(plan: Plan, t: Translation, crowded: Best, rivals: Sequence[Best], ctx: Context) -> list[Candidate]:
    """A candidate whose buffers fit, from searches that leave more and more free in the memories that overflow, or from
    such that may put less and less there, whichever is better; the crowded one where there is none. None where all are
    proven to be worse than rivals that fit."""
    least = min((rival.judged for rival in rivals), default=NO_ROOM)
    more_free = [partial(freed, t)] * FREED
    less_there = [partial(relieved, plan, t, share=share) for share in SHARES]
    lacking = lacking_in(plan, t, crowded.solution, ctx)
    found = [_relief(plan, t, crowded, lacking, least, ctx, ways) for ways in (less_there, more_free)]
    best = min(found, key=lambda b: b.judged)
    return [] if best.judged == NO_ROOM != least else [best.candidate]


def _relief(
    plan: Plan,
    t: Translation,
    best: Best,
    lacks: Mapping[str, int],
    least: Judged,
    ctx: Context,
    narrower: Sequence[Callable[..., Translation]],
) -> Best:
    """The first of the searches of narrower and narrower problems whose buffers fit, and what a probe finds of it; each
    problem is made from the bytes that were lacking before. Ends where no solution of one can be as good as `least`.
    lacks: what the memories lack under the best so far."""
    lacking, known = Counter[str](), best
    objective = solved_as(plan.objective)
    for make in narrower:
        if best is not known:
            lacks, known = lacking_in(plan, t, best.solution, ctx), best
        lacking.update(lacks)
        narrow = make(lacking)
        if least != NO_ROOM:
            proven = lower_bound(build(narrow.problem), objective, ctx.budget()).value * scale(plan)
            if proven > least[1] * (1 + NEAR):
                break
        try:
            found = driver.solve(narrow.problem, objective, ctx.budget().part(FURTHER_SHARE))
        except Infeasible:
            continue
        candidate = (f"{found.method}, relieved", widen_back(narrow, t, found.solution))
        best = judged_best(plan, t, refined(plan, t, candidate), ctx, PROBE)
        if best.judged != NO_ROOM:
            break
    return best
