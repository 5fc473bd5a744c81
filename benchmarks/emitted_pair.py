"""One model on one target, from its file to results that are held to those of the whole model."""

from __future__ import annotations

import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

import numpy as np
import onnx

import mapper
from benchmarks.at_random import PlaceAtRandom, PlaceTeamsAtRandom
from benchmarks.emitted_models import Case
from mapper.emit.emit import emit, numbers_of
from mapper.emit.manifest import Manifest
from mapper.errors import InvalidPlan, MapperError
from mapper.frontend.anatomy import anatomies
from mapper.ir.plan import Plan
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pipeline import Pipeline
from mapper.runtime.compare import Kept
from mapper.runtime.evaluate import evaluate
from mapper.runtime.inputs import Brought, made_up
from mapper.runtime.run import Emitted, Settings, WorkerKind, opened
from mapper.runtime.screen import Report
from mapper.runtime.whole import Whole, files_of
from passes.pipelines import FINISH, GRAPH, PREPARE

REQUESTS = 3


class Verdict(StrEnum):
    """How a pair ended. REFUSED: by the compiler, which says why; nothing was there to emit. UNRUN: emitted and
    checked, but onnxruntime does not even run the whole model on this machine."""

    SAME = "same bits"
    WITHIN = "within bound"
    REFUSED = "refused"
    UNRUN = "not runnable"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Pair:
    """A model to be mapped onto a target, by which pipeline, and how its pieces are run."""

    case: Case
    target: str
    pipeline: str
    workers: WorkerKind
    objective: str = "throughput"


@dataclass
class Row:
    """What became of a pair. error, bound: of the result that is nearest to its bound. seconds: of compile, emit and
    run."""

    verdict: Verdict = Verdict.FAILED
    why: str = ""
    units: int = 0
    ranks: int = 0
    pieces: int = 0
    moved: int = 0
    error: float = 0.0
    bound: float = 0.0
    seconds: list[float] = field(default_factory=list)


def tried(pair: Pair) -> Row:
    """The whole way of a pair. Whatever goes wrong is told in the row."""
    row = Row()
    clock = _clock(row)
    try:
        with tempfile.TemporaryDirectory() as there:
            _try(pair, Path(there), row, clock)
    except MapperError as error:
        row.why = row.why or _text(error)
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        row.why = f"{type(error).__name__}: {error} ({Path(at.filename).name}:{at.lineno})"
    return row


def _clock(row: Row) -> Iterator[None]:
    """Each step of it writes down the seconds since the last."""
    last = time.perf_counter()
    while True:
        yield
        now = time.perf_counter()
        row.seconds.append(now - last)
        last = now


def _try(pair: Pair, folder: Path, row: Row, clock: Iterator[None]) -> None:
    files, out = pair.case.files(folder), folder / "pieces"
    next(clock)
    try:
        plan = _plan(pair, files)
    except InvalidPlan:
        raise
    except MapperError as error:
        row.verdict, row.why = Verdict.REFUSED, str(error).splitlines()[0]
        return
    next(clock)
    manifest = emit(plan, files, out, random_weights=0).manifest
    next(clock)
    row.units, row.ranks = len(manifest.units), sum(unit.ranks for unit in manifest.units)
    row.pieces, row.moved = len({s.piece for part in manifest.phases for s in part.steps}), len(manifest.moved)
    unchecked = _check(out, manifest)
    how = Settings(workers=pair.workers, requests=REQUESTS)
    emitted = opened(out, how)
    wholes = files_of(manifest, [out / name for name in manifest.whole])
    inputs = made_up(emitted.program, REQUESTS, 0)
    try:
        report, kept = evaluate(emitted, how, inputs, wholes=wholes)
    except MapperError:
        if why := _without_pieces(emitted, inputs, wholes):
            row.verdict, row.why = Verdict.UNRUN, why
            return
        raise
    next(clock)
    _judge(row, report, kept)
    if untold := _untold(plan, manifest, files):
        row.verdict, row.why = Verdict.FAILED, untold
    row.why = row.why or unchecked


def _plan(pair: Pair, files: Sequence[Path]) -> Plan:
    case = pair.case
    steps = pipeline(pair.pipeline)
    mix = dict(case.mix) or None
    return mapper.compile(
        files, pair.target, case.phases, mix=mix, pipeline=steps, objective=pair.objective, effort="quick"
    ).plan


def _without_pieces(emitted: Emitted, inputs: Brought, wholes: Mapping[str, Path]) -> str:
    """Why onnxruntime does not run the whole model of a plan; '' where it does."""
    try:
        for _ in Whole(emitted.program, wholes, 1, False).calls(emitted.program, inputs, {0: 0}):
            pass
    except MapperError as error:
        return _text(error)
    return ""


def _check(out: Path, manifest: Manifest) -> str:
    """onnx.checker takes every piece as it takes the whole models: with the types and shapes of all values, without, or
    not at all, which is told: a contrib operator in the domain of ONNX."""
    wholes = [out / name for name in manifest.whole]
    if not all(_is_valid(path, full=False) for path in wholes):
        return "onnx.checker refuses the whole model"
    full = all(_is_valid(path, full=True) for path in wholes)
    for name in dict.fromkeys(s.piece for part in manifest.phases for s in part.steps):
        onnx.checker.check_model(str(out / name), full_check=full)
    return ""


def _untold(plan: Plan, manifest: Manifest, files: Sequence[Path]) -> str:
    """A task that runs on another unit than planned, or nowhere, and no line of the manifest says so of one of its
    nodes; '' for none."""
    nodes = _nodes(plan, files)
    told = {(m.phase, m.node, planned, m.runs) for m in manifest.moved for planned in m.planned.split(", ")}
    run = {(part.name, task, step.unit) for part in manifest.phases for step in part.steps for task in step.tasks}
    for phase, task, unit in sorted(run):
        planned = plan.place[task].unit
        if unit != planned and not any((phase, node, planned, unit) in told for node in nodes[task]):
            return f"{task} is planned on {planned} and runs on {unit}, which the manifest does not tell"
    lost = {task.name for task in plan.tasks or ()} - {task for _, task, _ in run}
    return f"{min(lost)} runs nowhere" if lost else ""


def _nodes(plan: Plan, files: Sequence[Path]) -> Mapping[str, set[str]]:
    """The nodes of the files' main graphs that each task is made of."""
    outer: dict[str, str] = {}
    for found in anatomies(list(files), plan.phases, numbers_of(plan, "expect")):
        start = f"{found.label}/" if found.label else ""
        outer |= {start + name: node.name for node in found.nodes for name in node.names}
    return {
        task.name: {outer[name] for op in plan.cluster[task.cluster].ops for name in plan.graph.op[op].origin}
        for task in plan.tasks or ()
    }


def _is_valid(path: Path, *, full: bool) -> bool:
    try:
        onnx.checker.check_model(str(path), full_check=full)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
        return False
    return True


def _judge(row: Row, report: Report, kept: Kept) -> None:
    errors = report.errors or ()
    if errors:
        worst = max(errors, key=lambda e: (not e.passed, e.relative))
        row.error, row.bound = worst.relative, worst.bound
    wrong = [e for e in errors if not e.passed]
    if not report.passed:
        row.why = f"{len(wrong)} of {len(errors)} results differ, as '{wrong[0].name}'" if wrong else "nothing compared"
    elif nothing := _without_numbers(kept):
        row.why = f"result '{nothing}' has no numbers to compare: all are NaN or infinite"
    else:
        row.verdict = Verdict.SAME if all(e.exact for e in errors) else Verdict.WITHIN


def _without_numbers(kept: Kept) -> str:
    """A result in which a comparison tells nothing."""
    for results in kept.results.values():
        for name, array in results.items():
            if array.size and array.dtype.kind == "f" and not np.isfinite(array).any():
                return name
    return ""


def _text(error: MapperError) -> str:
    return " ".join(str(error).split())


TEAMS = "teams"
PER_OP = f"{GRAPH},partition-ops,options,place-round-robin,{FINISH}"


def pipeline(name: str) -> str | Pipeline:
    """A pipeline by name; `per-op`: every op a task of its own, dealt out in turn; `random:N`: by the dice N, tasks of
    several ops, `random-ops:N`: every op; `teams:N`: by the dice N, tasks divided among ranks."""
    word, _, number = name.partition(":")
    if word == "per-op":
        return PER_OP
    if word not in ("random", "random-ops", TEAMS):
        return name
    start = f"{GRAPH},partition-ops,options" if word == "random-ops" else PREPARE
    first, last, dice = pipeline_of(start), pipeline_of(FINISH), int(number or 0)
    place = PlaceTeamsAtRandom(dice) if word == TEAMS else PlaceAtRandom(dice)
    return replace(first, passes=(*first.passes, place, *last.passes))
