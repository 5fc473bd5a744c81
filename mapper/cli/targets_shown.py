"""Targets on standard output: a table of all, one in full with where its figures come from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from rich.table import Table

from mapper.cli.saying import say
from mapper.cli.tables import output, table_of
from mapper.errors import plain
from mapper.hw.provenance import FORMATS, Sheet
from mapper.hw.survey import Survey
from mapper.hw.target import Target, Unit
from mapper.report.targets.data import target_data
from mapper.report.targets.words import bands, classes, measured, memory, peaks, said
from mapper.report.units import percent, si

WIDTH = 118
_INDENT = " " * 14

_LEGEND = (
    "floats, integers: dense peaks of all units but hosts, op/s. times: how far they may be off, and for how many "
    "kinds of work that was measured. known: figures that are measured, read or derived; the others are recalled or "
    "assumed (mapper targets NAME tells which)."
)


COLUMNS = ("target", "units", "floats", "integers", "memory", "power", "times", "known")
LEAVE = ("times", "known", "power", "units")
"""Columns of the list that a narrow terminal goes without, the first first."""
FOLDED = {"units": r"\s", "peak": "(?<=,) ", "holds": "(?<=,) ", "serves": "(?<=,) "}
"""Columns whose cells may stand in several lines, and where the lines are cut."""


def show_all(found: Sequence[Survey]) -> None:
    """A line for each target, and what the columns mean."""
    rows = [dict(zip(COLUMNS, _row(one), strict=True)) for one in found]
    console = output()
    console.width = min(console.width, WIDTH + 2)
    shown, left = _fitting(COLUMNS, rows, LEAVE, console.width)
    table = table_of(*shown)
    table.columns[0].no_wrap = True
    for row in rows:
        table.add_row(*(row[name] for name in shown))
    console.print(table)
    hidden = f" Left away, as there is no room: {', '.join(left)} (--json has all)." if left else ""
    say("\n" + "\n".join(wrap(_LEGEND + hidden, min(WIDTH, console.width))) + "\n")


def _row(one: Survey) -> tuple[str, ...]:
    power = f"{si(one.target.power_limit_w, 'W', digits=2)}" if one.target.power_limit_w else ""
    times = "\n".join(bands(one))
    return (
        one.target.name, classes(one, "\n"), *peaks(one), memory(one), power, times, f"{100 * one.known:.0f} %",
    )  # fmt: skip


def _fitting(
    columns: Sequence[str], rows: Sequence[Mapping[str, str]], leave: Sequence[str], width: int
) -> tuple[list[str], list[str]]:
    """The columns that have room side by side, and those that are left away, in the order given. Those of FOLDED need
    room for their longest word only."""
    wide = {name: _least(name, rows) for name in columns}
    shown, left = list(columns), []
    for name in leave:
        if sum(wide[one] + 2 for one in shown) - 2 > width:
            shown.remove(name)
            left.append(name)
    return shown, left


def _least(name: str, rows: Sequence[Mapping[str, str]]) -> int:
    """How wide a column is at least: as the longest part of its cells that stays in one line."""
    cut = FOLDED.get(name, "\n")
    return max(len(part) for row in rows for part in (name, *re.split(cut, row[name])))


def show_one(found: Survey) -> None:
    """The units, memories and links of a target, then the text behind each of its figures."""
    _parts(found.target)
    data, width = target_data(found), min(output().width, WIDTH)
    marks = ", ".join(f"{percent(part)} {basis}" for basis, part in data["figures_by_mark"].items())
    lines = ["", *wrap(f"figures: {marks}", width)]
    if found.bands:
        lines += wrap(f"times: {', '.join(bands(found))}", width)
    for row in data["published"]:
        lines += wrap(_published(row), width)
    for sheet in found.sheets:
        if sheet.figures:
            lines += ["", *_sources(sheet, found.target.name, width)]
    say("\n".join(lines) + "\n")


def _published(row: Mapping[str, Any]) -> str:
    """What the maker says, and what the parts give."""
    key, ours = row["key"], row["derived"]
    given = "the parts do not tell" if ours is None else f"the parts give {measured(key, ours)}"
    what = f"{row['part']} {key}".strip()
    return f"published: {what} {measured(key, row['published'])}; {given}. {row['source']}"


def _sources(sheet: Sheet, target: str, width: int) -> Iterator[str]:
    """A part, and under it each text with the figures that it speaks of."""
    times = f" x {sheet.count:,}" if sheet.count > 1 else ""
    kind = f": {sheet.section}/{sheet.kind}" if sheet.kind and sheet.section in FORMATS else ""
    yield f"{sheet.part or target}{times}{kind}"
    for text in said(sheet):
        yield from _wrapped(f"{text.basis:<9} {text.figures}", width, "  ", " " * 12)
        yield from _wrapped(f"{text.source} ({text.file})", width, _INDENT, _INDENT)


def _wrapped(text: str, width: int, first: str, others: str) -> list[str]:
    return wrap(text, width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)


def _parts(target: Target) -> None:
    console = output()
    console.print(plain(f"{target.name}: {target.about}"), markup=False)
    console.print(plain(f"source: {target.source}"), markup=False)
    units = [
        (u.name, u.kind, u.model_name, _best(u), u.data, ", ".join(u.weights), f"{u.model.idle_power_w:g} W")
        for u in target.units
    ]
    memories = [
        (
            m.name, si(m.capacity_bytes, "B"), si(m.bandwidth_bytes_per_s, "B/s"), f"{m.energy_pj_per_bit:g} pJ/bit",
            ", ".join(m.holds), ", ".join(m.serves),
        )
        for m in target.memories
    ]  # fmt: skip
    links = [
        (
            k.name, k.a, k.b, si(k.bandwidth_bytes_per_s, "B/s"), si(k.latency_s, "s"),
            si(k.overhead_s, "s") if k.overhead_s else "-", f"{k.energy_pj_per_bit:g} pJ/bit",
        )
        for k in target.links
    ]  # fmt: skip
    left = [
        name
        for names, rows, leave in ((UNITS, units, LEAVE_UNITS), (MEMORIES, memories, LEAVE_MEMORIES),
                                   (LINKS, links, LEAVE_LINKS))
        if rows
        for name in _show(names, rows, leave)
    ]  # fmt: skip
    if left:
        told = f"Left away, as there is no room: {', '.join(dict.fromkeys(left))} (--json has all)."
        say("\n" + "\n".join(wrap(told, min(WIDTH, console.width))) + "\n")


UNITS = ("unit", "kind", "model", "peak", "data memory", "weights from", "idle")
MEMORIES = ("memory", "capacity", "bandwidth", "energy", "holds", "serves")
LINKS = ("link", "from", "to", "bandwidth each way", "latency", "overhead", "energy")
LEAVE_UNITS = ("model", "idle", "weights from", "kind")
LEAVE_MEMORIES = ("energy", "holds", "serves")
LEAVE_LINKS = ("energy", "overhead", "latency")
"""Columns of the tables of parts that a narrow terminal goes without, the first first."""
PLACES = {"data memory", "weights from", "serves", "from", "to"}
"""Columns that name other parts, and so differ among equal chips."""

MOST_ROWS = 48
"""Of more parts than these a table shows the first of those that are alike."""


def _best(unit: Unit) -> str:
    rates = sorted(unit.model.peak_ops_per_s().items(), key=lambda item: -item[1])[:3]
    return ", ".join(f"{dtype.value} {si(rate, 'op/s')}" for dtype, rate in rates)


def _widen(table: Table, names: Sequence[str], rows: Sequence[Mapping[str, str]], width: int) -> None:
    """What room is left goes to cells that would be folded; where there is none, names are folded, too."""
    least = [_least(name, rows) for name in names]
    spare = width - sum(least) - 2 * (len(least) - 1)
    if spare < 0:
        return
    for column, name, wide in zip(table.columns, names, least, strict=True):
        wanted = max(len(row[name]) for row in rows) - wide
        column.width = wide + (max(0, min(spare, wanted)) if name in FOLDED else 0)
        spare -= column.width - wide


def _show(names: Sequence[str], rows: Sequence[tuple[str, ...]], leave: Sequence[str]) -> list[str]:
    """A table of parts; in a large target those with equal figures stand in one row. Returns what is left away."""
    alike: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for row in rows:
        same = tuple(cell for name, cell in zip(names[1:], row[1:], strict=True) if name not in PLACES)
        alike.setdefault(same if len(rows) > MOST_ROWS else row, []).append(row)
    console, some = output(), list[dict[str, str]]()
    for equal in alike.values():
        first = equal[0]
        more = f" and {len(equal) - 1:,} more" if len(equal) > 1 else ""
        some.append(dict(zip(names, (f"{first[0]}{more}", *first[1:]), strict=True)))
    shown, left = _fitting(names, some, leave, console.width)
    table = table_of(*shown)
    _widen(table, shown, some, console.width)
    for cells in some:
        table.add_row(*(cells[name] for name in shown))
    console.print(table)
    return left
