"""Prices of whole decoders, kernel by kernel: a rank graph of any size through the passes and prices of compile."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import onnx

from mapper.compiler import compile
from mapper.cost.pricing import main_units
from mapper.hw.load import load_target
from mapper.hw.target import Target
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND, DType
from mapper.ir.plan import Plan
from passes.pipelines import PREPARE
from samples.models.decoder import Decoder, build

LAYER = "/layers/1/"
"""The layer that stands for all: the first has no sum before its norm."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A cluster of ops that is launched once. kind: of the op it is about. joules: dynamic energy, memory included.
    memory_j: that of the memory in
    it, active_j: that of being busy. waits: whether the bandwidth of a memory is what limits it, and not the clock."""

    name: str
    kind: str
    seconds: float
    joules: float
    band: float
    waits: bool = False
    memory_j: float = 0.0
    active_j: float = 0.0


@dataclass(frozen=True, slots=True)
class Priced:
    """One call of a phase: the kernels of one layer, those outside of layers, and how many layers there are."""

    layer: tuple[Kernel, ...]
    outside: tuple[Kernel, ...]
    layers: int

    @property
    def seconds(self) -> float:
        """The kernels of the call one after the other."""
        return self.sum(lambda k: k.seconds)

    @property
    def joules(self) -> float:
        """Dynamic energy of the call on one rank."""
        return self.sum(lambda k: k.joules)

    def sum(self, figure: Callable[[Kernel], float]) -> float:
        """A figure of all kernels of the call."""
        return self.layers * sum(map(figure, self.layer)) + sum(map(figure, self.outside))

    @property
    def band(self) -> float:
        """Relative error band of the time: the mean over kernels, as if all were wrong the same way."""
        return self.sum(lambda k: k.seconds * k.band) / self.seconds

    @property
    def launches(self) -> int:
        """Kernels of the call."""
        return self.layers * len(self.layer) + len(self.outside)


def price(
    config: Decoder,
    target: str | Target,
    phases: Sequence[str],
    *,
    precision: str | DType | None = None,
    pipeline: str = PREPARE,
) -> dict[str, Priced]:
    """Each phase (as `mapper compile` takes them, of dims batch, seq and past) of one rank of the decoder on one unit.

    The graph has two layers, of which the second stands for all. A phase over a range of pasts is the mean of its
    calls. Raises MapperError as compile does: sizes that do not fit, a target without a system of so many ranks.
    """
    model = build(replace(config, layers=2))
    return whole(model, config.layers, target, phases, precision=precision, pipeline=pipeline)


def whole(
    model: onnx.ModelProto,
    layers: int,
    target: str | Target,
    phases: Sequence[str],
    *,
    precision: str | DType | None = None,
    pipeline: str = PREPARE,
) -> dict[str, Priced]:
    """Each phase of a model of two layers as if it had so many of the second."""
    found = priced(model, target, phases, precision=precision, pipeline=pipeline)
    return {
        phase: Priced(
            tuple(k for k in kernels if k.name.startswith(LAYER)),
            tuple(k for k in kernels if not k.name.startswith("/layers/")),
            layers,
        )
        for phase, kernels in found.items()
    }


def priced(
    model: onnx.ModelProto,
    target: str | Target,
    phases: Sequence[str],
    *,
    precision: str | DType | None = None,
    pipeline: str = PREPARE,
) -> dict[str, tuple[Kernel, ...]]:
    """By phase the kernels of a model on the target's main unit, in order."""
    machine = load_target(target) if isinstance(target, str) else target
    plan = prepared(model, machine, phases, precision=precision, pipeline=pipeline)
    unit = main_units(machine)[0].name
    return {phase.name: tuple(_kernels(plan, phase.name, unit)) for phase in plan.phases}


def prepared(
    model: onnx.ModelProto,
    target: str | Target,
    phases: Sequence[str],
    *,
    precision: str | DType | None = None,
    pipeline: str = PREPARE,
) -> Plan:
    """The model's plan up to the prices of its options."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return compile(path, target, phases, precision=precision, pipeline=pipeline).plan


def _kernels(plan: Plan, phase: str, unit: str) -> list[Kernel]:
    found, memory = [], plan.target.memory[plan.target.unit[unit].data]
    for cluster in plan.clusters or ():
        option = next(o for o in plan.options_of[cluster.repeat] if unit in o.units and o.serves(phase))
        cost = option.cost(phase)
        if cost.ticks:
            moved = 8 * (cost.data_bytes + cost.weight_bytes) * memory.energy_pj_per_bit
            waits, active = cost.limited_by == "memory bandwidth", dict(cost.energy_pj).get("active", 0) / PJ_PER_J
            seconds, joules = cost.ticks / TICKS_PER_SECOND, (cost.total_pj + moved) / PJ_PER_J
            kind = plan.graph.op[cluster.name].kind
            found.append(Kernel(cluster.name, kind, seconds, joules, cost.band, waits, moved / PJ_PER_J, active))
    return found
