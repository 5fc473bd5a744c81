"""The only glue: a model, a target and phases in; a judged plan out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mapper.batching import best_batch
from mapper.compiled import Compiled, choice_of, deadline_of, resume, seconds_of, silent
from mapper.cost.exchanges import with_group
from mapper.errors import Infeasible, UsageError, did_you_mean
from mapper.frontend import Imported, PhaseSpec, Together, load_models, parse_phase
from mapper.hw.load import load_target
from mapper.hw.target import Target
from mapper.hw.work import DType
from mapper.ir.goal import TIMES, Goal, Limit, Objective, Quantity, parse_goal
from mapper.ir.plan import Plan
from mapper.ir.request import runs
from mapper.pipeline.instruments import Timing
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pass_ import Context, Effort, Progress
from mapper.pipeline.pipeline import Instrument, Pipeline

__all__ = ["AUTO", "Compiled", "batched", "compile", "goal_of", "powered", "resume"]

PRECISIONS = {"fp64": "f64", "fp32": "f32", "fp16": "f16", "float16": "f16", "float32": "f32", "bfloat16": "bf16",
              "fp8": "f8", "int8": "i8", "int4": "i4", "int16": "i16"}  # fmt: skip
"""Other spellings of number types that people write."""


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
    goal, kind = goal_of(objective, inflight), choice_of(Effort, effort, "effort")
    number = _precision(precision)
    steps = pipeline_of(pipeline)
    if stop_after is not None:
        steps = steps.until(stop_after)
    steps.check(("target", "graph", "phases", "objective", "source", *(("precision",) if number else ())))
    machine = target if isinstance(target, Target) else load_target(target)
    specs = [parse_phase(p) if isinstance(p, str) else p for p in phases]
    if batch is not None:
        specs, dims = batched(specs, dims or {}, batch)
    models = [model] if isinstance(model, str | Path) else list(model)
    found = load_models(models, specs, Together(mix, tuple(connect), dims or {}, expect or {}))
    if imported is not None:
        imported(found, machine)
    source = (
        ("model", " ".join(_files(models, specs))),
        ("sha256", found.digest),
        ("pipeline", str(steps)),
        ("effort", kind.value),
        ("seed", str(seed)),
        *((("mix", " ".join(f"{n}={v}" for n, v in sorted(mix.items()))),) if mix else ()),
        *((("expect", " ".join(f"{n}={v}" for n, v in sorted(expect.items()))),) if expect else ()),
        *((("time_limit_s", f"{time_limit:g}"),) if time_limit is not None else ()),
    )
    names = _files(models, specs)
    graph = found.graph if len(names) > 1 else replace(found.graph, name=names[0].removesuffix(".onnx"))
    machine = with_group(powered(machine, goal), graph)
    plan = Plan(machine, graph, found.phases, goal.objective, number, source, goal.limits, batch or 0)
    for wanted in (goal.objective, *(t for t in TIMES if any(t.value == x.quantity.value for x in goal.limits))):
        runs(plan, wanted)  # a time that no phase has is told before anything is searched
    timing = Timing()
    ctx = Context(seed, kind, deadline, stop or threading.Event(), tell or silent)
    plan = steps.run(plan, ctx, [timing, *instruments])
    return Compiled(plan, seconds_of(found.seconds, timing, time.perf_counter() - began), found.warnings)


def _files(models: Sequence[str | Path], specs: Sequence[PhaseSpec]) -> list[str]:
    """The names of the files that models and phases name, each once."""
    return list(dict.fromkeys(Path(m).name for m in (*models, *(s.file for s in specs if s.file))))


def goal_of(objective: str | Objective | Goal, inflight: int | None = None) -> Goal:
    """The goal that a text, an objective or a goal stands for, with at most so many requests in flight."""
    if isinstance(objective, Goal):
        goal = objective
    else:
        goal = Goal(objective) if isinstance(objective, Objective) else parse_goal(objective)
    if inflight is None:
        return goal
    if inflight < 1:
        raise UsageError(f"{inflight} requests in flight: at least one must be")
    return goal.with_limit(Limit(Quantity.INFLIGHT, float(inflight)))


def batched(specs: Sequence[PhaseSpec], dims: Mapping[str, int], batch: int) -> tuple[list[PhaseSpec], dict[str, int]]:
    """The phases and the dims of all phases with a batch of so many requests; a batch given twice is refused."""
    if batch < 1:
        raise UsageError(f"a batch of {batch} serves nobody", hint="give 1 or more")
    for where, names in (("--dim", dims), *((f"phase '{s.name}'", dict(s.dims)) for s in specs)):
        if "batch" in names:
            raise UsageError(f"{where} gives a batch, and so does --batch", hint="keep one of them")
    return list(specs), {**dims, "batch": batch}


def powered(target: Target, goal: Goal) -> Target:
    """The target with the goal's limit of power, which then is a resource of the plan like any other."""
    limit = goal.limit(Quantity.POWER)
    if limit is None:
        return target
    if limit <= target.idle_power_w:
        raise Infeasible(
            f"power<={limit:g} cannot be met on {target.name}: idle power alone is {target.idle_power_w:g} W, "
            f"{target.idle_power_w - limit:.3g} W more",
            hint=f"levers: a limit above {target.idle_power_w:g} W | a target with less that is switched on",
        )
    return replace(target, power_limit_w=min(limit, target.power_limit_w or limit))


def _precision(text: str | DType | None) -> DType | None:
    if text is None or isinstance(text, DType):
        return text
    spelled = PRECISIONS.get(text.lower(), text.lower())
    try:
        return DType(spelled)
    except ValueError:
        known = [t.value for t in DType if t not in (DType.BOOL, DType.STRING)]
        raise UsageError(f"no precision '{text}'; {did_you_mean(spelled, [*known, *PRECISIONS])}") from None
