"""`mapper passes`, `mapper targets` and `mapper cost`: what there is, and what one piece of work costs."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import fields
from inspect import getdoc

from rich.console import Console
from rich.table import Table

from mapper.cost.work_text import price, work_of_text
from mapper.errors import MapperError, did_you_mean
from mapper.hw import plugins
from mapper.hw.editor import json_schema
from mapper.hw.library import target_names
from mapper.hw.load import load_target
from mapper.hw.target import Target
from mapper.pipeline.named import pass_named, pipeline_of
from mapper.pipeline.pipeline import spec
from mapper.report.units import si

PIPED_WIDTH = 160
"""Columns of a table in a file or a pipe."""


def passes(args: Namespace) -> int:
    """All passes and pipelines, one pass with its options, or the passes of one pipeline."""
    console = _console()
    if args.name in plugins.names("passes"):
        return _one_pass(console, args.name)
    if args.name:
        return _one_pipeline(console, args.name)
    table = _table("pass", "requires", "provides", "what it does")
    for name in plugins.names("passes"):
        cls = pass_named(name)
        table.add_row(name, ", ".join(cls.requires), ", ".join(cls.provides), _sentence(cls))
    console.print(table)
    pipelines = _table("pipeline", "stands for")
    for name in plugins.names("pipelines"):
        pipelines.add_row(name, str(plugins.load("pipelines", name)).replace(",", ", "))
    console.print(pipelines)
    return 0


def _one_pipeline(console: Console, name: str) -> int:
    steps = pipeline_of(name)
    console.print(f"{name}: a pipeline of {len(steps.passes)} passes; as text:", markup=False)
    console.print(str(steps), markup=False, soft_wrap=True)
    table = _table("pass", "provides", "what it does")
    for step in steps.passes:
        table.add_row(spec(step), ", ".join(step.provides), _sentence(type(step)))
    console.print(table)
    return 0


def _one_pass(console: Console, name: str) -> int:
    cls = pass_named(name)
    console.print(f"{name}: {getdoc(cls) or ''}", markup=False)
    console.print(f"requires {', '.join(cls.requires) or 'nothing'}; provides {', '.join(cls.provides)}", markup=False)
    options = list(fields(cls))  # type: ignore[arg-type]
    for f in options:
        console.print(f"  {f.name.replace('_', '-')}={f.default}   ({f.type})", markup=False)
    if not options:
        console.print("  no options")
    return 0


def targets(args: Namespace) -> int:
    """All targets, one target in full, or the JSON Schema of target files."""
    if args.schema:
        sys.stdout.write(json.dumps(json_schema(), indent=1) + "\n")
        return 0
    if args.name:
        return _one_target(load_target(args.name))
    table = _table("target", "units", "memory", "power", "about")
    for name in target_names():
        target = load_target(name)
        outside = sum(m.capacity_bytes for m in target.memories if not m.unit)
        power = f"{target.power_limit_w:g} W" if target.power_limit_w else ""
        kinds: dict[str, int] = {}
        for unit in target.units:
            kinds[unit.kind] = kinds.get(unit.kind, 0) + 1
        units = ", ".join(f"{n} {kind}" if n > 1 else kind for kind, n in kinds.items())
        table.add_row(name, units, si(outside, "B"), power, target.about)
    _console().print(table)
    return 0


def _one_target(target: Target) -> int:
    console = _console()
    console.print(f"{target.name}: {target.about}", markup=False)
    console.print(f"source: {target.source}", markup=False)
    units = _table("unit", "kind", "model", "peak", "data memory", "weights from", "idle")
    for u in target.units:
        peaks = u.model.peak_ops_per_s()
        best = ", ".join(f"{t.value} {si(r, 'op/s')}" for t, r in sorted(peaks.items(), key=lambda p: -p[1])[:3])
        units.add_row(u.name, u.kind, u.model_name, best, u.data, ", ".join(u.weights), f"{u.model.idle_power_w:g} W")
    memories = _table("memory", "capacity", "bandwidth", "energy", "holds", "serves")
    for m in target.memories:
        memories.add_row(
            m.name, si(m.capacity_bytes, "B"), si(m.bandwidth_bytes_per_s, "B/s"), f"{m.energy_pj_per_bit:g} pJ/bit",
            ", ".join(m.holds), ", ".join(m.serves),
        )  # fmt: skip
    links = _table("link", "from", "to", "bandwidth each way", "latency", "energy")
    for k in target.links:
        links.add_row(
            k.name,
            k.a,
            k.b,
            si(k.bandwidth_bytes_per_s, "B/s"),
            si(k.latency_s, "s"),
            f"{k.energy_pj_per_bit:g} pJ/bit",
        )
    for table in (units, memories, links):
        if table.row_count:
            console.print(table)
    return 0


def cost(args: Namespace) -> int:
    """What one piece of work costs on a unit, or on every unit of a target."""
    target = load_target(args.target)
    if args.unit and args.unit not in target.unit:
        raise MapperError(f"{target.name} has no unit '{args.unit}'; {did_you_mean(args.unit, target.unit)}")
    work, wanted = work_of_text(args.work)
    rows = [price(target, unit, work, wanted) for unit in target.units if args.unit in (None, unit.name)]
    if args.json:
        sys.stdout.write(json.dumps(rows if not args.unit else rows[0], indent=1) + "\n")
        return 0
    table = _table("unit", "time", "energy", "limited by", "causes", "type", "band")
    for row in rows:
        if row["why_not"]:
            table.add_row(row["unit"], "-", "-", "", row["why_not"], "", "")
            continue
        causes = ", ".join(
            f"{c} {si(j, 'J')}" for c, j in sorted(row["energy_by_cause_j"].items(), key=lambda r: -r[1])
        )
        table.add_row(
            row["unit"], si(row["time_s"], "s"), si(row["energy_j"], "J"), row["limited_by"], causes, row["dtype"],
            f"± {row['band']:.0%}{'' if row['validated'] else ' unvalidated'}",
        )  # fmt: skip
    _console().print(table)
    return 0


def _sentence(cls: type) -> str:
    return (getdoc(cls) or "").split("\n\n")[0].replace("\n", " ")


def _console() -> Console:
    """Standard output: as wide as the terminal; wide enough for every table where it is none."""
    console = _Output(highlight=False)
    return console if console.is_terminal else _Output(highlight=False, width=PIPED_WIDTH)


class _Output(Console):
    """A console that leaves a closed pipe to `main`, where rich would end with exit code 1."""

    def on_broken_pipe(self) -> None:
        raise  # called while the BrokenPipeError is handled


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
