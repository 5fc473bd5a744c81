"""Finished plans of tiny transformers on real targets, made once through the public pipeline; and how to spoil them."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from mapper.frontend import load_model, parse_phase
from mapper.hw import plugins
from mapper.hw.load import load_target
from mapper.ir.plan import Objective, Plan
from mapper.pipeline.pass_ import Context, Effort
from mapper.pipeline.pipeline import parse
from mapper.solve.budget import Budget
from passes.pipelines import FINISH, PREPARE
from samples.models.build import MODELS

PHASES = {
    "gpt2-tiny": ("prefill: batch=1 seq=16 past=0 calls=1", "decode: batch=1 seq=1 past=16..23"),
    "llama-tiny": ("prefill: batch=1 seq=16 past=0 calls=1", "decode: batch=1 seq=1 past=16..23"),
    "bert-tiny": ("run: batch=1 seq=16",),
}

Item = TypeVar("Item")


@cache
def unplaced(model: str = "gpt2-tiny", target: str = "edge-npu") -> Plan:
    """A plan with clusters, options and tasks."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{model}.onnx"
        path.write_bytes(MODELS[model](None, None).SerializeToString())
        imported = load_model(path, [parse_phase(text) for text in PHASES[model]])
    plan = Plan(load_target(target), imported.graph, imported.phases)
    return run(plan, PREPARE)


@cache
def finished(
    model: str = "gpt2-tiny", target: str = "edge-npu", place: str = "place-greedy", objective: str = "throughput"
) -> Plan:
    """A plan with everything decided."""
    plan = replace(unplaced(model, target), objective=Objective(objective))
    return run(plan, f"{place},{FINISH}".replace("schedule,", "schedule{effort=0},"))


def run(plan: Plan, text: str, ctx: Context | None = None) -> Plan:
    """The plan after a pipeline; of quick effort unless told otherwise."""
    pipeline = parse(text, lambda name: plugins.load("passes", name))
    return pipeline.run(plan, ctx or Context(effort=Effort.QUICK))


@dataclass(frozen=True)
class Brief(Context):
    """A context whose searches do a quarter of quick work: for what holds after any work."""

    effort: Effort = Effort.QUICK

    def budget(self, step: str = "") -> Budget:
        return replace(super().budget(step), deterministic_seconds=Effort.QUICK.deterministic_seconds / 4)


def edited(items: tuple[Item, ...] | None, i: int, **changes: Any) -> tuple[Item, ...]:
    """The items with changes to the fields of one."""
    found = list(items or ())
    found[i] = replace(found[i], **changes)  # type: ignore[type-var]
    return tuple(found)


def in_target(plan: Plan, part: str, i: int, **changes: Any) -> Plan:
    """The plan with changes to one unit, memory or link."""
    return replace(plan, target=replace(plan.target, **{part: edited(getattr(plan.target, part), i, **changes)}))


def in_graph(plan: Plan, part: str, i: int, **changes: Any) -> Plan:
    """The plan with changes to one op, value or state of the graph."""
    return replace(plan, graph=replace(plan.graph, **{part: edited(getattr(plan.graph, part), i, **changes)}))


def in_plan(plan: Plan, part: str, i: int, **changes: Any) -> Plan:
    """The plan with changes to one element of a decision."""
    return replace(plan, **{part: edited(getattr(plan, part), i, **changes)})
