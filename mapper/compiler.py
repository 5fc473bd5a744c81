"""The only glue: a model, a target and phases in; a judged plan out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from mapper.batching import best_batch
from mapper.compiled import Compiled, deadline_of, resume, seconds_of, silent
from mapper.errors import UsageError
from mapper.frontend import Imported, PhaseSpec, parse_phase
from mapper.hw.load import load_target
from mapper.hw.target import Target
from mapper.hw.what_if import changed
from mapper.hw.work import DType
from mapper.ir.goal import Goal, Objective
from mapper.pipeline.instruments import Timing
from mapper.pipeline.pass_ import Context, Effort, Progress
from mapper.pipeline.pipeline import Instrument, Pipeline
from mapper.question import Question, batched, effort_of, goal_of, powered, precision_of, steps_of

__all__ = ["AUTO", "Compiled", "batched", "compile", "goal_of", "powered", "resume"]

AUTO = "auto"
"""The batch that is to be decided."""


def compile(
    model: str | Path | Sequence[str | Path],
    target: str | Path | Target,
    phases: Sequence[str | PhaseSpec] = (),
    *,
    dims: Mapping[str, int] | None = None,
    expect: Mapping[str, int] | None = None,
    mix: Mapping[str, int] | None = None,
    connect: Sequence[tuple[str, str]] = (),
    settings: Sequence[str] = (),
    objective: str | Objective | Goal = Objective.THROUGHPUT,
    inflight: int | None = None,
    batch: int | str | None = None,
    pipeline: str | Pipeline = "default",
    effort: str | Effort = Effort.DEFAULT,
    time_limit: float | None = None,
    precision: str | DType | None = None,
    seed: int = 0,
    stop: threading.Event | None = None,
    stop_after: str | None = None,
    tell: Callable[[Progress], None] | None = None,
    instruments: Iterable[Instrument] = (),
    imported: Callable[[Imported, Target], None] | None = None,
) -> Compiled:
    """Map an ONNX model, or several, onto a target.

    phases are texts like "decode: batch=1 seq=1 past=512..639 calls=128"; dims holds for all of them. Of several files,
    "decode@decode.onnx: ..." names the one that a phase runs: they share weights and hand on states, and results as
    `connect` says beside what names tell. With `mix`, or without phases, they are models of their own: a request runs
    each so often.
    settings change figures of the target, as "gpu0.launch_gap_s=8e-6" (mapper.hw.what_if).
    expect sets quantities that depend on data, by the names that warnings show. objective: a text like
    "throughput subject to latency<=0.2 power<=700", or a Goal. inflight: requests in flight at most. batch: the size
    of the dim `batch` in every phase ("auto": the best); a run then serves so many requests, and figures are per
    request. pipeline is a
    name, a text or a Pipeline. time_limit in wall-clock seconds makes the result depend on the machine's speed. Setting
    `stop` ends the searches, the best plan so far is kept. Raises MapperError (exit code 1), UsageError (2), Infeasible
    (3).
    """
    if isinstance(batch, str):
        if batch != AUTO:
            raise UsageError(f"a batch of '{batch}': give a whole number, or auto")
        kept = ("model", "target", "phases", "batch", "kept")
        options = {name: value for name, value in locals().items() if name not in kept}
        return best_batch(compile, model, target, phases, **options)
    began = time.perf_counter()
    deadline = deadline_of(time_limit)
    question = Question(
        models=(model,) if isinstance(model, str | Path) else tuple(model),
        phases=tuple(parse_phase(p) if isinstance(p, str) else p for p in phases),
        goal=goal_of(objective, inflight),
        pipeline=steps_of(pipeline, stop_after),
        effort=effort_of(effort),
        seed=seed,
        time_limit=time_limit,
        precision=precision_of(precision),
        batch=batch,
        dims=dims or {},
        expect=expect or {},
        mix=mix,
        connect=tuple(connect),
        settings=tuple(settings),
    )
    question.check()
    machine = changed(target if isinstance(target, Target) else load_target(target), settings)
    found = question.read()
    if imported is not None:
        imported(found, machine)
    timing = Timing()
    ctx = Context(seed, question.effort, deadline, stop or threading.Event(), tell or silent)
    plan = question.pipeline.run(question.plan(found, machine), ctx, [timing, *instruments])
    seconds = seconds_of(found.seconds, timing, time.perf_counter() - began)
    return Compiled(plan, seconds, found.warnings, work=ctx.work.by_solver)
