"""`mapper emit` and `mapper compile --emit`: the pieces of a plan as ONNX files."""

from __future__ import annotations

import json
import shlex
import textwrap
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from mapper.cli.ending import ended_by_signals
from mapper.cli.plans import plan_file
from mapper.cli.saying import say
from mapper.cli.steps import Steps
from mapper.emit.emit import COPY, Emitted, emit
from mapper.emit.files import write_atomically
from mapper.emit.manifest import NAME, Manifest
from mapper.emit.ort_ep import CPU, assignment
from mapper.errors import UsageError, plain
from mapper.ir.plan import Plan
from mapper.ir.serial import load
from mapper.report.units import si

FOLDER = "pieces"
"""Where `compile --emit` writes, below its own folder."""


def emit_(args: Namespace) -> int:
    """Cut the models of a plan into pieces, or write the assignment of nodes to onnxruntime's providers."""
    with ended_by_signals():
        text = _emitted(args)
    say(text)
    return 0


def _emitted(args: Namespace) -> str:
    """What there is to say when it is done."""
    path = plan_file(args.plan)
    steps = Steps(args.json)
    with steps.step("emit", "reading the plan"):
        plan = load(path)
    models = [Path(m) for m in args.models]
    if args.format == "ort-ep":
        if args.random_weights is not None:
            raise UsageError("--random-weights makes up numbers for pieces; --format ort-ep writes none")
        if args.weights != COPY:
            raise UsageError("--weights says where pieces read them; --format ort-ep writes no pieces")
        return _assigned(plan, models, Path(args.out) if args.out else path.parent / "ort-ep.json", args.json)
    out = Path(args.out) if args.out else path.parent / FOLDER
    with steps.step("emit"):
        done = emit(
            plan, models, out, random_weights=args.random_weights, weights=args.weights, count=steps.counted("emit")
        )
    return json.dumps(summary(done, out), indent=1) + "\n" if args.json else screen(done, out, models)


def _assigned(plan: Plan, models: Sequence[Path], out: Path, as_json: bool) -> str:
    """The assignment of nodes to providers, written."""
    found = assignment(plan, models)
    write_atomically(out, json.dumps(found, indent=1) + "\n")
    nodes, providers = len(found["nodes"]), found["providers"]
    none = found["without_provider"]
    if as_json:
        told = {"file": str(out), "nodes": nodes, "providers": list(providers), "without_provider": none}
        return json.dumps(told, indent=1) + "\n"
    lines = _line("ort-ep", f"{_count(nodes, 'node')} on {', '.join(providers)}: {out}")
    if none:
        lines += _line("no provider", f"onnxruntime has none for {', '.join(none)}: nodes of these go to {CPU}")
    return "\n".join(lines) + "\n"


def screen(done: Emitted, out: Path, models: Sequence[Path]) -> str:
    """What was written, what does not run where or how planned, and how to run it."""
    manifest = done.manifest
    pieces = {s.piece for p in manifest.phases for s in p.steps}
    steps = ", ".join(f"{p.name} {_count(len(p.steps), 'step')}" for p in manifest.phases)
    size = _written_bytes(manifest)
    on = f"{_count(len(pieces), 'piece')} on {_count(len(manifest.units), 'unit')}"
    lines = _line("emit", f"{on}, {si(size, 'B')}; {steps}")
    if manifest.moved:
        first, others = manifest.moved[0], len(manifest.moved) - 1
        more = f" (so {others} more: `moved` in {NAME})" if others else ""
        lines += _line("moved", f"{first.node} runs on {first.runs}, planned on {first.planned}: {first.why}{more}")
    types = sorted({t for p in manifest.phases for s in p.steps for t in s.types})
    if types:
        lines += _line(
            "types",
            f"pieces compute in the file's number types; the plan's ({', '.join(types)}) stand with each step",
        )
    if done.weight_bytes or done.referred:
        lines += _line("weights", _of_weights(done))
    for path, count in done.without_numbers.items():
        lines += _line("no numbers", f"{path} is not there: {_count(count, 'weight')} without numbers")
    lines.append(f"  {'next':<13}{next_command(manifest, out, models, bool(done.without_numbers))}")
    return "\n".join(lines) + "\n"


def _written_bytes(manifest: Manifest) -> int:
    """Sizes of the files of an emission, without those that were there before; holes in weights count."""
    return sum(line.bytes for line in manifest.files if not line.given)


def _of_weights(done: Emitted) -> str:
    """What became of data beside the models."""
    copied = f"{si(done.weight_bytes, 'B')} copied" if done.weight_bytes else "none copied"
    return copied + "".join(f"; {path} is read where it is" for path in done.referred)


def _line(what: str, words: str) -> list[str]:
    """A line of the screen, in as many as it takes; names hold what they may, but no lines of their own."""
    return textwrap.wrap(
        plain(words),
        106,
        initial_indent=f"  {what:<13}",
        subsequent_indent=" " * 15,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _count(number: int, one: str) -> str:
    return f"{number} {one}" + ("s" if number != 1 else "")


def next_command(manifest: Manifest, out: Path, models: Sequence[Path], empty: bool) -> str:
    """How to run what was written, to be pasted into a shell."""
    if empty:
        return f"emit again with --random-weights to make numbers up, and run it; {out / NAME} can be read"
    whole = [] if manifest.whole else map(str, models)  # without a file: the whole models beside the pieces
    return shlex.join(["mapper", "run", str(out), "--compare", *whole])


def summary(done: Emitted, out: Path) -> dict[str, object]:
    """The same as data."""
    return {
        "manifest": str(out / NAME),
        "pieces": sorted({s.piece for p in done.manifest.phases for s in p.steps}),
        "steps": {p.name: len(p.steps) for p in done.manifest.phases},
        "bytes": _written_bytes(done.manifest),
        "weight_bytes": done.weight_bytes,
        "referred": [str(path) for path in done.referred],
        "moved": [m.model_dump(mode="json") for m in done.manifest.moved],
        "without_numbers": {str(path): count for path, count in done.without_numbers.items()},
    }
