"""A difference on one screen: the answer first, then figures, reasons, and what moved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from mapper.errors import plain
from mapper.report.diff.conditions import change_words, shown
from mapper.report.diff.decompose import Decomposition
from mapper.report.diff.difference import Difference
from mapper.report.diff.moves import Move, Spot
from mapper.report.diff.one_op import OpRow, Run, op_rows, shares_of
from mapper.report.diff.places import spans
from mapper.report.diff.totals import Total
from mapper.report.diff.words import added, alone_lines, sentence, share, standing, told
from mapper.report.screen import INDENT, WIDTH
from mapper.report.units import bar, shorten, si

_LABEL = 12
_MOST_INPUTS, _MOST_PARTS, _MOST_MOVES, _MOST_UNITS = 10, 8, 16, 16
SMALL = 0.0005
"""Parts of a total below this are not listed one by one."""


def diff_screen(found: Difference) -> str:
    """The difference as text; more of it is in its data."""
    blocks = [[_headline(found)], _summary(found), _inputs(found), _totals(found)]
    if not found.same:
        blocks += [_why(d) for d in found.decompositions if d.delta]
        blocks += [_moved(found), _labelled("unpaired", alone_lines(found)), _units(found), _memories(found)]
    return _text(blocks)


def _text(blocks: Iterable[Sequence[str]]) -> str:
    return "\n\n".join(
        "\n".join(f"{'':<{INDENT}}{plain(line)}".rstrip() for line in lines) for lines in blocks if lines
    )


def _headline(found: Difference) -> str:
    a, b = found.before.plan, found.after.plan
    names = [f"{plan.graph.name} on {plan.target.name}" for plan in (a, b)]
    whole = names[0] if names[0] == names[1] else f"{names[0]} -> {names[1]}"
    total = found.figure.get(b.objective.value)
    objectives = b.objective.value if a.objective is b.objective else f"{a.objective.value} -> {b.objective.value}"
    if total is None:
        return shorten(f"{whole} · {objectives}", WIDTH - INDENT)
    rest = f" · {objectives} · {shown(total, total.before)} -> {shown(total, total.after)} · {change_words(total)}"
    return shorten(whole, max(20, WIDTH - INDENT - len(rest))) + rest


def _summary(found: Difference) -> list[str]:
    lines = standing(found)
    if found.same:
        return lines
    said = [line for d in found.decompositions[:1] for line in _wrapped(sentence(d))]
    return [*said, *(line for text in lines for line in _wrapped(text))]


def _wrapped(text: str) -> list[str]:
    import textwrap

    lines = textwrap.wrap(text.replace(" %", "\0%"), WIDTH - INDENT, subsequent_indent="  ", break_on_hyphens=False)
    return [line.replace("\0%", " %") for line in lines]


def _inputs(found: Difference) -> list[str]:
    lines = [str(row) for row in found.inputs[:_MOST_INPUTS]]
    more = len(found.inputs) - _MOST_INPUTS
    return _labelled("made from", [*lines, *([f"and {more} more: --json"] if more > 0 else [])])


def _labelled(label: str, rows: Sequence[str]) -> list[str]:
    room = WIDTH - INDENT - _LABEL
    return [f"{label if k == 0 else '':<{_LABEL}}{shorten(row, room, end=True)}" for k, row in enumerate(rows)]


def _totals(found: Difference) -> list[str]:
    lines = [f"{'total':<16}{'before':>18}{'after':>18}{'change':>14}"]
    for total in found.totals:
        inside = "  inside both error bands" if total.inside_bands else ""
        lines.append(
            f"{total.name:<16}{shown(total, total.before):>18}{shown(total, total.after):>18}"
            f"{change_words(total):>14}{_verdict(total)}{inside}"
        )
    return [*lines, f"{'busiest':<16}{_busiest(found, 0):>18}{_busiest(found, 1):>18}"]


def _verdict(total: Total) -> str:
    """Whether the change is for the better."""
    if not total.better or not total.difference:
        return "        "
    return "  better" if total.better * total.difference > 0 else "  worse "


def _busiest(found: Difference, k: int) -> str:
    flow = (found.before, found.after)[k].steady
    return f"{shorten(flow.busiest, 10)} {100 * flow.utilisation:.0f} %" if flow.busiest else "nothing"


def _why(found: Decomposition) -> list[str]:
    """The parts of a change; they add up to it."""
    unit = "J s" if found.total == "edp" else found.unit
    what = "interval" if found.total == "throughput" else found.total
    lines = [
        f"why {found.total} changed: {what} {si(found.si(found.before), unit)} -> {si(found.si(found.after), unit)}, "
        f"{added(share(found, found.delta))} (parts add up)"
    ]
    parts = told(found)
    large = [p for p in parts if abs(share(found, p.delta)) >= SMALL][:_MOST_PARTS] or list(parts[:1])
    for part in large:
        amount = si(found.si(part.delta), unit)
        lines.append(f"{added(share(found, part.delta)):>10} {'+' * (part.delta > 0) + amount:>12}  {part.text}")
    rest = parts[len(large) :]
    if rest:
        delta = sum(p.delta for p in rest)
        amount = si(found.si(delta), unit)
        count = f"{len(rest)} smaller part{'s' if len(rest) > 1 else ''}"
        lines.append(f"{added(share(found, delta)):>10} {'+' * (delta > 0) + amount:>12}  {count}")
    return [shorten(line, WIDTH - INDENT, end=True) for line in lines]


def _moved(found: Difference) -> list[str]:
    if not found.moved:
        return []
    rows = [_move_line(move) for move in found.moved[:_MOST_MOVES]]
    rest = found.moved[_MOST_MOVES:]
    if rest:
        rows.append(f"and {sum(len(m.clusters) for m in rest)} more in {len(rest)} groups: --json")
    names = " (units as the second plan calls them)" if found.renamed else ""
    return [f"what moved: time of all of them in a request{names}", *rows]


def _move_line(move: Move) -> str:
    number = f"{len(move.clusters)} " if len(move.clusters) > 1 else ""
    blocks = f" ({spans(move.blocks)})" if move.blocks else ""
    name = plain(f"{number}{move.what}{blocks} in {move.phase}")
    times = f"{si(move.ticks[0] * 1e-12, 's'):>8} -> {si(move.ticks[1] * 1e-12, 's'):<8}"
    return shorten(f"  {shorten(name, 44):<44} {times}  {way(move)}", WIDTH - INDENT, end=True)


def way(move: Move) -> str:
    """Where and how, before and after: only what differs."""
    a, b = move.before, move.after
    words = [f"{move.source} -> {b.unit}" if "unit" in move.changed else b.unit]
    if a.copies != b.copies:
        words.append(f"{a.copies} -> {b.copies} copies")
    if "weights" in move.changed and "unit" not in move.changed:
        words.append(f"weights {a.weights or 'none'} -> {b.weights or 'none'}")
    if a.shard != b.shard:
        words.append(f"{a.shard or 'undivided'} -> {b.shard or 'undivided'}")
    if a.tiles != b.tiles:
        words.append(f"{a.tiles or 'no'} -> {b.tiles or 'no'} tiles")
    if a.types != b.types:
        words.append(f"{'/'.join(dict.fromkeys(a.types))} -> {'/'.join(dict.fromkeys(b.types))}")
    return ", ".join(words) + (" (equals changed places)" if move.exchanged else "")


def _units(found: Difference) -> list[str]:
    before = {b: a for a, b in found.pairing.machines.units.items()}
    names = [name for name in _named(found, "unit") if _differs(found, f"unit.{name}")]
    called = {n: plain(n if before.get(n, n) == n else f"{before[n]} -> {n}") for n in names[:_MOST_UNITS]}
    wide = min(28, max(map(len, called.values()), default=0))
    lines = [f"{'unit':<{wide}}  {'before':<19}  {'after':<19}  {'busy':>12}  energy"]
    for name, words in called.items():
        busy, energy = found.figure[f"unit.{name}.busy"], found.figure[f"unit.{name}.energy"]
        lines.append(
            f"{shorten(words, wide):<{wide}}  {_bar(busy.before)}  {_bar(busy.after)}  {change_words(busy):>12}  "
            f"{shown(energy, energy.before)} -> {shown(energy, energy.after)}{_in_brackets(change_words(energy))}"
        )
    if len(names) > _MOST_UNITS:
        lines.append(f"and {len(names) - _MOST_UNITS} more: --json")
    return lines if names else []


def _in_brackets(words: str) -> str:
    return f" ({words})" if words else ""


def _named(found: Difference, word: str) -> list[str]:
    begin = f"{word}."
    return list(dict.fromkeys(t.name[len(begin) :].rpartition(".")[0] for t in found.parts if t.name.startswith(begin)))


def _differs(found: Difference, start: str) -> bool:
    return any(t.before != t.after for t in found.parts if t.name.rpartition(".")[0] == start)


def _bar(part: float | None) -> str:
    return f"{'-':<19}" if part is None else f"{bar(part, 12)} {100 * part:>4.0f} %"


def _memories(found: Difference) -> list[str]:
    """Peaks of memories and traffic of links, the largest changes first."""
    rows = [t for t in found.parts if t.name.startswith(("memory.", "link.")) and (t.before or 0) != (t.after or 0)]
    rows = sorted((t for t in rows if t.name.endswith((".peak", ".bytes"))), key=_amount)
    lines = [
        f"{shorten(t.name, 42):<42}{shown(t, t.before):>12} -> {shown(t, t.after):<12}{change_words(t):>10}"
        for t in islice(rows, 8)
    ]
    return [*lines, *([f"and {len(rows) - 8} more: --json"] if len(rows) > 8 else [])]


def _amount(total: Total) -> tuple[float, str]:
    return -abs((total.after or 0.0) - (total.before or 0.0)), total.name


def op_screen(found: Difference, wanted: str) -> str:
    """What differs of the ops whose name contains `wanted`."""
    rows = op_rows(found, wanted)
    groups: dict[tuple[object, ...], list[OpRow]] = {}
    for row in rows:
        groups.setdefault((row.what, row.phase, *(_how(run) for run in (row.before, row.after))), []).append(row)
    lines = []
    for alike in groups.values():
        first = alike[0]
        like = f" and {len(alike) - 1} like it" if len(alike) > 1 else ""
        run = first.after or first.before
        assert run is not None
        lines += [
            f"{run.cluster}{like} in {first.phase}",
            f"    before  {_run(first.before)}",
            f"    after   {_run(first.after)}",
        ]
    changes = [
        f"{total}: {added(delta / d.before if d.before else 0.0)} by {label} and the transfers of its results"
        for d, (total, shares) in zip(found.decompositions, shares_of(found, rows).items(), strict=True)
        for label, delta in shares.items()
    ]
    return _text([lines, changes])


def _how(run: Run | None) -> tuple[Spot, float] | None:
    return (run.spot, run.time_s) if run else None


def _run(run: Run | None) -> str:
    if run is None:
        return "not there"
    spot = run.spot
    words = [spot.unit, si(run.time_s, "s"), si(run.energy_pj * 1e-12, "J"), f"limited by {run.limited_by}"]
    words += [f"weights from {spot.weights}"] if spot.weights else []
    words += [f"{spot.copies} copies"] if spot.copies > 1 else []
    words += [f"divided by {spot.shard}"] if spot.shard else []
    words += [f"{spot.tiles} tiles"] if spot.tiles else []
    return ", ".join([*words, "/".join(dict.fromkeys(spot.types))])
