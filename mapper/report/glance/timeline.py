"""When units and links work during one request, and during a stretch of the steady state, as sparklines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mapper.cost.activity import Program
from mapper.cost.judge import Verdict
from mapper.cost.replay import Call
from mapper.hw.work import TICKS_PER_SECOND
from mapper.ir.plan import Plan
from mapper.report.glance.section import Section, busiest, others, spark
from mapper.report.units import percent, shorten, si

ROWS = 16
NAME = 22
COLUMNS = 86
"""Rows, columns of a name, and columns of all sparklines of a row."""


def timeline(verdict: Verdict) -> Section:
    """One call of each phase side by side: of each unit and of all transfers, how busy they are in each part of it."""
    plan = verdict.plan
    many = len(plan.phases)
    bins = max(8, (COLUMNS - (many - 1)) // many)
    calls = [_of_call(plan, p, c, bins) for p, c in zip(verdict.programs, verdict.calls, strict=True)]
    names = [*plan.target.unit, *sorted({n for rows in calls for n in rows} - plan.target.unit.keys())]
    sums = {n: sum(sum(rows.get(n, ())) for rows in calls) for n in names}
    shown, rest = busiest(sums, ROWS)
    none = [0.0] * bins
    lines = [f"{'':<{NAME}}" + "|".join(f"{_phase(verdict, k, bins):<{bins}}" for k in range(many))]
    lines += [f"{shorten(n, NAME - 1):<{NAME}}" + "|".join(spark(rows.get(n, none)) for rows in calls) for n in shown]
    data = {p.name: {n: [round(x, 4) for x in row] for n, row in rows.items()} for p, rows in
            zip(plan.phases, calls, strict=True)}  # fmt: skip
    return Section("one request alone: one call of each phase", (*lines, *others(rest, "units")), data)


def _phase(verdict: Verdict, k: int, room: int) -> str:
    phase, call = verdict.plan.phases[k], verdict.calls[k]
    times = f" x {phase.calls}" if phase.calls > 1 else ""
    return shorten(f"{phase.name} {si(call.ticks / TICKS_PER_SECOND, 's')}{times}", room)


def _of_call(plan: Plan, program: Program, call: Call, bins: int) -> dict[str, list[float]]:
    """Busy parts by unit, and of all links together, in each of so many equal parts of a call."""
    found: dict[str, list[float]] = {}
    length = call.ticks / bins
    for activity, start, end in zip(program.activities, call.starts, call.ends, strict=True):
        where, part = (activity.where, activity.share) if activity.where in plan.target.unit else ("transfers", 1.0)
        if start < end:
            _add(found.setdefault(where, [0.0] * bins), start, end, part, length)
    return {n: [min(1.0, x) for x in row] for n, row in found.items()}


def _add(row: list[float], start: int, end: int, part: float, length: float) -> None:
    """Count `part` during [start, end) in a row of equal parts of a length."""
    first, last = int(start / length), min(len(row) - 1, int(end / length))
    for k in range(first, last + 1):
        row[k] += part * max(0.0, min(end, (k + 1) * length) - max(start, k * length)) / length


def steady(verdict: Verdict) -> Section | None:
    """Two intervals of the steady state, as the judge's simulation saw them; nothing where requests come one by one."""
    from mapper.cost.window import window  # simulates, by numpy and numba, which are slow to load
    from mapper.report.utilisation import utilisation_over_time

    plan = verdict.plan
    if (plan.inflight or 1) < 2:
        return None
    seen = window(verdict, 2.0)
    rows = utilisation_over_time(verdict, seen, COLUMNS)
    shown, rest = busiest({n: sum(row) for n, row in rows.items()}, ROWS)
    long = si((seen.end - seen.start) / TICKS_PER_SECOND, "s")
    what = f"batches of {plan.batch} requests" if plan.batch else "requests"
    lines = [f"{'':<{NAME}}{long} of the steady state, {plan.inflight} {what} in flight"]
    lines += [f"{shorten(n, NAME - 1):<{NAME}}{spark(rows[n])}  {percent(_mean(rows[n])):>6}" for n in shown]
    data: dict[str, Any] = {
        "seconds": (seen.end - seen.start) / TICKS_PER_SECOND,
        "units": {n: [round(x, 4) for x in row] for n, row in rows.items()},
    }
    return Section("many requests in flight", (*lines, *others(rest, "units")), data)


def _mean(row: Sequence[float]) -> float:
    return sum(row) / len(row) if row else 0.0
