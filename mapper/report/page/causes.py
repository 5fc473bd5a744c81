"""What energy and time go into, by phase, unit, class of ops and cause; in sum exactly what the judge counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mapper.cost.judge import Verdict
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND
from mapper.report.holdings import kind_of
from mapper.report.limit_lines import cause_words
from mapper.report.page.shell import Section

MOST_UNITS = 12
"""Beyond, units of a kind stand as one."""

ALWAYS, TRANSFERS, IDLE, WAITING = "always on", "transfers", "idle", "waiting"


def section(verdict: Verdict, summary: Mapping[str, Any]) -> Section | None:
    """Flows of energy [phase, where, what, cause, joules per request] and shares of time [where, what, cause, seconds
    of units per request]; names are numbers of `words`. per_run: requests that are served together."""
    plan = verdict.plan
    words: dict[str, int] = {}
    energy, time = _sums(_energy(verdict)), _sums(_time(verdict))
    if not energy and not time:
        return None
    data = {
        "energy": _rows(energy, words, PJ_PER_J * plan.requests_per_run),
        "time": _rows(time, words, TICKS_PER_SECOND * plan.requests_per_run),
        "words": list(words),
        "grouped": _grouped(verdict),
    }
    return Section("causes", "Where energy and time go", data)


Row = tuple[tuple[str, ...], float]


def _sums(rows: Iterable[Row]) -> dict[tuple[str, ...], float]:
    """Amounts by their path, of equal paths together; those of nothing left out."""
    found: dict[tuple[str, ...], float] = {}
    for path, amount in rows:
        if amount:
            found[path] = found.get(path, 0.0) + amount
    return found


def _rows(sums: Mapping[tuple[str, ...], float], words: dict[str, int], unit: int) -> list[list[float]]:
    return [
        [*(words.setdefault(word, len(words)) for word in path), float(f"{amount / unit:.6g}")]
        for path, amount in sums.items()
    ]


def _energy(verdict: Verdict) -> Iterator[Row]:
    """Picojoules of a run by phase, where, what and cause."""
    plan, place = verdict.plan, _places(verdict)
    words = cause_words(plan.target)
    for phase, program in zip(plan.phases, verdict.programs, strict=True):
        for a in program.activities:
            what = kind_of(verdict, a.task) if a.task else a.kind
            for cause, pj in a.energy_pj:
                yield (phase.name, place.get(a.where, TRANSFERS), what, words.get(cause, cause)), phase.calls * pj
    left = float(verdict.energy_by_cause["idle"])
    for name, watts in _idle(verdict):
        left -= watts * verdict.interval
        yield (ALWAYS, name, IDLE, IDLE), watts * verdict.interval  # 1 W = 1 pJ per tick
    if left > 1.0:  # less is rounding
        yield (ALWAYS, "rest of the system", IDLE, IDLE), left


def _idle(verdict: Verdict) -> Iterator[tuple[str, float]]:
    """The power of what is switched on and does nothing, but for the rest of the system; in watts."""
    target, place = verdict.plan.target, _places(verdict)
    for unit in target.units:
        yield place[unit.name], unit.count * unit.model.idle_power_w
    yield "memories", sum(m.idle_power_w for m in target.memories)
    yield "links", sum(k.idle_power_w for k in target.links)


def _time(verdict: Verdict) -> Iterator[Row]:
    """Ticks of a run's interval by unit, what it does there and what limits that; of a team those of all sets."""
    plan, place = verdict.plan, _places(verdict)
    left = {u.name: float(u.sets * verdict.interval) for u in plan.target.units}
    for phase, program in zip(plan.phases, verdict.programs, strict=True):
        for a in program.activities:
            if a.where in left:
                ticks = phase.calls * a.ticks * a.share
                left[a.where] -= ticks
                what = f"{kind_of(verdict, a.task) if a.task else a.kind} in {phase.name}"
                yield (place[a.where], what, a.limited_by or a.kind), ticks
            elif a.kind == "move":
                for end in dict(a.exclusive).keys() & left.keys():
                    left[end] -= phase.calls * a.hold
                    yield (place[end], f"{TRANSFERS} in {phase.name}", "overhead of links"), phase.calls * a.hold
    for name, ticks in left.items():
        yield (place[name], WAITING, WAITING), max(0.0, ticks)


def _grouped(verdict: Verdict) -> bool:
    return len(verdict.plan.target.units) > MOST_UNITS


def _places(verdict: Verdict) -> dict[str, str]:
    """The words for each unit: its name, or its kind where there are many."""
    units = verdict.plan.target.units
    return {u.name: u.kind if _grouped(verdict) else u.name for u in units}
