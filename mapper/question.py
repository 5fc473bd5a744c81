"""What is asked of a target: a model with bound phases, a goal, and how to search. A compilation but for the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mapper.compiled import choice_of
from mapper.cost.exchanges import with_group
from mapper.errors import Infeasible, UsageError, did_you_mean
from mapper.frontend import Imported, PhaseSpec, Together, load_models
from mapper.hw.target import Target
from mapper.hw.work import DType
from mapper.ir.goal import TIMES, Goal, Limit, Objective, Quantity, parse_goal
from mapper.ir.plan import Plan
from mapper.ir.request import runs
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pass_ import Effort
from mapper.pipeline.pipeline import Pipeline

PRECISIONS = {"fp64": "f64", "fp32": "f32", "fp16": "f16", "float16": "f16", "float32": "f32", "bfloat16": "bf16",
              "fp8": "f8", "int8": "i8", "int4": "i4", "int16": "i16"}  # fmt: skip
"""Other spellings of number types that people write."""


@dataclass(frozen=True)
class Question:
    """A compilation without its target; the fields are those of `mapper.compile`, parsed."""

    models: tuple[str | Path, ...]
    phases: tuple[PhaseSpec, ...]
    goal: Goal
    pipeline: Pipeline
    effort: Effort = Effort.DEFAULT
    seed: int = 0
    time_limit: float | None = None
    precision: DType | None = None
    batch: int | None = None
    dims: Mapping[str, int] = field(default_factory=dict)
    expect: Mapping[str, int] = field(default_factory=dict)
    mix: Mapping[str, int] | None = None
    connect: tuple[tuple[str, str], ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def files(self) -> list[str]:
        """The names of the files that models and phases name, each once."""
        named = (*self.models, *(s.file for s in self.phases if s.file))
        return list(dict.fromkeys(Path(m).name for m in named))

    def check(self) -> None:
        """Raise where the pipeline cannot run on a plan that nothing is decided of."""
        given = ("target", "graph", "phases", "objective", "source")
        self.pipeline.check((*given, *(("precision",) if self.precision else ())))

    def read(self) -> Imported:
        """The models, read for the phases. Raises MapperError for a file or a binding that is wrong."""
        phases, dims = self.phases, self.dims
        if self.batch is not None:
            phases, dims = batched(phases, dims, self.batch)
        return load_models(list(self.models), list(phases), Together(self.mix, self.connect, dims, self.expect))

    def plan(self, found: Imported, target: Target) -> Plan:
        """The plan in which nothing is decided yet. found: what `read` gave, graph passes applied or not. Raises
        MapperError where the target or the phases cannot answer the question."""
        names = self.files
        graph = found.graph if len(names) > 1 else replace(found.graph, name=names[0].removesuffix(".onnx"))
        machine = with_group(powered(target, self.goal), graph)
        source = self._source(found.digest)
        goal = self.goal
        plan = Plan(machine, graph, found.phases, goal.objective, self.precision, source, goal.limits, self.batch or 0)
        for wanted in (goal.objective, *(t for t in TIMES if any(t.value == x.quantity.value for x in goal.limits))):
            runs(plan, wanted)  # a time that no phase has is told before anything is searched
        return plan

    def _source(self, digest: str) -> tuple[tuple[str, str], ...]:
        mix, expect = self.mix, self.expect
        named = [f"{s.name}@{Path(s.file).name}" for s in self.phases if s.file]
        return (
            ("model", " ".join(self.files)),
            ("sha256", digest),
            ("pipeline", str(self.pipeline)),
            ("effort", self.effort.value),
            ("seed", str(self.seed)),
            *((("mix", " ".join(f"{n}={v}" for n, v in sorted(mix.items()))),) if mix else ()),
            *((("expect", " ".join(f"{n}={v}" for n, v in sorted(expect.items()))),) if expect else ()),
            *((("phase_files", " ".join(named)),) if named else ()),
            *((("set", " ".join(self.settings)),) if self.settings else ()),
            *((("connect", " ".join(f"{a}={b}" for a, b in self.connect)),) if self.connect else ()),
            *((("time_limit_s", f"{self.time_limit:g}"),) if self.time_limit is not None else ()),
        )


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


def effort_of(text: str | Effort) -> Effort:
    """The effort that a text names. Raises UsageError."""
    kind: Effort = choice_of(Effort, text, "effort")
    return kind


def steps_of(pipeline: str | Pipeline, stop_after: str | None = None) -> Pipeline:
    """The passes to run: all of a pipeline, or those up to one."""
    steps = pipeline_of(pipeline)
    return steps if stop_after is None else steps.until(stop_after)


def batched(
    specs: Sequence[PhaseSpec], dims: Mapping[str, int], batch: int
) -> tuple[tuple[PhaseSpec, ...], dict[str, int]]:
    """The phases and the dims of all phases with a batch of so many requests; a batch given twice is refused."""
    if batch < 1:
        raise UsageError(f"a batch of {batch} serves nobody", hint="give 1 or more")
    for where, names in (("--dim", dims), *((f"phase '{s.name}'", dict(s.dims)) for s in specs)):
        if "batch" in names:
            raise UsageError(f"{where} gives a batch, and so does --batch", hint="keep one of them")
    return tuple(specs), {**dims, "batch": batch}


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


def precision_of(text: str | DType | None) -> DType | None:
    """The number type that a text names, in any of its usual spellings. Raises UsageError."""
    if text is None or isinstance(text, DType):
        return text
    spelled = PRECISIONS.get(text.lower(), text.lower())
    try:
        return DType(spelled)
    except ValueError:
        known = [t.value for t in DType if t not in (DType.BOOL, DType.STRING)]
        raise UsageError(f"no precision '{text}'; {did_you_mean(spelled, [*known, *PRECISIONS])}") from None
