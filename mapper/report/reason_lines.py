"""Why ops are where they are as lines of text: what else there is, and what the plan would become there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mapper.hw.work import TICKS_PER_SECOND
from mapper.ir.plan import Plan
from mapper.report.moves import Move
from mapper.report.reasons import Alternative, Reason
from mapper.report.units import listed, percent, shorten, si, times

SHOWN = 8
"""Classes of ops that are told unless every one is wanted, those of the most time."""

NEGLIGIBLE = 1e-3
"""Classes of ops that have less of the time of all tasks are never among them."""


def by_time(plan: Plan, rows: Sequence[Reason]) -> list[tuple[Reason, float]]:
    """The reasons with the part that their tasks have in the time of all tasks of a request, largest first."""
    ticks = [len(r.tasks) * plan.phase[r.phase].calls * r.cost.ticks for r in rows]
    total = sum(ticks) or 1
    pairs = [(row, t / total) for row, t in zip(rows, ticks, strict=True)]
    return sorted(pairs, key=lambda pair: -pair[1])


def reason_lines(
    plan: Plan, rows: Sequence[Reason], move: Callable[[Reason, Alternative], Move], *, every: bool = False
) -> list[str]:
    """Each reason with what else there is; those that take little time are counted, unless every one is wanted.

    move: what would become of the plan if the tasks of a reason ran in another way.
    """
    lines: list[str] = []
    hidden: list[float] = []
    for rank, (row, part) in enumerate(by_time(plan, rows)):
        if not every and (part < NEGLIGIBLE or rank >= SHOWN):
            hidden.append(part)
            continue
        lines.append(_head(plan, row, part))
        lines += [f"      {_compared(a)}{_become(move(row, a))}" for a in row.alternatives]
        lines += [f"      not {kind}: {shorten(why, 105 - len(kind), end=True)}" for kind, why in row.refused]
    if hidden:
        told = f"{percent(sum(hidden))} of the time together"
        lines.append(f"  and {len(hidden)} more, {told}: mapper explain PLAN --op NAME (--op '' for all)")
    return lines


def _head(plan: Plan, row: Reason, part: float) -> str:
    phase = f" in {row.phase}" if len(plan.phases) > 1 else ""
    kind = _kind(plan, row)
    what = f"{len(row.tasks)} {kind} as {row.repeat}" if len(row.tasks) > 1 else f"{kind} {row.repeat}"
    copies = f", {row.here.replicas} copies" if row.here.replicas > 1 else ""
    shard = f", by {row.here.shard}" if row.here.shard else ""
    names = sorted(set(row.units))
    units = listed(names, 28) if len(names) <= 3 else f"{len(names)} {shorten(row.unit_kind, 24)}"
    time = si(row.cost.ticks / TICKS_PER_SECOND, "s")
    each = " each" if len(row.tasks) > 1 else ""
    rest = f"{phase}: {units}{copies}{shard}, {time}{each} ({row.cost.limited_by}), {percent(part)} of the time"
    return f"  {shorten(what, max(16, 114 - len(rest)))}{rest}"


def _kind(plan: Plan, row: Reason) -> str:
    graph, cluster = plan.graph, plan.cluster[plan.task[row.tasks[0]].cluster]
    return (graph.op.get(cluster.name) or graph.op[cluster.ops[0]]).kind


def _compared(other: Alternative) -> str:
    pairs = ((other.times_as_slow, "time"), (other.times_the_energy, "energy"))
    cells = [f"{times(ratio):>6} {what}" if ratio is not None else f"{'':<{7 + len(what)}}" for ratio, what in pairs]
    return f"{shorten(other.unit_kind, 18):<18} {cells[0]}{'? ' if other.inside_band else '  '}{cells[1]}"


def _become(move: Move) -> str:
    if move.lacks:
        return f" | no room: {shorten(move.lacks, 24)} lacks {si(move.lacks_bytes, 'B')}"
    if not move.is_known:
        return " | not told: an operand comes late here"
    changes = ((move.rate, "requests/s"), (move.work, "latency"), (move.energy, "energy"))
    words = [f"{what} {_signed(part)}" for part, what in changes if abs(part) >= 5e-4]
    full = f" ({shorten(move.limit, 10)} full)" if move.rate < -5e-4 else ""
    if not words:
        return " | nothing changes"
    return f" | {words[0]}{full}{''.join(f', {w}' for w in words[1:])}"


def _signed(part: float) -> str:
    """A change in percent, or as a factor where it is large: -11 %, +4.0 %, 5.7x."""
    return f"{1 + part:.2g}x" if part >= 1 else f"{'+' if part > 0 else ''}{percent(part)}"
