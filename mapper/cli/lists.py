"""`mapper passes` and `mapper targets`: what there is."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import fields
from inspect import getdoc

from rich.console import Console

from mapper.cli.steps import Steps
from mapper.cli.tables import output, table_of
from mapper.hw import plugins
from mapper.hw.editor import json_schema
from mapper.hw.library import target_names
from mapper.hw.load import load_target
from mapper.hw.target import Target
from mapper.pipeline.named import pass_named, pipeline_of
from mapper.pipeline.pipeline import spec
from mapper.report.units import si


def passes(args: Namespace) -> int:
    """All passes and pipelines, one pass with its options, or the passes of one pipeline."""
    console = output()
    if args.name in plugins.names("passes"):
        return _one_pass(console, args.name)
    if args.name:
        return _one_pipeline(console, args.name)
    table = table_of("pass", "requires", "provides", "what it does")
    for name in plugins.names("passes"):
        cls = pass_named(name)
        table.add_row(name, ", ".join(cls.requires), ", ".join(cls.provides), _sentence(cls))
    console.print(table)
    pipelines = table_of("pipeline", "stands for")
    for name in plugins.names("pipelines"):
        pipelines.add_row(name, str(plugins.load("pipelines", name)).replace(",", ", "))
    console.print(pipelines)
    return 0


def _one_pipeline(console: Console, name: str) -> int:
    steps = pipeline_of(name)
    console.print(f"{name}: a pipeline of {len(steps.passes)} passes; as text:", markup=False)
    console.print(str(steps), markup=False, soft_wrap=True)
    table = table_of("pass", "provides", "what it does")
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
    table = table_of("target", "units", "memory", "power", "about")
    for name, target in _every_target():
        outside = sum(m.capacity_bytes for m in target.memories if not m.unit)
        power = f"{target.power_limit_w:g} W" if target.power_limit_w else ""
        kinds: dict[str, int] = {}
        for unit in target.units:
            kinds[unit.kind] = kinds.get(unit.kind, 0) + 1
        units = ", ".join(f"{n} {kind}" if n > 1 else kind for kind, n in kinds.items())
        table.add_row(name, units, si(outside, "B"), power, target.about)
    output().print(table)
    return 0


def _every_target() -> list[tuple[str, Target]]:
    """All targets by name; there are many files to read."""
    steps, names = Steps(live=True), target_names()
    found = []
    with steps.step("targets"):
        count = steps.counted("targets")
        for k, name in enumerate(names):
            count("reading", k, len(names))
            found.append((name, load_target(name)))
    return found


def _one_target(target: Target) -> int:
    console = output()
    console.print(f"{target.name}: {target.about}", markup=False)
    console.print(f"source: {target.source}", markup=False)
    units = table_of("unit", "kind", "model", "peak", "data memory", "weights from", "idle")
    for u in target.units:
        peaks = u.model.peak_ops_per_s()
        best = ", ".join(f"{t.value} {si(r, 'op/s')}" for t, r in sorted(peaks.items(), key=lambda p: -p[1])[:3])
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
    return 0


def _sentence(cls: type) -> str:
    return (getdoc(cls) or "").split("\n\n")[0].replace("\n", " ")
