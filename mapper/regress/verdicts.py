"""Verdicts: what a case's metrics are against those that were accepted, each within its tolerance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from mapper.regress.record import UNANSWERED, Ended, Record
from mapper.regress.suite import Tolerance


class Said(StrEnum):
    """What is said of a case or of a metric, the worst first."""

    BOUND_BROKEN = "bound-broken"
    BROKEN = "broken"
    INFEASIBLE_NOW = "infeasible-now"
    MISSING = "missing"
    WORSE = "worse"
    GAP_WORSE = "gap-worse"
    CHANGED = "changed"
    SKIPPED = "skipped"
    BETTER = "better"
    NEW = "new"
    SAME = "same"


FAILING = (Said.BOUND_BROKEN, Said.BROKEN, Said.INFEASIBLE_NOW, Said.MISSING, Said.WORSE, Said.GAP_WORSE)
"""Verdicts that end a comparison with exit code 1."""

LARGER_IS_BETTER = ("throughput_per_s", "tokens_per_s")
SMALLER_IS_BETTER = ("latency_s*", "ttft_s", "tpot_s", "energy_j*", "energy_per_token_j", "peak_bytes of *", "gap",
                     "work*")  # fmt: skip
"""Metrics with a better side, by pattern; all others are told where they change and fail nothing."""

DEFAULTS = {
    "throughput_per_s": Tolerance(relative=0.005),
    "tokens_per_s": Tolerance(relative=0.005),
    "latency_s*": Tolerance(relative=0.005),
    "ttft_s": Tolerance(relative=0.005),
    "tpot_s": Tolerance(relative=0.005),
    "energy_j*": Tolerance(relative=0.005),
    "energy_per_token_j": Tolerance(relative=0.005),
    "peak_bytes of *": Tolerance(relative=0.02),
    "gap": Tolerance(absolute=0.005),
    "work*": Tolerance(relative=0.1),
    "value": Tolerance(relative=0.005),
    "bound": Tolerance(relative=0.005),
    "average_power_w": Tolerance(relative=0.005),
}
"""Half a percent is what a search may find one way or the other; a suite may say otherwise."""

EXACT = 2e-4
"""Relative tolerance of every metric where no task moved: no search has a part in such a change."""

HARDER = 5e-4
"""How much worse, relative, value and proven bound must both be for the problem itself to be called dearer: the bound
comes from linear programs, which no seed moves; what moves both is a cost."""

SURE, ROUNDED = 1e-9, 1e-8
"""What a value may be beyond a bound by the rounding of numbers, and what a baseline's digits leave open."""


@dataclass(frozen=True, slots=True)
class Change:
    """A metric before and after. change: relative to before; None where that was 0 or one of them is not there."""

    metric: str
    said: Said
    before: float | None
    after: float | None

    @property
    def change(self) -> float | None:
        """How much more it is, as a part of what it was."""
        if self.before is None or self.after is None or self.before == 0:
            return None
        return self.after / self.before - 1


@dataclass(frozen=True)
class Verdict:
    """What is said of a case. changes: of all metrics that are not the same, the worst first; words: why, where it is
    not for its metrics. before, after: what was accepted and what is there; None where one of them is not."""

    case: str
    said: Said
    changes: tuple[Change, ...] = ()
    words: str = ""
    before: Record | None = None
    after: Record | None = None

    @property
    def fails(self) -> bool:
        """Whether somebody must look at it."""
        return self.said in FAILING


def verdict(
    before: Record | None,
    after: Record | None,
    tolerances: Mapping[str, Tolerance] | None = None,
    objective: str | None = "throughput",
    better: Mapping[str, bool] | None = None,
) -> Verdict:
    """The verdict on a case. tolerances: by metric or pattern, before the defaults. objective: what the plan was
    searched for; a loss in another total fails as well, as people rely on all of them; None for what has no bound.
    better: by pattern, metrics of the case's own of which more (True) or less (False) is better."""
    if after is None or after.ended is Ended.STOPPED:
        assert before is not None
        return Verdict(before.case, Said.MISSING, words="it was accepted and has not been run", before=before)
    case = after.case
    if after.ended is Ended.SKIPPED:
        return Verdict(case, Said.SKIPPED, words=after.reason, before=before, after=after)
    if after.ended in UNANSWERED:
        return Verdict(case, Said.BROKEN, words=f"{after.ended}: {after.reason}", before=before, after=after)
    if before is None:
        return Verdict(case, Said.NEW, after=after)
    if after.ended is Ended.INFEASIBLE:
        same = before.ended is Ended.INFEASIBLE
        said = Said.SAME if same else Said.INFEASIBLE_NOW
        return Verdict(case, said, words="" if same else after.reason, before=before, after=after)
    if before.ended is Ended.INFEASIBLE:
        return Verdict(case, Said.BETTER, words="there was no plan", before=before, after=after)
    broken = "" if objective is None else _broken_bound(before, after, objective)
    stay = bool(before.placed) and before.placed == after.placed
    changes = _changes(before.metrics, after.metrics, tolerances or {}, better or {}, EXACT if stay else None)
    if broken:
        return Verdict(case, Said.BOUND_BROKEN, changes, broken, before, after)
    said = min((c.said for c in changes), key=list(Said).index, default=Said.SAME)
    judged = objective is not None and _given("value", tolerances or {}) is None
    dearer = _dearer(before, after, objective or "") if judged else ""
    if dearer and list(Said).index(said) > list(Said).index(Said.WORSE):
        return Verdict(case, Said.WORSE, changes, dearer, before, after)
    return Verdict(case, said, changes, "", before, after)


def _dearer(before: Record, after: Record, objective: str) -> str:
    """By how much the problem itself got dearer, in words: whatever is placed where; '' where it did not."""
    pairs = [(before.metrics.get(name), after.metrics.get(name)) for name in ("bound", "value")]
    losses = []
    for was, now in pairs:
        if not was or not now:
            return ""
        losses.append(was / now - 1 if objective.startswith("throughput") else now / was - 1)
    if min(losses) <= HARDER:
        return ""
    return f"the problem itself got dearer: its bound by {losses[0]:.2%}, the best plan found by {losses[1]:.2%}"


def _broken_bound(before: Record, after: Record, objective: str) -> str:
    """Why a bound cannot have been one: a plan is beyond it, its own or that of another record of the very same
    question, by the same code; '' where all stand."""
    larger = objective.startswith("throughput")
    pairs = [(after, after, "now")]
    if before.key == after.key:
        pairs += [(before, after, "before"), (after, before, "now")]
    for first, second, when in pairs:
        bound, value = first.metrics.get("bound"), second.metrics.get("value")
        if bound is None or value is None:
            continue
        if value > bound * (1 + SURE) if larger else value < bound * (1 - SURE):
            return f"the bound proven {when} is {bound:.9g}, and a plan has {value:.9g}"
    return ""


def _changes(
    before: Mapping[str, float],
    after: Mapping[str, float],
    tolerances: Mapping[str, Tolerance],
    better: Mapping[str, bool],
    exact: float | None,
) -> tuple[Change, ...]:
    found = []
    for metric in dict.fromkeys((*before, *after)):
        one = Change(metric, Said.SAME, before.get(metric), after.get(metric))
        tolerance = _given(metric, tolerances)
        if tolerance is None:
            tolerance = _given(metric, DEFAULTS) if exact is None else Tolerance(relative=exact)
        said = _said(one, tolerance or Tolerance(), better_side(metric, better))
        if said is not Said.SAME:
            found.append(Change(metric, said, one.before, one.after))
    order = list(Said)
    return tuple(sorted(found, key=lambda c: (order.index(c.said), -abs(c.change or 0.0), c.metric)))


def _said(one: Change, tolerance: Tolerance, way: bool | None) -> Said:
    if one.before is None or one.after is None:
        return Said.CHANGED
    room = max(tolerance.relative * abs(one.before), tolerance.absolute)
    more = one.after - one.before
    if abs(more) <= room + ROUNDED * abs(one.before):
        return Said.SAME
    if way is None:
        return Said.CHANGED
    if (more > 0) == way:
        return Said.BETTER
    return Said.GAP_WORSE if one.metric == "gap" else Said.WORSE


def better_side(metric: str, own: Mapping[str, bool] | None = None) -> bool | None:
    """Whether more of a metric is better (True), less (False), or neither. own: by pattern, before all others."""
    for pattern, more in (own or {}).items():
        if fnmatchcase(metric, pattern):
            return more
    if metric in LARGER_IS_BETTER:
        return True
    return False if any(fnmatchcase(metric, pattern) for pattern in SMALLER_IS_BETTER) else None


def _given(metric: str, table: Mapping[str, Tolerance]) -> Tolerance | None:
    """The tolerance that a table has for a metric: by its name first, then by a pattern."""
    if metric in table:
        return table[metric]
    return next((t for pattern, t in table.items() if fnmatchcase(metric, pattern)), None)


def counted(verdicts: Sequence[Verdict]) -> dict[Said, int]:
    """How many cases have each verdict, the worst first."""
    return {said: n for said in Said if (n := sum(v.said is said for v in verdicts))}
