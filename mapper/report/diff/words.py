"""A change of a total in words: parts of one cause and class together, the largest first, and a sentence of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mapper.report.diff.causes import Cause, Row
from mapper.report.diff.decompose import Decomposition
from mapper.report.diff.difference import Difference
from mapper.report.diff.places import spans
from mapper.report.units import percent, shorten

MOST = 4
"""Parts that a sentence names."""

MANY = 10.0
"""A relative change from which on it is told as a multiple."""

_NAMES = 3
"""Units that a part names."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one cause and class, as words and as a change of the total."""

    cause: Cause
    text: str
    delta: int
    rows: tuple[Row, ...]


def told(found: Decomposition) -> tuple[Part, ...]:
    """The parts of a change, the largest first; together they are the change."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in found.rows:
        is_transfer = row.what.split(" (")[0] == f"{row.kind}s"
        key = (row.cause.value, row.what, row.kind, row.place if is_transfer else "")
        groups.setdefault(key, []).append(row)
    parts = [
        Part(rows[0].cause, _text(found, rows), sum(r.delta for r in rows), tuple(rows)) for rows in groups.values()
    ]
    return tuple(sorted((p for p in parts if p.delta), key=lambda p: (-abs(p.delta), p.text)))


def share(found: Decomposition, delta: int) -> float:
    """A change as a part of the total before."""
    return delta / found.before if found.before else 0.0


def signed(part: float) -> str:
    """A relative change: '+12 %', '-0.3 %'; 'x 50' and 'x 0.002' where so much more is there or so little is left."""
    if part >= MANY:
        return f"x {1 + part:.3g}"
    return f"x {1 + part:.2g}" if -1 < part <= -0.995 else added(part)


def added(part: float) -> str:
    """What a part adds to a change, relative to the whole before: '+12 %', '-0.3 %', never a multiple."""
    if part == 0:
        return "0 %"
    if abs(part) < 0.0005:
        return f"{100 * part:+.2g} %"
    return f"{'+' if part > 0 else '-'}{percent(abs(part))}"


def _text(found: Decomposition, rows: Sequence[Row]) -> str:
    first = rows[0]
    delta = sum(row.delta for row in rows)
    name = f"{first.what}{_blocks(rows)}"
    if first.what.split(" (")[0] == f"{first.kind}s":
        return _transfers(rows, delta)
    places = _some(r.place for r in rows)
    match first.cause:
        case Cause.MOVED:
            back = sum(r.back for r in rows)
            return f"{name} moved from {_some(r.source for r in rows)} to {places}" + (f", {back} back" if back else "")
        case Cause.CHANGED:
            return f"{name} runs in another way on {places}"
        case Cause.REPRICED:
            return f"{name} costs {'less' if delta < 0 else 'more'} on {places}"
        case Cause.PATH:
            return f"{name} on {places} {'is waited for no more' if delta < 0 else 'is waited for'}"
        case Cause.NEW:
            return f"{name} is new, on {places}"
        case Cause.GONE:
            return f"{name} is gone from {_some(r.source for r in rows)}"
        case Cause.LIMIT:
            return f"{first.place or 'nothing'} limits, no more {first.source or 'nothing'}"
        case Cause.WAITING if found.total == "throughput":
            return f"{first.place} waits {'less' if delta < 0 else 'longer'}"
        case Cause.WAITING:
            return "shorter gaps in the schedule" if delta < 0 else "longer gaps in the schedule"
        case Cause.IDLE:
            return f"{'less' if delta < 0 else 'more'} energy of what is switched on, between requests"


def _transfers(rows: Sequence[Row], delta: int) -> str:
    first = rows[0]
    before, after = sum(r.before for r in rows), sum(r.after for r in rows)
    name = f"{first.what} {first.place}" if " > " in first.place else f"{first.what} on {first.place}"
    if first.cause is Cause.REPRICED:
        return f"{name} cost {'less' if delta < 0 else 'more'}"
    if first.cause is Cause.PATH:
        return f"{name} {'are waited for no more' if delta < 0 else 'are waited for'}"
    how = "no more" if not after else "new" if not before else "fewer" if delta < 0 else "more"
    return f"{how} {name}"


def _blocks(rows: Iterable[Row]) -> str:
    numbers = sorted({n for row in rows for n in row.blocks})
    if not numbers:
        return ""
    return f" of block{'s' if len(numbers) > 1 else ''} {spans(numbers)}"


def _some(names: Iterable[str]) -> str:
    found = list(dict.fromkeys(n for n in names if n))
    return f"{found[0]} and {len(found) - 1} more" if len(found) > _NAMES else ", ".join(found)


_WORDS = {
    "throughput": ("more requests/s", "fewer requests/s"),
    "latency": ("more time for a request", "less time for a request"),
    "ttft": ("more time to the first token", "less time to the first token"),
    "tpot": ("more time for each later token", "less time for each later token"),
    "energy": ("more energy per request", "less energy per request"),
    "edp": ("more energy x latency", "less energy x latency"),
}
"""Words for a total that rose or fell."""


def sentence(found: Decomposition, most: int = MOST) -> str:
    """How a total changed and by what, as '4.1 % less energy per request: fc1 moved from gpu0 to cim0 (-8.1 %), ...'.

    Of throughput the parts are of the interval between requests, which is what they add up in."""
    if not found.delta:
        return f"{found.total} is the same"
    rose = found.delta > 0
    relative = abs(share(found, found.delta))
    words = _WORDS[found.total]
    if found.total == "throughput":
        rate = abs(found.before / found.after - 1) if found.after else 0.0
        length = f"{_size(relative)} {'longer' if rose else 'shorter'}" if relative < MANY else f"x {1 + relative:.3g}"
        begin = f"{_more(rate, words[rose])} (an interval {length})"
    else:
        begin = _more(relative, words[not rose])
    parts = told(found)
    named = [f"{p.text} ({added(share(found, p.delta))})" for p in parts[:most]]
    rest = sum(p.delta for p in parts[most:])
    left = len(parts) - most
    named += [f"{left} smaller part{'s' * (left > 1)} ({added(share(found, rest))})"] if left > 0 else []
    return f"{begin}: {', '.join(named)}"


def _size(part: float) -> str:
    return signed(part).lstrip("+")


def _more(part: float, words: str) -> str:
    """'12 % more energy', '40 times the energy'."""
    return f"{1 + part:.3g} times the {words.removeprefix('more ')}" if part >= MANY else f"{_size(part)} {words}"


def standing(found: Difference) -> list[str]:
    """Whether the plans are the same, or what of their placements is."""
    if found.same:
        return ["the same plan" + (", made from other inputs" if found.inputs else "")]
    lines = []
    names = ", ".join(f"{a} -> {b}" for a, b in found.renamed)
    tasks = len(found.after.plan.tasks or ())
    moved = sum(len(m.clusters) for m in found.moved)
    exchanged = sum(len(m.clusters) for m in found.moved if m.exchanged)
    if not found.moved and not found.alone:
        lines.append(f"the same placement up to renaming of equal units: {names}" if names else "the same placement")
    else:
        of_equals = f", {exchanged} of them equal ops that changed places" if exchanged else ""
        lines.append(f"{moved} of {tasks} placements differ{of_equals}")
        if names:
            lines.append(f"units that do the same under other names: {names}")
    others = [name for name in found.decisions if name in ("schedule", "memory", "inflight", "options", "clusters")]
    if others and not found.moved:
        lines.append(f"what differs: {', '.join(others)}")
    return lines


def alone_lines(found: Difference) -> list[str]:
    """Ops that only one of the plans has, or that they divide otherwise."""
    lines = []
    for row in found.alone:
        if row.before and row.after:
            lines.append(f"{row.what}: {len(row.before)} clusters -> {len(row.after)}, divided otherwise")
        else:
            side, names = ("before", row.before) if row.before else ("after", row.after)
            lines.append(
                f"{row.what}: {len(names)} only {side} ({shorten(names[0], 60)}{' ...' if len(names) > 1 else ''})"
            )
    return lines
