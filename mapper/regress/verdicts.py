"""Verdicts: what a case's metrics are against those that were accepted, each within its tolerance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from mapper.regress.chance import EXACT, Judged, dearer, judged_again, missed, without_chance
from mapper.regress.record import UNANSWERED, Ended, Record
from mapper.regress.said import FAILING, Change, Said, better_side, larger_is_better
from mapper.regress.suite import Tolerance

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
    "value": Tolerance(relative=0.005),
    "work*": Tolerance(relative=0.1, absolute=0.02),
    "bound": Tolerance(relative=0.005),
    "average_power_w": Tolerance(relative=0.005),
}
"""Half a percent is what a search may find one way or the other; a suite may say otherwise."""

UNLESS_ASKED = "work*"
"""Metrics that fail only where a suite gives them a tolerance: how much a search does moves with every seed."""

SURE, ROUNDED = 1e-9, 1e-8
"""What a value may be beyond a bound by the rounding of numbers, and what a baseline's digits leave open."""


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
    better: Mapping[str, bool | None] | None = None,
    again: Judged | None = None,
) -> Verdict:
    """The verdict on a case. tolerances: by metric or pattern, before the defaults. objective: what the plan was
    searched for; None for what is no mapping.
    better: by pattern, metrics of the case's own of which more (True) or less (False) is better.
    again: the accepted plan as it is judged now (`mapper.regress.rejudged`), where that is known."""
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
    if objective is None:
        given = dict(tolerances or {})
        given.setdefault("*", Tolerance())  # the defaults are about metrics of mappings
        changes = _with_lost(_changes(before, after, given, better or {}, None), better or {})
        return Verdict(case, _worst(changes), changes, "", before, after)
    return _of_mappings(before, after, tolerances or {}, objective, better or {}, again)


def _with_lost(changes: Sequence[Change], sides: Mapping[str, bool | None]) -> tuple[Change, ...]:
    """The changes of a score: a number that has a better side and is no longer printed is worse."""
    lost = {c.metric for c in changes if c.after is None and better_side(c.metric, sides) is not None}
    return _sorted([replace(c, said=Said.WORSE) if c.metric in lost else c for c in changes])


def _of_mappings(
    before: Record,
    after: Record,
    given: Mapping[str, Tolerance],
    objective: str,
    better: Mapping[str, bool | None],
    again: Judged | None,
) -> Verdict:
    """The verdict on two plans: by costs exactly where no task moved, and without what chance may have made elsewhere;
    what the suite itself gives a tolerance fails beyond it, chance or not."""
    stay = bool(before.placed) and before.placed == after.placed
    sides = {"value": larger_is_better(objective), **better}
    changes, words = _changes(before, after, given, sides, EXACT if stay else None), ""
    if before.placed and after.placed and not stay:
        strict = tuple(c for c in changes if _given(c.metric, given) is not None)
        free, words = without_chance([c for c in changes if c not in strict], before, after, objective, again)
        changes = _sorted((*strict, *free))
    broken = _broken_bound(before, after, objective, again)
    if broken:
        return Verdict(before.case, Said.BOUND_BROKEN, changes, broken, before, after)
    said = _worst(changes)
    harder = dearer(before, after, objective, again) if _given("value", given) is None else ""
    if again is not None:
        room = max((_given("value", given) or DEFAULTS["value"]).relative, before.metrics.get("gap", 0.0))
        told = judged_again(before, after, objective, again)
        harder = harder or (told if missed(after, objective, again) > room else "")
        words = f"{told}, within the accepted gap" if words else told
    if harder and (said not in FAILING or said is Said.GAP_WORSE):
        return Verdict(before.case, Said.WORSE, changes, words if harder in words else harder, before, after)
    return Verdict(before.case, said, changes, words, before, after)


def _worst(changes: Sequence[Change]) -> Said:
    return min((c.said for c in changes), key=list(Said).index, default=Said.SAME)


def _sorted(changes: Sequence[Change]) -> tuple[Change, ...]:
    order = list(Said)
    return tuple(sorted(changes, key=lambda c: (order.index(c.said), -abs(c.change or 0.0), c.metric)))


def _broken_bound(before: Record, after: Record, objective: str, again: Judged | None) -> str:
    """Why a bound cannot have been one: a plan is beyond it, its own, that of another record of the very same question,
    by the same code, or the accepted plan as it is judged now; '' where all stand."""
    larger = larger_is_better(objective)
    pairs = [(after, after, "now", SURE)]
    if before.key == after.key:  # what was accepted has a baseline's digits
        pairs += [(before, after, "before", ROUNDED), (after, before, "now", ROUNDED)]
    rows = [(a.metrics.get("bound"), b.metrics.get("value"), when, "a plan", room) for a, b, when, room in pairs]
    if again is not None:
        rows.append((after.metrics.get("bound"), again.value, "now", "the accepted plan, judged now,", SURE))
    for bound, value, when, which, room in rows:
        if bound is None or value is None:
            continue
        if value > bound * (1 + room) if larger else value < bound * (1 - room):
            return f"the bound proven {when} is {bound:.9g}, and {which} has {value:.9g}"
    return ""


def _changes(
    before: Record,
    after: Record,
    tolerances: Mapping[str, Tolerance],
    better: Mapping[str, bool | None],
    exact: float | None,
) -> tuple[Change, ...]:
    found = []
    for metric in dict.fromkeys((*before.metrics, *after.metrics)):
        one = Change(metric, Said.SAME, before.metrics.get(metric), after.metrics.get(metric))
        tolerance, side = _given(metric, tolerances), better_side(metric, better)
        if tolerance is None and fnmatchcase(metric, UNLESS_ASKED):
            tolerance, side = DEFAULTS[UNLESS_ASKED], None
        elif tolerance is None:
            tolerance = _given(metric, DEFAULTS) if exact is None else Tolerance(relative=exact)
        said = _said(one, tolerance or Tolerance(), side)
        if said is not Said.SAME:
            found.append(Change(metric, said, one.before, one.after))
    return _sorted(found)


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


def _given(metric: str, table: Mapping[str, Tolerance]) -> Tolerance | None:
    """The tolerance that a table has for a metric: by its name first, then by a pattern."""
    if metric in table:
        return table[metric]
    return next((t for pattern, t in table.items() if fnmatchcase(metric, pattern)), None)


def tolerance_of(metric: str, own: Mapping[str, Tolerance]) -> Tolerance:
    """How far a metric may be from what was accepted where tasks moved. own: tolerances before the defaults."""
    return _given(metric, own) or _given(metric, DEFAULTS) or Tolerance()


def counted(verdicts: Sequence[Verdict]) -> dict[Said, int]:
    """How many cases have each verdict, the worst first."""
    return {said: n for said in Said if (n := sum(v.said is said for v in verdicts))}
