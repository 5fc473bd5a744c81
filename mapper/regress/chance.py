"""Chance: what of a change another run of the same search could have found, and what no search has a part in.

A search that moves one task may end in any of many plans that are as good: only what it pursues is judged, and that
up to the gap it was accepted with. Costs are told apart: by what changes where no task moved, by the accepted plan
judged anew, and by bounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mapper.regress.record import Record
from mapper.regress.said import Change, Said, larger_is_better

EXACT = 2e-4
"""Relative tolerance of every metric where no task moved: no search has a part in such a change."""

HARDER = 1e-3
"""How much worse, relative, value and proven bound must both be for the problem itself to be called dearer: most of a
bound comes from linear programs, which no seed moves; what moves both by more is a cost."""

LOOSER = 0.005
"""How much further away, relative, a bound must be for its proof to be called worse."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An accepted plan as it is judged now: its objective's value, as a summary tells it, and joules per request; 0
    where its energy is not known."""

    value: float
    energy_j: float = 0.0


PURSUED = {"throughput": ("throughput_per_s", "tokens_per_s"), "latency": ("latency_s",), "ttft": ("ttft_s",),
           "tpot": ("tpot_s",), "energy": ("energy_j", "energy_per_token_j"), "edp": ()}  # fmt: skip
"""By objective, the totals that are its value under another name."""


def pursued(objective: str) -> tuple[str, ...]:
    """The metrics that a search for an objective makes better; what follows the objective (`subject to`) does not
    count."""
    return ("value", *PURSUED.get(objective.split()[0], ()))


def headline(objective: str) -> str:
    """The metric that tells an objective to people; `value` for one that no total is."""
    return next(iter(pursued(objective)[1:]), "value")


def without_chance(
    changes: Sequence[Change], before: Record, after: Record, objective: str, again: Judged | None = None
) -> tuple[tuple[Change, ...], str]:
    """The changes of a case whose tasks moved, with those that chance may have made told as changed only, and why in
    words ('' where there is nothing to say). again: as for `dearer`."""
    own, lost = pursued(objective), loss(before, after, objective)
    lucky = 0.0 < lost <= before.metrics.get("gap", 0.0) and not dearer(before, after, objective, again)
    looser = _looser(before, after, objective)
    found = []
    for change in changes:
        if change.metric in own:
            by_chance = lucky and change.said is Said.WORSE
        elif change.metric == "gap":
            by_chance = change.said is Said.GAP_WORSE and lost > 0 and not looser
        else:
            by_chance = change.said in (Said.WORSE, Said.BETTER)
        found.append(replace(change, said=Said.CHANGED) if by_chance else change)
    told = lucky and any(c.said is Said.WORSE for c in changes if c.metric in own)
    gap = before.metrics.get("gap", 0.0)
    words = f"{lost:.2%} worse, within the accepted gap of {gap:.2%}: tasks moved, and nothing got dearer"
    return tuple(found), words if told else ""


def loss(before: Record, after: Record, objective: str) -> float:
    """How much worse the value is, as a part of the better one; below 0 where it is better."""
    return _loss(before.metrics.get("value", 0.0), after.metrics.get("value", 0.0), objective)


def _loss(was: float, now: float, objective: str) -> float:
    if was <= 0 or now <= 0:
        return 0.0
    ratio = now / was if larger_is_better(objective) else was / now
    return 1.0 - ratio


def dearer(before: Record, after: Record, objective: str, again: Judged | None = None) -> str:
    """By how much the problem itself got dearer, in words: whatever is placed where; '' where it did not. again: the
    accepted plan as it is judged now, which tells exactly; its energy counts whatever was searched for."""
    if again is not None:
        if _loss(before.metrics.get("value", 0.0), again.value, objective) > EXACT:
            return judged_again(before, after, objective, again)
        more = again.energy_j / before.metrics.get("energy_j", math.inf) - 1 if again.energy_j else 0.0
        return f"judged now, the accepted plan takes {more:.2%} more energy than it did" if more > EXACT else ""
    pairs = [(before.metrics.get(name), after.metrics.get(name)) for name in ("bound", "value")]
    losses = []
    for was, now in pairs:
        if not was or not now:
            return ""
        losses.append(was / now - 1 if larger_is_better(objective) else now / was - 1)
    if min(losses) <= HARDER:
        return ""
    return f"the problem itself got dearer: its bound by {losses[0]:.2%}, the best plan found by {losses[1]:.2%}"


def missed(after: Record, objective: str, again: Judged) -> float:
    """How much worse what was found is than the accepted plan as it is judged now: no cost has a part in that."""
    return _loss(again.value, after.metrics.get("value", 0.0), objective)


def judged_again(before: Record, after: Record, objective: str, again: Judged) -> str:
    """What the accepted plan comes to now, and what was found beside it, in words."""
    cost, lost = _loss(before.metrics.get("value", 0.0), again.value, objective), missed(after, objective, again)
    it = "as good as it was" if abs(cost) <= EXACT else f"{_share(cost)} than it was"
    told = "as good" if abs(lost) <= EXACT else _share(lost)
    return f"judged now, the accepted plan is {it}; what was found is {told}{': the search missed it' * (lost > EXACT)}"


def _share(loss: float) -> str:
    return f"{abs(loss):.2%} {'worse' if loss > 0 else 'better'}"


def _looser(before: Record, after: Record, objective: str) -> bool:
    """Whether the bound promises more than it did: that is a worse proof."""
    was, now = before.metrics.get("bound"), after.metrics.get("bound")
    if not was or now is None:
        return was is not None
    return (now / was - 1 if larger_is_better(objective) else 1 - now / was) > LOOSER


LEAST, DRAWS, SURE, FELT = 8, 20_000, 0.01, 1e-3
"""Cases that must have moved for a word on all of them; draws of signs; the level at which they are not chance; the
least mean loss that matters."""


@dataclass(frozen=True, slots=True)
class Search:
    """What the objectives of all cases whose tasks moved come to. cases: how many. change: their geometric mean change,
    above 0 for better. p: the part of all choices of signs with a mean at least as low: were it chance alone, each
    case would be as likely to be better by what it is worse (Fisher's randomisation test, The Design of Experiments,
    1935)."""

    cases: int
    change: float
    p: float

    @property
    def worse(self) -> bool:
        """Whether the search finds less, though each case by itself may be chance."""
        return self.cases >= LEAST and self.change < -FELT and self.p < SURE


NONE = Search(0, 0.0, 1.0)
"""That no task moved anywhere."""


def search(pairs: Sequence[tuple[Record, Record, str]]) -> Search:
    """What all searches together find now against before. pairs: records before and after, and their objective; those
    whose tasks stay have no part in it."""
    logs = np.array([np.log1p(-loss(b, a, o)) for b, a, o in pairs if b.placed and a.placed and b.placed != a.placed])
    if not logs.size:
        return NONE
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(DRAWS, logs.size))
    means = signs @ np.abs(logs) / logs.size
    p = (1 + int(np.sum(means <= logs.mean() + 1e-15))) / (1 + DRAWS)
    return Search(int(logs.size), float(np.expm1(logs.mean())), float(p))
