"""Where the change of a total comes from: parts that add up to it exactly, in ticks or picojoules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import lcm

from mapper.cost.judge import Verdict
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND
from mapper.ir.goal import Objective
from mapper.ir.request import decoding, runs
from mapper.report.bands import critical_legs
from mapper.report.diff.causes import Cause, Row, by_op, by_place, by_size, rows
from mapper.report.diff.doings import Amounts, Side, Who

Pairs = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Decomposition:
    """The change of a total in parts: `after - before` is the sum of the rows' changes, of the causes' and, with what
    `rest` has of no op and place, of the ops' and of the places'.

    Amounts are whole: ticks (throughput: of the interval), picojoules, or half a picojoule times a tick (edp), of `per`
    requests (tpot: tokens). unit: of one of them in SI is 1 / scale. limits: the resource that limits before and after,
    of throughput only. sources: energy by its source, of energy only.
    """

    total: str
    unit: str
    scale: int
    per: int
    before: int
    after: int
    rows: tuple[Row, ...]
    ops: Pairs = field(default_factory=dict)
    places: Pairs = field(default_factory=dict)
    rest: Pairs = field(default_factory=dict)
    limits: tuple[str, str] = ("", "")
    sources: Pairs = field(default_factory=dict)

    @property
    def delta(self) -> int:
        """The change of the total."""
        return self.after - self.before

    @property
    def causes(self) -> dict[str, int]:
        """The change by cause, the largest first."""
        sums: dict[str, int] = {}
        for row in self.rows:
            sums[row.cause.value] = sums.get(row.cause.value, 0) + row.delta
        return dict(sorted(sums.items(), key=lambda item: (-abs(item[1]), item[0])))

    def si(self, amount: int) -> float:
        """An amount in seconds, joules or joule-seconds, of one request or token."""
        return amount / self.scale / self.per


def decompose(objective: Objective, first: Side, second: Side) -> Decomposition | None:
    """The change of an objective's value in parts; None where one of the plans has no such value."""
    match objective:
        case Objective.THROUGHPUT:
            return _throughput(first, second)
        case Objective.ENERGY:
            return _energy(first, second)
        case Objective.EDP:
            return _product(first, second)
        case Objective.TPOT if not all(any(decoding(side.plan)) for side in (first, second)):
            return None
        case _:
            return _time(objective, first, second)


def _whole(cause: Cause, what: str, before: int, after: int, source: str = "", place: str = "") -> Row:
    """A row that is of no op."""
    return Row(cause, what, "", "", source, place, ("", ""), before, after)


def _made(found: Decomposition) -> Decomposition:
    assert sum(row.delta for row in found.rows) == found.delta, found.total
    return found


def _time(objective: Objective, first: Side, second: Side) -> Decomposition:
    """What the end of each call waits for, one after the other, and gaps where that waits for nothing."""
    counted = [runs(side.plan, objective) for side in (first, second)]
    per = lcm(*(c.parts for c in counted))
    found: list[tuple[dict[Who, int], int]] = []
    for side, c in zip((first, second), counted, strict=True):
        amounts: dict[Who, int] = {}
        total = 0
        for count, who, program, call in zip(
            c.counts, side.who, side.verdict.programs, side.verdict.calls, strict=True
        ):
            total += count * call.ticks
            for i, ticks in critical_legs(program.activities, call) if count else ():
                amounts[who[i]] = amounts.get(who[i], 0) + count * ticks
        found.append(({w: n * (per // c.parts) for w, n in amounts.items() if n}, total * (per // c.parts)))
    (before, all_before), (after, all_after) = found
    waits = (all_before - sum(before.values()), all_after - sum(after.values()))
    wait = [_whole(Cause.WAITING, "gaps in the schedule", *waits)] if waits[0] != waits[1] else []
    parts = (*rows(first, second, before, after, is_path=True), *wait)
    return _made(
        Decomposition(
            objective.value, "s", TICKS_PER_SECOND, per, all_before, all_after, by_size(parts),
            by_op(first, second, before, after), by_place(first, second, before, after),
            {"waiting": waits} if wait else {},
        )
    )  # fmt: skip


def _requests(first: Side, second: Side) -> tuple[int, tuple[int, int]]:
    """The least number of requests that both plans serve in whole runs, and how many runs that takes each."""
    runs_of = (first.plan.requests_per_run, second.plan.requests_per_run)
    per = lcm(*runs_of)
    return per, (per // runs_of[0], per // runs_of[1])


def _scaled(side: Side, times: int, measure: Callable[..., int]) -> dict[Who, int]:
    return side.amounts([times * p.calls for p in side.plan.phases], measure)


def _load(side: Side, times: int, resource: str) -> dict[Who, int]:
    """Busy ticks of a resource."""
    return _scaled(side, times, lambda a: next((t for r, t in a.loads if r == resource), 0)) if resource else {}


def _throughput(first: Side, second: Side) -> Decomposition:
    """What fills the resource that limits, and how long that waits.

    Where another resource limits afterwards: if the limit fell, the work on the resource that limited before, and how
    much more the new one has; if it rose, the work on the new one, and how much less that had before. Where a resource
    has no counterpart, the work on one before and on the other after.
    """
    per, times = _requests(first, second)
    a, b = first.verdict.steady.busiest, second.verdict.steady.busiest
    loads = [times[k] * side.verdict.loads.get(r, 0) for k, (side, r) in enumerate(((first, a), (second, b)))]
    x, y = _watched(first, second, a, b, fell=loads[1] <= loads[0])
    before, after = _load(first, times[0], x), _load(second, times[1], y)
    limit = (loads[0] - sum(before.values()), loads[1] - sum(after.values()))
    totals = [n * side.verdict.interval for n, side in zip(times, (first, second), strict=True)]
    waits = (totals[0] - loads[0], totals[1] - loads[1])
    extra = [_whole(Cause.LIMIT, "another resource limits", *limit, a, b)] if limit[0] != limit[1] else []
    extra += [_whole(Cause.WAITING, "waiting of what limits", *waits, a, b)] if waits[0] != waits[1] else []
    parts = (*rows(first, second, before, after), *extra)
    rest = {name: pair for name, pair in (("limit", limit), ("waiting", waits)) if pair[0] != pair[1]}
    return _made(
        Decomposition(
            "throughput", "s", TICKS_PER_SECOND, per, totals[0], totals[1], by_size(parts),
            by_op(first, second, before, after), by_place(first, second, before, after), rest, (a, b),
        )
    )  # fmt: skip


def _watched(first: Side, second: Side, a: str, b: str, fell: bool) -> tuple[str, str]:
    """The resources whose work is compared, by the names of the first and of the second plan; a, b: what limits."""
    there, here = counterpart(first, second, a), counterpart(second, first, b)
    if there == b or there is None or here is None:
        return a, b
    return (a, there) if fell else (here, b)


def counterpart(side: Side, other: Side, resource: str) -> str | None:
    """What stands in the other plan for a resource of one; None where nothing does."""
    engines, theirs = engines_of(side), {home: name for name, home in engines_of(other).items()}
    if resource in engines:
        return theirs.get(engines[resource])
    machines = side.pairing.machines
    if side.is_before:
        return machines.resource(resource) if machines.has(resource) else None
    engines = engines_of(other)
    names = {machines.resource(r): r for r in other.verdict.loads if r not in engines and machines.has(r)}
    return names.get(resource, resource if resource in machines.units.values() else None)


def engines_of(side: Side) -> dict[str, tuple[str, int]]:
    """The arrays that hold weights, each an engine of its own: on which unit, of which group of clusters."""
    found: dict[str, tuple[str, int]] = {}
    group = side.pairing.of_before if side.is_before else side.pairing.of_after
    for program in side.verdict.programs:
        for activity in program.activities:
            if activity.kind == "task" and activity.exclusive and activity.exclusive[0][0] != activity.where:
                holder = side.plan.holder[side.plan.task[activity.task].cluster]
                found[activity.exclusive[0][0]] = side.name(activity.where), group[holder]
    return found


def _energy(first: Side, second: Side) -> Decomposition:
    """Energy of each activity, and the power of what is switched on over one interval."""
    per, times = _requests(first, second)
    found: list[tuple[Amounts, int, dict[str, int]]] = []
    for n, side in zip(times, (first, second), strict=True):
        causes = {cause: n * pj for cause, pj in side.verdict.energy_by_cause.items()}
        found.append((_scaled(side, n, lambda a: sum(pj for _, pj in a.energy_pj)), n * side.verdict.energy, causes))
    (before, all_before, sources_a), (after, all_after, sources_b) = found
    idle = (sources_a.get("idle", 0), sources_b.get("idle", 0))
    extra = [_whole(Cause.IDLE, "idle power", *idle)] if idle[0] != idle[1] else []
    return _made(
        Decomposition(
            "energy", "J", PJ_PER_J, per, all_before, all_after, by_size((*rows(first, second, before, after), *extra)),
            by_op(first, second, before, after), by_place(first, second, before, after),
            {"idle": idle} if extra else {}, sources=_sources(first, sources_a, sources_b),
        )
    )  # fmt: skip


def _sources(first: Side, before: dict[str, int], after: dict[str, int]) -> Pairs:
    """Energy by source, memories and links under the names of the second plan; only what differs."""
    was: dict[str, int] = {}
    for name, pj in before.items():
        kind, _, part = name.partition(" ")
        known = f"{kind} {first.name(part)}" if kind in ("memory", "link") else name
        was[known] = was.get(known, 0) + pj
    pairs = {name: (was.get(name, 0), after.get(name, 0)) for name in sorted({*was, *after})}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _product(first: Side, second: Side) -> Decomposition:
    """Energy times latency: each part of one with the mean of the other, so that parts add up (E2 L2 - E1 L1 =
    (E2 - E1) (L1 + L2) / 2 + (L2 - L1) (E1 + E2) / 2)."""
    energy, latency = _energy(first, second), _time(Objective.LATENCY, first, second)
    factors = ((energy, latency.before + latency.after), (latency, energy.before + energy.after))
    parts = [
        replace(row, before=n * row.before, after=n * row.after, what=f"{row.what} ({part.total})")
        for part, n in factors
        for row in part.rows
    ]
    ops: Pairs = {}
    for part, n in factors:
        for name, (was, now) in part.ops.items():
            old = ops.get(name, (0, 0))
            ops[name] = (old[0] + n * was, old[1] + n * now)
    return _made(
        Decomposition(
            "edp", "J s", 2 * PJ_PER_J * TICKS_PER_SECOND, energy.per,
            2 * energy.before * latency.before, 2 * energy.after * latency.after, by_size(parts), ops,
        )
    )  # fmt: skip


def measured(after: Verdict, before: Verdict) -> tuple[Objective, ...]:
    """The objectives whose change is told: those of the plans, that of the second first, then rate, time and energy."""
    usual = (Objective.THROUGHPUT, Objective.LATENCY, Objective.ENERGY)
    return tuple(dict.fromkeys((after.plan.objective, before.plan.objective, *usual)))
