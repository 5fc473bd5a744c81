"""Judging: what a search found and the baselines, first by probes, then where it matters by a longer look."""

from __future__ import annotations

from mapper.cost.steady import EVENTS
from mapper.errors import Infeasible
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context
from passes.memory.memory import PROBE
from passes.place.mending.looks import STEADY, looked_at_best
from passes.place.mending.refine import Candidate, refined, refined_alike, waiting_less
from passes.place.probe import NEAR, NO_ROOM, ROUGH, Best, judged_best
from passes.place.rank import least_of, may_beat
from passes.place.relief import with_room
from passes.place.translate import Translation


def judged_twice(
    plan: Plan, t: Translation, found: list[Candidate], baselines: list[Candidate], ctx: Context, proven: float
) -> Best:
    """The best of the candidates, refined and probed, and of the baselines, judged in full; what the probe found where
    no baseline may be better and `proven`, what no plan undercuts, is out of reach."""
    probed, *seconds = _probed(plan, t, found, ctx, proven)
    rivals = [
        c for c in baselines if c[1] != probed.solution and may_beat(plan, t, c[1], probed.judged[1] * (1 + NEAR))
    ]
    close = _near(plan, t, rivals, probed, ctx)
    near = [*seconds, *close]
    if not near and not plan.limits and proven * (1 + NEAR) < probed.judged[1] < NO_ROOM[1]:
        return probed  # a longer look would tell nothing that is asked for
    first = [probed.candidate] if probed.judged != NO_ROOM else with_room(plan, t, probed, close, ctx)
    known = {best.solution: best.seen for best in (probed, *near) if best.seen}
    return judged_best(plan, t, [*first, *(best.candidate for best in near)], ctx, EVENTS, known, last=bool(close))


def _probed(plan: Plan, t: Translation, found: list[Candidate], ctx: Context, proven: float) -> list[Best]:
    """The best of the candidates by a probe: of the first in all its variants, of the others in the one that is best
    there; and where `proven` is not near, with less waiting. Behind it, there, those that are nearly as good: with many
    requests in flight a probe is rough."""
    tried = [judged_best(plan, t, refined(plan, t, found[0]), ctx, PROBE)]
    others = refined_alike(plan, t, found[1:], tried[0].candidate, found[0])
    tried += _better(plan, t, list(dict.fromkeys(others)), ctx, tried[0])
    best = min(tried, key=lambda b: b.judged)
    if plan.objective not in STEADY or not proven * (1 + NEAR) < best.judged[1] < NO_ROOM[1]:
        return [best]
    tried += _better(plan, t, waiting_less(t, best.candidate), ctx, best)
    tried.sort(key=lambda b: b.judged)
    return [b for b in tried if b.judged <= (tried[0].judged[0], tried[0].judged[1] * (1 + ROUGH))]


def _better(plan: Plan, t: Translation, tried: list[Candidate], ctx: Context, best: Best) -> list[Best]:
    """What a probe finds best of those that may be better than the best so far."""
    news = [c for c in tried if (least := least_of(plan, t, c[1])) is None or (0.0, least) < best.judged]
    return [judged_best(plan, t, news, ctx, PROBE)] if news else []


def _near(plan: Plan, t: Translation, rivals: list[Candidate], probed: Best, ctx: Context) -> list[Best]:
    """The rivals that need the longer look: those that a probe finds nearly as good as what it finds best of all. What
    a probe does not see yet of the steady state, it does not see of any of them."""
    if plan.limits or plan.objective not in STEADY:
        return [Best(probed.judged, rival) for rival in rivals]
    found: list[Best] = []
    for rival in rivals:
        try:
            verdict = looked_at_best(t.apply(plan, rival[1]), ctx, PROBE, estimator=t.estimator)
        except Infeasible:
            continue
        found.append(Best((verdict.excess, verdict.value(plan.objective)), rival, verdict))
    most = min(best.judged[1] for best in (probed, *found)) * (1 + NEAR)
    return [best for best in found if best.judged[1] < most]
