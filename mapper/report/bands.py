"""How far the totals of a plan may be off: the bands of its estimates, put together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import hypot, inf
from typing import NamedTuple

from mapper.cost.engines import POWER
from mapper.cost.judge import Verdict
from mapper.cost.program import Activity
from mapper.cost.replay import Call
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND

MOVE_BAND = 0.3
"""Relative error of moves and casts, an assumption: measured links among GPUs were 5 to 15 % off, and no other link was
compared with a measurement (docs/fidelity.md)."""

ENERGY_BAND = 0.28
"""Relative error of an energy whose unit file states none, an assumption: fixed energies per action are 28 % off per
layer on average in the literature (docs/cost-models.md, "Analog compute in memory")."""


@dataclass(frozen=True, slots=True)
class Band:
    """Where a total may lie, in its own unit. unvalidated: the part of it that rests on models without measurements."""

    low: float
    value: float
    high: float
    unvalidated: float

    @property
    def relative(self) -> float:
        """The larger of the two distances from the value, as a part of it."""
        return max(self.high - self.value, self.value - self.low) / self.value if self.value else 0.0


class Part(NamedTuple):
    """Some of a total: whose error it shares, how much, its relative band, and whether measurements stand behind it."""

    model: str
    amount: float
    band: float
    validated: bool


@dataclass(frozen=True, slots=True)
class Bands:
    """The bands of a plan's totals: requests per second, seconds and joules of one request."""

    throughput: Band
    latency: Band
    energy: Band


def bands(verdict: Verdict) -> Bands:
    """The bands of all totals.

    Estimates of one unit model err together (it is one equation with one set of constants), different models
    independently of one another, as do links and memories: within a model bands add, between models their squares do.
    A time `t` with band `b` lies between t / (1 + b) and t * (1 + b).
    """
    interval = _interval(verdict)
    rate = Band(
        TICKS_PER_SECOND / interval.high if interval.high else inf,
        TICKS_PER_SECOND / interval.value if interval.value else 0.0,
        TICKS_PER_SECOND / interval.low if interval.low else inf,
        interval.unvalidated,
    )
    return Bands(rate, _scaled(_latency(verdict), 1 / TICKS_PER_SECOND), _energy(verdict, interval.relative))


def combined(parts: Iterable[Part], rest: float = 0.0) -> Band:
    """The band of a sum of parts, and of `rest`, which has no error."""
    up: defaultdict[str, float] = defaultdict(float)
    down: defaultdict[str, float] = defaultdict(float)
    value = loose = 0.0
    for part in parts:
        up[part.model] += part.amount * part.band
        down[part.model] += part.amount * part.band / (1 + part.band)
        value += part.amount
        loose += 0.0 if part.validated else part.amount
    total = value + rest
    return Band(total - hypot(*down.values()), total, total + hypot(*up.values()), loose / total if total else 0.0)


def _scaled(band: Band, factor: float) -> Band:
    return Band(band.low * factor, band.value * factor, band.high * factor, band.unvalidated)


def _part(verdict: Verdict, activity: Activity, amount: float) -> Part:
    """An amount of time of an activity under the model that gave it."""
    unit = verdict.plan.target.unit.get(activity.where)
    model = unit.kind if unit else "links"
    if activity.kind != "task":
        return Part(model, amount, MOVE_BAND, validated=False)
    return Part(model, amount, activity.band, activity.validated)


def _latency(verdict: Verdict) -> Band:
    """Of the activities that the end of each call waits for, one after the other."""
    parts: list[Part] = []
    for phase, program, call in zip(verdict.plan.phases, verdict.programs, verdict.calls, strict=True):
        parts += [
            _part(verdict, program.activities[i], phase.calls * ticks)
            for i, ticks in critical_legs(program.activities, call)
        ]
    return combined(parts, rest=verdict.latency - sum(p.amount for p in parts))


def critical_legs(activities: tuple[Activity, ...], call: Call) -> list[tuple[int, int]]:
    """Activities without which the call would have ended sooner, from the last one back, each with the ticks from its
    start to that of the next: this one began when the one before it ended, because it needs its result (taken first) or
    what it held, or when that let go of what it held."""
    ended, freed = defaultdict[int, list[int]](list), defaultdict[int, list[int]](list)
    for i, end in enumerate(call.ends):
        ended[end].append(i)
        if activities[i].hold < activities[i].ticks:
            freed[_freed(activities[i], call.starts[i], end)].append(i)
    path: list[tuple[int, int]] = []
    seen: set[int] = set()
    now: int | None = min(ended.get(call.ticks, ()), default=None)
    until = call.ticks
    while now is not None:
        start = call.starts[now]
        path.append((now, until - start))
        seen.add(now)
        until = start
        before = [i for i in ended.get(start, ()) if i not in seen]
        needed = [i for i in activities[now].after if i in before]
        held = {name for name, _ in activities[now].exclusive}
        let_go = [i for i in freed.get(start, ()) if i not in seen and held & dict(activities[i].exclusive).keys()]
        now = min(needed or let_go or before, default=None)
    return path


def _freed(activity: Activity, start: int, end: int) -> int:
    """When an activity lets go of what it holds, stretched as its slot is."""
    return start - (-activity.hold * (end - start) // activity.ticks)


def _interval(verdict: Verdict) -> Band:
    """Of the resource that would be the busiest: other errors may make it another one."""
    flow = verdict.steady
    if not flow.busiest or not verdict.loads[flow.busiest]:
        return Band(verdict.interval, verdict.interval, verdict.interval, unvalidated=1.0)
    parts: defaultdict[str, list[Part]] = defaultdict(list)
    for phase, program in zip(verdict.plan.phases, verdict.programs, strict=True):
        for activity in program.activities:
            for resource, ticks in activity.loads:
                part = _part(verdict, activity, phase.calls * ticks)
                parts[resource].append(part if resource != POWER else Part(part.model, part.amount, ENERGY_BAND, False))
    busy = {resource: combined(found) for resource, found in parts.items()}
    slack = verdict.interval / verdict.loads[flow.busiest]
    return Band(
        min(verdict.interval, slack * max(b.low for b in busy.values())),
        verdict.interval,
        max(verdict.interval, slack * max(b.high for b in busy.values())),
        busy[flow.busiest].unvalidated,
    )


def _energy(verdict: Verdict, interval: float) -> Band:
    """Of dynamic energy by unit model, of memories and links, and of the power of what is switched on."""
    plan, parts = verdict.plan, []
    for phase, program in zip(plan.phases, verdict.programs, strict=True):
        for activity in program.activities:
            for cause, pj in activity.energy_pj:
                parts.append(_energy_part(verdict, activity, cause, phase.calls * pj / PJ_PER_J))
    idle = verdict.energy_by_cause.get("idle", 0) / PJ_PER_J
    return combined([*parts, Part("idle", idle, hypot(ENERGY_BAND, interval), validated=False)])


def _energy_part(verdict: Verdict, activity: Activity, cause: str, joules: float) -> Part:
    """Memories and links have no measured energies; a unit model may say its own band."""
    if activity.kind != "task" or cause.startswith("memory "):
        return Part("memories and links", joules, ENERGY_BAND, validated=False)
    kind = verdict.plan.target.unit[activity.where].kind
    return Part(kind, joules, activity.energy_band or ENERGY_BAND, validated=activity.energy_validated)
