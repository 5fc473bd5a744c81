"""`mapper targets`: the targets there are, one of them, and what is wrong with their files."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

from mapper.cli.saying import say
from mapper.cli.steps import Steps
from mapper.cli.tables import output, table_of
from mapper.errors import UsageError
from mapper.hw.checks import Complaint, check_files, files_of, library_files
from mapper.hw.editor import json_schema
from mapper.hw.library import find_target, target_names
from mapper.hw.load import load_target
from mapper.hw.target import Target
from mapper.report.units import si

CHECK = "check"


def targets(args: Namespace) -> int:
    """All targets, one target in full, what is wrong with the files, or their JSON Schema."""
    if args.schema:
        sys.stdout.write(json.dumps(json_schema(), indent=1) + "\n")
        return 0
    if args.names[:1] == [CHECK]:
        return _check(args.names[1:], args.json)
    if len(args.names) > 1:
        raise UsageError(
            f"one target at a time, not {' and '.join(args.names)}", hint="mapper targets check takes several"
        )
    return _one_target(load_target(args.names[0])) if args.names else _all()


def _check(names: list[str], as_json: bool) -> int:
    """1 where a rule is broken: each complaint as file:line:col, then a line that counts them."""
    with Steps(as_json, live=True).step("targets"):
        paths = [path for name in names for path in files_of(find_target(name))] if names else library_files()
        files = tuple(dict.fromkeys(paths))
        complaints = check_files(files)
    if as_json:
        say(json.dumps({"files": len(files), "complaints": [asdict(c) for c in complaints]}, indent=1) + "\n")
    else:
        say("".join(f"{_shown(c)}\n" for c in complaints) + f"{_counted(len(files), complaints)}\n")
    return 1 if complaints else 0


def _shown(complaint: Complaint) -> str:
    """The complaint with its file as seen from here."""
    text, here = str(complaint), f"{Path.cwd()}/"
    return f"{text.removeprefix(here)} [{complaint.rule}]"


def _counted(files: int, complaints: tuple[Complaint, ...]) -> str:
    if not complaints:
        return f"{files} files: nothing to complain about"
    by_rule = {rule: sum(c.rule == rule for c in complaints) for rule in sorted({c.rule for c in complaints})}
    return f"{files} files: {len(complaints)} complaints ({', '.join(f'{n} {rule}' for rule, n in by_rule.items())})"


def _all() -> int:
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
