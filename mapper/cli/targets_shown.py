"""Targets on standard output: a table of all, one in full with where its figures come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from mapper.cli.saying import say
from mapper.cli.tables import output, table_of
from mapper.errors import plain
from mapper.hw.provenance import FORMATS, Sheet
from mapper.hw.survey import Survey
from mapper.hw.target import Target
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


def show_all(found: Sequence[Survey]) -> None:
    """A line for each target, and what the columns mean."""
    table = table_of("target", "units", "floats", "integers", "memory", "power", "times", "known")
    table.columns[0].no_wrap = True
    for one in found:
        power = f"{si(one.target.power_limit_w, 'W', digits=2)}" if one.target.power_limit_w else ""
        table.add_row(
            one.target.name,
            classes(one, "\n"),
            *peaks(one),
            memory(one),
            power,
            "\n".join(bands(one)),
            f"{100 * one.known:.0f} %",
        )
    console = output()
    console.width = min(console.width, WIDTH + 2)
    console.print(table)
    say("\n" + "\n".join(wrap(_LEGEND, WIDTH)) + "\n")


def show_one(found: Survey) -> None:
    """The units, memories and links of a target, then the text behind each of its figures."""
    _parts(found.target)
    data = target_data(found)
    lines = ["", "figures: " + ", ".join(f"{percent(part)} {basis}" for basis, part in data["figures_by_mark"].items())]
    if found.bands:
        lines.append(f"times: {', '.join(bands(found))}")
    for row in data["published"]:
        lines += wrap(_published(row), WIDTH)
    for sheet in found.sheets:
        if sheet.figures:
            lines += ["", *_sources(sheet, found.target.name)]
    say("\n".join(lines) + "\n")


def _published(row: Mapping[str, Any]) -> str:
    """What the maker says, and what the parts give."""
    key, ours = row["key"], row["derived"]
    given = "the parts do not tell" if ours is None else f"the parts give {measured(key, ours)}"
    what = f"{row['part']} {key}".strip()
    return f"published: {what} {measured(key, row['published'])}; {given}. {row['source']}"


def _sources(sheet: Sheet, target: str) -> Iterator[str]:
    """A part, and under it each text with the figures that it speaks of."""
    times = f" x {sheet.count:,}" if sheet.count > 1 else ""
    kind = f": {sheet.section}/{sheet.kind}" if sheet.kind and sheet.section in FORMATS else ""
    yield f"{sheet.part or target}{times}{kind}"
    for text in said(sheet):
        yield from _wrapped(f"{text.basis:<9} {text.figures}", "  ", " " * 12)
        yield from _wrapped(f"{text.source} ({text.file})", _INDENT, _INDENT)


def _wrapped(text: str, first: str, others: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)


def _parts(target: Target) -> None:
    console = output()
    console.print(plain(f"{target.name}: {target.about}"), markup=False)
    console.print(plain(f"source: {target.source}"), markup=False)
    units = table_of("unit", "kind", "model", "peak", "data memory", "weights from", "idle")
    for u in target.units:
        rates = u.model.peak_ops_per_s()
        best = ", ".join(f"{t.value} {si(r, 'op/s')}" for t, r in sorted(rates.items(), key=lambda p: -p[1])[:3])
        units.add_row(u.name, u.kind, u.model_name, best, u.data, ", ".join(u.weights), f"{u.model.idle_power_w:g} W")
    memories = table_of("memory", "capacity", "bandwidth", "energy", "holds", "serves")
    for m in target.memories:
        memories.add_row(
            m.name, si(m.capacity_bytes, "B"), si(m.bandwidth_bytes_per_s, "B/s"), f"{m.energy_pj_per_bit:g} pJ/bit",
            ", ".join(m.holds), ", ".join(m.serves),
        )  # fmt: skip
    links = table_of("link", "from", "to", "bandwidth each way", "latency", "overhead", "energy")
    for k in target.links:
        links.add_row(
            k.name,
            k.a,
            k.b,
            si(k.bandwidth_bytes_per_s, "B/s"),
            si(k.latency_s, "s"),
            si(k.overhead_s, "s") if k.overhead_s else "-",
            f"{k.energy_pj_per_bit:g} pJ/bit",
        )
    for table in (units, memories, links):
        if table.row_count:
            console.print(table)
