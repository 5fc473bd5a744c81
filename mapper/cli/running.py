"""`mapper run`."""

from __future__ import annotations

import io
import json
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np

from mapper.emit.files import write_atomically
from mapper.errors import UsageError
from mapper.runtime import trace
from mapper.runtime.compare import Comparison, Error, Kept, compared_requests, is_sharded, rounding_bound
from mapper.runtime.inputs import SETS, Brought, made_up, read_inputs
from mapper.runtime.measured import is_this_machine, measured
from mapper.runtime.run import Emitted, Ran, Settings, opened, run
from mapper.runtime.screen import Report, data, screen
from mapper.runtime.tensors import Array
from mapper.runtime.whole import Whole, files_of


def run_(args: Namespace) -> int:
    """Run the pieces of a folder; exit code 1 when they differ from the whole model by more than the bound."""
    how = _settings(args)
    emitted = opened(Path(args.folder), how, _number("--calls", args.calls) if args.calls is not None else 0)
    inputs, words = _inputs(args, emitted, how)
    wholes = files_of(emitted.manifest, _models(args, emitted)) if args.compare is not None else None
    kept = Kept(compared_requests(how.requests) if wholes else frozenset([0] if args.outputs else []))
    ran = run(emitted, how, inputs, kept)
    seconds: dict[int, list[float]] = {}
    found = None
    if wholes:
        bound = _bound(args, emitted, how, list(wholes.values()), ran)
        found = _compared(emitted, Whole(wholes, how.threads, how.optimize), bound, inputs, kept, seconds)
    report = Report(
        emitted,
        how,
        ran,
        measured(emitted.manifest, emitted.program, ran.record, ran.inflight, seconds),
        words,
        is_this_machine(emitted.manifest),
        found,
        len(kept.results),
        _notes(emitted, ran, kept),
    )
    if args.trace:
        trace.write(emitted.program, ran.record, Path(args.trace))
    if args.outputs:
        _write_outputs(Path(args.outputs), emitted, kept)
    sys.stdout.write(json.dumps(data(report), indent=1) + "\n" if args.json else screen(report))
    return 0 if report.passed else 1


def _settings(args: Namespace) -> Settings:
    return Settings(
        workers=args.workers,
        requests=_number("--requests", args.requests),
        inflight=_number("--inflight", args.inflight) if args.inflight is not None else 0,
        threads=_number("--threads", args.threads),
        optimize=args.optimize,
        pin=args.pin,
    )


def _number(flag: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 10**6):
        raise UsageError(f"{flag} {text}: write a whole number of 1 or more")
    return int(text)


def _inputs(args: Namespace, emitted: Emitted, how: Settings) -> tuple[Brought, str]:
    if args.inputs is not None:
        if args.random:
            raise UsageError("--inputs and --random: give one of them")
        return read_inputs(Path(args.inputs), emitted.program), f"inputs of {Path(args.inputs).name}"
    turns = f", {SETS} sets in turn" if how.requests > SETS else ""
    return made_up(emitted.program, how.requests, args.seed), f"random inputs, seed {args.seed}{turns}"


def _compared(
    emitted: Emitted, whole: Whole, bound: float, inputs: Brought, kept: Kept, seconds: dict[int, list[float]]
) -> tuple[Error, ...]:
    """The errors of what was kept; times of the whole model's calls go to `seconds`, by phase."""
    found = Comparison(bound)
    last: dict[int, int] = {}
    for request, at in kept.results:
        last[request] = max(at, last.get(request, 0))
    for call in whole.calls(emitted.program, inputs, last):
        index = emitted.program.calls[call.at][0]
        seconds.setdefault(index, []).append(call.seconds)
        if (call.request, call.at) in kept.results:
            found.add(emitted.program.parts[index], kept.results[call.request, call.at], call.results)
    return found.errors


def _models(args: Namespace, emitted: Emitted) -> list[Path]:
    """The whole model's files."""
    if args.compare:
        return [Path(m) for m in args.compare]
    if not emitted.manifest.whole:
        raise UsageError(f"--compare: {emitted.folder} has no whole model", hint="--compare MODEL.onnx")
    return [emitted.folder / name for name in emitted.manifest.whole]


def _bound(args: Namespace, emitted: Emitted, how: Settings, models: list[Path], ran: Ran) -> float:
    """What an output may differ by: nothing where the same kernels run on the same numbers."""
    if args.tolerance is not None:
        return float(args.tolerance)
    if is_sharded(emitted.manifest) or how.optimize or ran.on_gpu:
        return rounding_bound(models)
    return 0.0


def _notes(emitted: Emitted, ran: Ran, kept: Kept) -> tuple[str, ...]:
    """What was not as the plan has it, each on one line."""
    found = list(ran.notes)
    moved = emitted.manifest.moved
    if moved:
        nodes = f"{len(moved)} nodes do" if len(moved) > 1 else "1 node does"
        found.append(f"{nodes} not run where or how the plan has it, as '{moved[0].node}': {moved[0].why} (manifest)")
    for what, changes in (("has shape", ran.record.unfit), ("was fitted to the next call,", ran.record.refitted)):
        for name, words in list(changes.items())[:1]:
            more = f"; so {len(changes) - 1} more" if len(changes) > 1 else ""
            found.append(f"{name} {what} {words}{more}")
    if kept.dropped:
        found.append(f"{kept.dropped} calls were not kept: their results would take too much memory (--calls)")
    return tuple(found)


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
