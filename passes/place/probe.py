"""Probe: the best of some candidate placements, as a look of the judge finds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mapper.cost.judge import Verdict
from mapper.errors import Infeasible
from mapper.ir.plan import Place, Plan
from mapper.pipeline.pass_ import Context
from mapper.solve.placement import problem as pb
from passes.memory.memory import PROBE
from passes.place.mending.looks import looked_at_best, looked_longer, most_events
from passes.place.mending.refine import Candidate
from passes.place.rank import least_of
from passes.place.translate import Translation

Judged = tuple[float, float]
"""By how much a plan breaks its limits, and the objective's value, as the judge finds them."""

NO_ROOM: Judged = (float("inf"), float("inf"))
"""What is found of a plan whose buffers do not fit."""

NEAR = 0.02
"""Relative difference that a probe and a longer look may show at most."""

ROUGH = 0.03
"""Relative difference of two probes from which on the better one is better at a longer look, too."""


@dataclass(frozen=True, slots=True)
class Best:
    """The best of some candidates, what the judge finds of it, and the last look at it, which has its placement: some
    operands may be brought late, and tasks be in tiles."""

    judged: Judged
    candidate: Candidate
    seen: Verdict | None = None

    @property
    def placement(self) -> tuple[Place, ...]:
        """Its placement; empty where nobody has looked at it."""
        return () if self.seen is None else self.seen.plan.placement or ()

    @property
    def solution(self) -> pb.Solution:
        """The candidate's solution."""
        return self.candidate[1]


def judged_best(
    plan: Plan,
    t: Translation,
    tried: list[Candidate],
    ctx: Context,
    events: int,
    known: Mapping[pb.Solution, Verdict] | None = None,
    last: bool = False,
) -> Best:
    """The candidate that breaks the limits least, among those that keep them the one with the least value, after the
    default schedule and memory passes, the first among equals; and what was found of it.

    One that cannot be better than the best found so far is not run: the problem's own interval and energy are lower
    bounds of what the judge finds. When none fits its memories, a probe gives the first, a judgement is Infeasible.
    known: what a probe saw of some solutions in the placement that it liked best. last: see `looked_at`.
    """
    best: Best | None = None
    problems: list[Infeasible] = []
    for candidate in tried:
        if best is not None and (least := least_of(plan, t, candidate[1])) is not None and (0.0, least) >= best.judged:
            continue
        try:
            seen = (known or {}).get(candidate[1])
            rival = NO_ROOM[1] if best is None else best.judged[1]
            if seen is not None:
                verdict = looked_longer(seen, most_events(plan, events), last)
            else:
                placed = t.apply(plan, candidate[1])
                verdict = looked_at_best(placed, ctx, events, last, rival, t.estimator)
        except Infeasible as error:
            problems.append(error)
            continue
        judged = (verdict.excess, verdict.value(plan.objective))
        if best is None or judged < best.judged:
            best = Best(judged, candidate, verdict)
    if best is not None:
        return best
    if events == PROBE:
        return Best(NO_ROOM, tried[0])
    raise problems[0]
