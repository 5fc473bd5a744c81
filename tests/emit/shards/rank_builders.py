"""Plans whose tasks teams divide as a test says, and runs of their pieces rank after rank."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from emit_builders import given, run_steps, run_whole
from numpy.typing import NDArray
from real_plans import run

from mapper.cost.program import Spelling
from mapper.cost.residency import residency
from mapper.emit.emit import emit
from mapper.emit.manifest import Manifest, PhasePart
from mapper.frontend.load import load_model
from mapper.frontend.phases import parse_phase
from mapper.hw.load import load_target
from mapper.hw.teams import Arrangement, arranged
from mapper.ir.plan import Option, Place, Plan, Task
from passes.pipelines import PREPARE

Array = NDArray[Any]
Choose = Callable[[Task, list[str]], str]
"""The way of a task, of those that there are."""
BACK = ("out/", "down/", "c_proj", "output.dense", "/proj", "fc2", "MoE")
"""Products that go back to the width of the model."""


def divided(path: Path, phases: Iterable[str], ranks: int, choose: Choose, *, stages: int = 1) -> Plan:
    """A finished plan on teams of GPUs, in which the given way of each task is chosen; tasks take stages in turn."""
    imported = load_model(path, [parse_phase(text) for text in phases])
    target = arranged(load_target("dgx-a100"), Arrangement(ranks, 1))
    plan = run(Plan(target, imported.graph, imported.phases), PREPARE)
    teams = [unit.name for unit in target.units if unit.ranks == ranks][:stages]
    places = []
    order = [task.cluster for task in plan.tasks or () if task.phase == plan.phases[0].name]
    for task in plan.tasks or ():
        unit = teams[order.index(task.cluster) * stages // len(order)]
        ways = _ways(plan, task, unit)
        option = ways[choose(task, sorted(ways))]
        weights = target.unit[unit].weights[option.source] if option.source >= 0 else ""
        places.append(Place(task.name, unit, weights, option.replicas, option.shard))
    plan = replace(plan, placement=tuple(places))
    plan = replace(plan, residency=residency(plan, Spelling(plan).estimator))
    return run(plan, "schedule{effort=0},memory,judge")


def _ways(plan: Plan, task: Task, unit: str) -> Mapping[str, Option]:
    repeat = plan.cluster[task.cluster].repeat
    found = (o for o in plan.options or () if o.repeat == repeat and unit in o.units and o.serves(task.phase))
    return {option.shard: option for option in found}


def as_megatron(task: Task, ways: list[str]) -> str:
    """Products into heads and inner columns by columns, those back by rows (Shoeybi et al., 2019)."""
    word = "row" if any(back in task.cluster for back in BACK) else "column"
    for wanted in ("head", word, "features"):
        found = [way for way in ways if way.split("+")[0] == wanted]
        if found and "norm" not in task.cluster.lower():
            return found[0]
    return "copy"


def at_random(seed: int) -> Choose:
    """Any way, divided ones more often."""
    dice = random.Random(seed)

    def choose(task: Task, ways: list[str]) -> str:
        some = [way for way in ways if way != "copy" and "context" not in way]
        return dice.choice(some if some and dice.random() < 0.85 else ways)

    return choose


@dataclass(frozen=True)
class Result:
    """A call of a phase: the values of its steps, the whole model's results, and the largest difference of any."""

    values: Mapping[str, Array]
    wanted: Mapping[str, Array]
    error: float


def emitted(plan: Plan, path: Path, out: Path) -> Manifest:
    """The pieces of a plan, each valid ONNX."""
    manifest = emit(plan, [path], out).manifest
    for file in sorted(out.glob("*.onnx")):
        onnx.checker.check_model(str(file))
    return manifest


def first_call(out: Path, part: PhasePart, path: Path) -> Result:
    """The first call of a phase on made-up inputs and states: ranks get their parts of one whole state."""
    values = _with_parts(part, given(part))
    made = run_steps(out, part, values)
    wanted = run_whole(path, values)
    parts = {t.name: t for t in part.values}
    states = [parts[s.present] for s in part.states if s.present in parts]
    assert wanted.keys() <= made.keys() | {tensor.of for tensor in states if tensor.part is not None}
    errors = [_error(made[name], array) for name, array in wanted.items() if name in made]
    for state in part.states:
        tensor = parts.get(state.present)
        if tensor is not None and tensor.part is not None:
            assert not tensor.part.stretches
            cut = range(tensor.part.start, tensor.part.stop)
            errors.append(_error(made[state.present], np.take(wanted[tensor.of], cut, axis=tensor.part.axis)))
    return Result(made, wanted, float(np.max(errors)))  # not max: a NaN is one


def _with_parts(part: PhasePart, values: dict[str, Array]) -> dict[str, Array]:
    """Parts of a past as stretches of one whole, which is there under its own name."""
    tensors = {t.name: t for t in part.values}
    pasts = [tensors[s.past] for s in part.states if s.past in tensors]
    found, random_ = dict(values), np.random.default_rng(1)
    for tensor in (t for t in pasts if t.part is not None):
        assert tensor.part is not None
        assert not tensor.part.stretches
        if tensor.of not in found:
            stop = max(t.part.stop for t in pasts if t.part is not None and t.of == tensor.of)
            shape = list(values[tensor.name].shape)
            shape[tensor.part.axis] = stop
            found[tensor.of] = random_.normal(size=shape).astype(values[tensor.name].dtype)
        cut = range(tensor.part.start, tensor.part.stop)
        found[tensor.name] = np.take(found[tensor.of], cut, axis=tensor.part.axis)
    return found


def _error(a: Array, b: Array) -> float:
    """Largest difference, relative to the largest number."""
    assert a.shape == b.shape
    return float(np.abs(a.astype(float) - b).max() / max(1.0, np.abs(b).max())) if a.size else 0.0
