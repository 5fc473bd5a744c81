"""`mapper run`."""

from __future__ import annotations

import io
import json
from argparse import Namespace
from math import isfinite
from pathlib import Path

import numpy as np

from mapper.cli.ending import ended_by_signals
from mapper.cli.saying import say
from mapper.cli.steps import Steps
from mapper.emit.files import refuse_unwritable, write_atomically
from mapper.errors import UsageError
from mapper.runtime import trace
from mapper.runtime.compare import Kept
from mapper.runtime.evaluate import evaluate
from mapper.runtime.inputs import SETS, Brought, made_up, read_inputs
from mapper.runtime.run import Emitted, Settings, opened
from mapper.runtime.screen import Report, data, screen
from mapper.runtime.tensors import Array
from mapper.runtime.whole import files_of


def run_(args: Namespace) -> int:
    """Run the pieces of a folder; exit code 1 when they differ from the whole model by more than the bound."""
    with ended_by_signals(at_once=True):  # workers end with this process, and their memory with them
        report, kept = _ran(args)
    with ended_by_signals("the run was done, not all of its files are written"):
        _write(args, report, kept)
    say(json.dumps(data(report), indent=1) + "\n" if args.json else screen(report))
    return 0 if report.passed else 1


def _ran(args: Namespace) -> tuple[Report, Kept]:
    how, tolerance = _settings(args), _tolerance(args)
    emitted = opened(Path(args.folder), how, _number("--calls", args.calls) if args.calls is not None else 0)
    inputs, words = _inputs(args, emitted, how)
    wholes = files_of(emitted.manifest, _models(args, emitted)) if args.compare is not None else None
    for path in filter(None, (args.trace, args.outputs)):
        refuse_unwritable(Path(path))
    steps = Steps(args.json)
    with steps.step("run"):
        return evaluate(
            emitted, how, inputs, words, wholes, tolerance, keep=bool(args.outputs), count=steps.counted("run")
        )


def _write(args: Namespace, report: Report, kept: Kept) -> None:
    """The trace and the results, where they are wanted."""
    if args.trace:
        trace.write(report.emitted.program, report.ran.record, Path(args.trace))
    if args.outputs:
        _write_outputs(Path(args.outputs), report.emitted, kept)


def _settings(args: Namespace) -> Settings:
    if args.pin and args.workers == "none":
        raise UsageError("--pin and --workers none: without workers there is nothing to pin")
    return Settings(
        workers=args.workers,
        requests=_number("--requests", args.requests),
        inflight=_number("--inflight", args.inflight) if args.inflight is not None else 0,
        threads=_number("--threads", args.threads),
        optimize=args.optimize,
        pin=args.pin,
    )


def _tolerance(args: Namespace) -> float | None:
    found: float | None = args.tolerance
    if found is not None and not (isfinite(found) and found >= 0):
        raise UsageError(f"--tolerance {found}: write a number of 0 or more")
    return found


def _number(flag: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 10**6):
        raise UsageError(f"{flag} {text}: write a whole number of 1 or more")
    return int(text)


def _inputs(args: Namespace, emitted: Emitted, how: Settings) -> tuple[Brought, str]:
    if args.inputs is not None:
        if args.random:
            raise UsageError("--inputs and --random: give one of them")
        return read_inputs(Path(args.inputs), emitted.program), f"inputs of {Path(args.inputs).name}"
    if args.seed < 0:
        raise UsageError(f"--seed {args.seed}: write a whole number of 0 or more")
    turns = f", {SETS} sets in turn" if how.requests > SETS else ""
    return made_up(emitted.program, how.requests, args.seed), f"random inputs, seed {args.seed}{turns}"


def _models(args: Namespace, emitted: Emitted) -> list[Path]:
    """The whole model's files."""
    if args.compare:
        return [Path(m) for m in args.compare]
    if not emitted.manifest.whole:
        raise UsageError(f"--compare: {emitted.folder} has no whole model", hint="--compare MODEL.onnx")
    return [emitted.folder / name for name in emitted.manifest.whole]


def _write_outputs(path: Path, emitted: Emitted, kept: Kept) -> None:
    """Results of the first request as `PHASE.CALL/NAME`; types that numpy does not know as float32."""
    arrays: dict[str, Array] = {}
    for (request, at), results in kept.results.items():
        index, call = emitted.program.calls[at]
        for name, array in results.items() if not request else ():
            known = array.astype(np.float32) if array.dtype.kind == "V" else array
            arrays[f"{emitted.program.parts[index].line.name}.{call}/{name}"] = known
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    write_atomically(path, file.getvalue())
