"""Variants of a placement: the one that the judge likes best, by few looks, where a plan is placed again.

`judged_twice` of the whole search looks at every variant, mended in every way. Here all are probed as they are, and of
these only the ones that mending may make the best are mended.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mapper.cost.judge import Verdict
from mapper.cost.program import Spelling
from mapper.cost.steady import EVENTS
from mapper.errors import Infeasible
from mapper.ir.plan import Place, Plan
from mapper.pipeline.pass_ import Context
from mapper.solve.placement import problem as pb
from passes.memory.memory import PROBE, WORTHWHILE, Memory
from passes.place.mending.late import brought_late
from passes.place.mending.looks import STEADY, looked_at, looked_at_with, looked_longer, most_events
from passes.place.mending.refine import Candidate, refined, refined_alike, waiting_less
from passes.place.mending.tiled import MORE_CALLS, for_more_calls
from passes.place.rank import least_of
from passes.place.translate import Translation

MENDED = 1.06
"""How much better (times) mending makes a variant that calls take turns in, by and large; those further behind the best
are left as they are."""

NEAR = 1.02
"""Within so much (times) of what is proved nobody asks for less waiting."""


@dataclass(frozen=True)
class Seen:
    """A candidate and what the judge says of it."""

    candidate: Candidate
    verdict: Verdict

    @property
    def value(self) -> float:
        """The objective's value in SI units."""
        return self.verdict.value(self.verdict.plan.objective)

    @property
    def judged(self) -> tuple[float, float]:
        """By how much it breaks its limits, and its value."""
        return self.verdict.excess, self.value


@dataclass
class Variants:
    """Looks at solutions of one placement problem. Buffers that do not fit make a solution count as none."""

    plan: Plan
    t: Translation
    ctx: Context
    _in_full: dict[pb.Solution, Seen] = field(default_factory=dict)

    def in_full(self, candidate: Candidate) -> Seen | None:
        """A finished plan of a candidate as it is, with as many requests in flight as the plan has, where these leave
        nothing to win, else with the fewest that do as well as any."""
        memory = Memory(first=0 if self.plan.limits else self.plan.inflight or 0)
        seen = self._looked(candidate, None, EVENTS, memory)
        if seen is not None:
            self._in_full[candidate[1]] = seen
        return seen

    def best(self, found: list[Candidate], proven: float) -> Seen | None:
        """A finished plan of the candidate, of these and their variants, that probes like best; None where none fits.
        proven: no plan undercuts it."""
        best = self._best_of(refined(self.plan, self.t, found[0]), None)
        if best is not None:
            best = self._best_of(refined_alike(self.plan, self.t, found[1:], best.candidate, found[0]), best)
        else:
            best = self._best_of([c for one in found[1:] for c in refined(self.plan, self.t, one)], None)
        if best is None:
            return None
        if self.plan.objective in STEADY and best.value > proven * NEAR:
            best = self._best_of(waiting_less(self.t, best.candidate), best) or best
        return Seen(best.candidate, looked_longer(best.verdict, self._events(EVENTS), last=True))

    def _best_of(self, candidates: list[Candidate], best: Seen | None) -> Seen | None:
        """The best so far, or one of the candidates that a probe likes better, mended where that may make it so."""
        probed = [seen for c in dict.fromkeys(candidates) if (seen := self._probe(c, best)) is not None]
        for seen in sorted(probed, key=lambda seen: seen.judged):
            if best is None or seen.value < best.value * MENDED or seen.judged < best.judged:
                mended = self._mended(seen)
                best = mended if best is None or mended.judged < best.judged else best
        return best

    def _probe(self, candidate: Candidate, best: Seen | None) -> Seen | None:
        """What a probe finds of a candidate as it is; None where it does not fit, or cannot be the best."""
        least = least_of(self.plan, self.t, candidate[1])
        if best is not None and least is not None and (0.0, least) >= best.judged:
            return None
        known = self._in_full.get(candidate[1])
        if known is not None:
            return Seen(candidate, looked_longer(known.verdict, self._events(PROBE)))
        return self._looked(candidate, None, PROBE)

    def _mended(self, seen: Seen) -> Seen:
        """A probed candidate in tiles, or with operands brought late where there can be none, if a probe finds that
        better."""
        if self.plan.objective not in STEADY:
            return seen
        for tiles in MORE_CALLS:
            placement = for_more_calls(seen.verdict, tiles, self.t.estimator)
            if placement is None and tiles == MORE_CALLS[0]:
                return self._better(seen, brought_late(seen.verdict)) or seen
            better = self._better(seen, placement)
            if better is None:
                break
            seen = better
        return seen

    def _better(self, seen: Seen, placement: tuple[Place, ...] | None) -> Seen | None:
        """The same in another placement, if a probe finds that better by more than a longer look may take back."""
        other = None if placement is None else self._looked(seen.candidate, placement, PROBE)
        if other is None or (other.verdict.excess, other.value * WORTHWHILE) >= seen.judged:
            return None
        return other

    def _looked(
        self, candidate: Candidate, placement: tuple[Place, ...] | None, events: int, memory: Memory | None = None
    ) -> Seen | None:
        """A look at a candidate, in a placement with late operands or tiles if one is given; None where it does not
        fit."""
        placed = self.t.apply(self.plan, candidate[1])
        placed = placed if placement is None else replace(placed, placement=placement)
        spelling, most = Spelling(placed, self.t.estimator), self._events(events)
        try:
            if memory is None:
                return Seen(candidate, looked_at(placed, spelling, self.ctx, most))
            return Seen(candidate, looked_at_with(memory, placed, spelling, self.ctx, most))
        except Infeasible:
            return None

    def _events(self, events: int) -> int:
        return most_events(self.plan, events)
