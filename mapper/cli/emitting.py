"""`mapper emit` and `mapper compile --emit`: the pieces of a plan as ONNX files."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path

from mapper.cli.plans import plan_file
from mapper.emit.emit import Emitted, emit
from mapper.emit.files import write_atomically
from mapper.emit.manifest import Manifest
from mapper.emit.ort_ep import assignment
from mapper.errors import UsageError
from mapper.ir.serial import load
from mapper.report.units import si

FOLDER = "pieces"
"""Where `compile --emit` writes, below its own folder."""


def emit_(args: Namespace) -> int:
    """Cut the models of a plan into pieces, or write the assignment of nodes to onnxruntime's providers."""
    path = plan_file(args.plan)
    plan = load(path)
    if args.format == "ort-ep":
        if args.random_weights is not None:
            raise UsageError("--random-weights makes up numbers for pieces; --format ort-ep writes none")
        out = Path(args.out) if args.out else path.parent / "ort-ep.json"
        text = assignment(plan, [Path(m) for m in args.models])
        write_atomically(out, json.dumps(text, indent=1) + "\n")
        sys.stdout.write(f"  ort-ep       {len(text['nodes'])} nodes on {', '.join(text['providers'])}: {out}\n")
        return 0
    out = Path(args.out) if args.out else path.parent / FOLDER
    done = emit(plan, args.models, out, random_weights=args.random_weights, weights=args.weights)
    sys.stdout.write(json.dumps(summary(done, out), indent=1) + "\n" if args.json else screen(done, out))
    return 0


def screen(done: Emitted, out: Path) -> str:
    """What was written, what does not run where or how planned, and how to run it."""
    manifest = done.manifest
    pieces = {s.piece for p in manifest.phases for s in p.steps}
    steps = ", ".join(f"{p.name} {len(p.steps)} steps" for p in manifest.phases)
    size = sum(line.bytes for line in manifest.files)
    lines = [f"  emit         {len(pieces)} pieces on {len(manifest.units)} units, {si(size, 'B')}; {steps}"]
    if manifest.moved:
        first = manifest.moved[0]
        lines.append(
            f"  moved        {len(manifest.moved)} nodes are not run where or how planned, the first: {first.node}: "
            f"{first.runs} (planned: {first.planned}): {first.why}"
        )
    types = sorted({t for p in manifest.phases for s in p.steps for t in s.types})
    if types:
        lines.append(
            "  types        pieces compute in the file's own number types; "
            f"the plan's ({', '.join(types)}) stand beside"
        )
    if done.weight_bytes or done.referred:
        lines.append(f"  weights      {_of_weights(done)}")
    for path, count in done.without_numbers.items():
        lines.append(
            f"  no numbers   {path} is not there: {count} weights without numbers; --random-weights makes some up"
        )
    lines.append(f"  next         {next_command(manifest, out, bool(done.without_numbers))}")
    return "\n".join(lines) + "\n"


def _of_weights(done: Emitted) -> str:
    """What became of data beside the models."""
    copied = f"{si(done.weight_bytes, 'B')} copied" if done.weight_bytes else "none copied"
    return copied + "".join(f"; {path} is read where it is" for path in done.referred)


def next_command(manifest: Manifest, out: Path, empty: bool) -> str:
    """How to run what was written."""
    if empty:
        return f"emit again with --random-weights to run it; the manifest is {out / 'manifest.json'}"
    whole = f" --compare {out / manifest.whole[0]}" if len(manifest.whole) == 1 else " --compare MODEL.onnx"
    return f"mapper run {out} --random{whole}"


def summary(done: Emitted, out: Path) -> dict[str, object]:
    """The same as data."""
    return {
        "manifest": str(out / "manifest.json"),
        "pieces": sorted({s.piece for p in done.manifest.phases for s in p.steps}),
        "steps": {p.name: len(p.steps) for p in done.manifest.phases},
        "bytes": sum(line.bytes for line in done.manifest.files),
        "weight_bytes": done.weight_bytes,
        "referred": [str(path) for path in done.referred],
        "moved": [m.model_dump(mode="json") for m in done.manifest.moved],
        "without_numbers": {str(path): count for path, count in done.without_numbers.items()},
    }
