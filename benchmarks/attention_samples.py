"""Measured prompts of each GPU as arrays, and the tiles of the kernels that the measured libraries run them with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.fitting import Array
from benchmarks.gemm_samples import work_of
from benchmarks.measured import aiconfigurator, llmservingsim
from benchmarks.measured.points import Point
from mapper.cost.pricing import feed_of
from mapper.hw.load import load_target
from mapper.hw.work import DType, Work
from targets.models.flash import (
    SHORT,
    PrefillDevice,
    PrefillFit,
    Prompts,
    arithmetic_seconds,
    is_prompt,
    prompts_of,
    traffic_seconds,
)
from targets.models.gpu import Gpu

SOURCES = (aiconfigurator, llmservingsim)

Tiles = Mapping[int, tuple[int, int]]
"""Query rows and positions of a step by head dimension."""


@dataclass(frozen=True)
class Library:
    """The kernels of a library on a generation of GPUs, for long and for short caches, and whether a kernel prepares
    their operands."""

    tiles: Tiles
    short: Tiles
    prepares: bool = True


LIBRARIES = {
    ("trtllm-sm80", "f16"): Library(
        {64: (128, 128), 128: (64, 128), 256: (64, 128)}, {64: (64, 32), 128: (64, 32), 256: (64, 16)}
    ),
    ("trtllm-sm89", "f16"): Library({64: (64, 32), 128: (64, 32), 192: (64, 16), 256: (64, 128)}, {256: (64, 16)}),
    ("trtllm-sm89", "f8"): Library({64: (128, 32), 128: (64, 32), 192: (64, 32), 256: (64, 32)}, {}),
    ("flash-paged", "f16"): Library({64: (64, 256), 128: (64, 128), 256: (64, 64)}, {}, prepares=False),
    ("flash-sm86", "f16"): Library({64: (128, 128), 128: (64, 64), 256: (64, 64)}, {}, prepares=False),
}
"""TensorRT-LLM (Apache-2.0): cpp/kernels/fmha_v2/setup.py says the tiles, fmhaRunner.cpp which of them run. Those of f8
were chosen on the fitted side of the split. FlashAttention 2 (BSD-3), flash_fwd_launch_template.h: the kernels for
paged caches, which vLLM runs."""

RUNS = {"a100-80": "trtllm-sm80", "l40s": "trtllm-sm89", "rtx-pro-6000": "flash-paged", "a6000": "flash-sm86"}
"""The library that each target was measured with."""

FAMILIES = {"bf16": "f16", "f16": "f16", "f8": "f8"}


@dataclass(frozen=True)
class Group:
    """Prompts of one kernel, by head dimension and whether their caches are short."""

    head_dim: int
    kv: int
    prompts: Prompts
    seconds: Array


@dataclass(frozen=True)
class Sample:
    """Measured prompts of one device, type and side of the split."""

    target: str
    unit: str
    family: str
    held_out: bool
    device: PrefillDevice
    cached_bytes_per_s: float
    library: Library
    groups: tuple[Group, ...]

    def errors(self, constants: PrefillFit) -> Array:
        """Natural logarithms of predicted over measured seconds."""
        found = []
        for group in self.groups:
            kernel = constants.kernel(group.head_dim, group.kv)
            compute = arithmetic_seconds(group.prompts, kernel, self.device, constants)
            compute = np.maximum(compute, group.prompts.cached / self.cached_bytes_per_s)
            beside = traffic_seconds(group.prompts, self.device, constants)
            found.append(np.log((constants.launch_s + compute + beside) / group.seconds))
        return np.concatenate(found)


def samples(folder: Path) -> list[Sample]:
    """Measured prompts by target, family of types and side of the split, where the library is known."""
    groups: defaultdict[tuple[str, str, bool], list[Point]] = defaultdict(list)
    for source in SOURCES:
        for point in source.points(folder):
            if point.op.startswith("prefill"):
                family = FAMILIES[str(point.columns["dtype"])]
                groups[str(point.columns["target"]), family, point.held_out].append(point)
    return [_sample(*key, points) for key, points in sorted(groups.items()) if key[0] in RUNS]


def _sample(name: str, family: str, held_out: bool, points: Sequence[Point]) -> Sample:
    target = load_target(name)
    unit, model = next((u, u.model) for u in target.units if isinstance(u.model, Gpu))
    asked = [(work, point.seconds) for point in points if is_prompt(work := work_of(point))]
    device = model.prefill_device(DType(family), feed_of(target, unit, asked[0][0]).data)
    by_kernel: defaultdict[tuple[int, bool], list[tuple[Work, float]]] = defaultdict(list)
    for work, seconds in asked:
        by_kernel[work.dim("head_dim"), work.dim("kv") <= SHORT].append((work, seconds))
    found = tuple(
        Group(size, SHORT if short else SHORT + 1, prompts_of([w for w, _ in of]), np.array([s for _, s in of]))
        for (size, short), of in sorted(by_kernel.items())
    )
    cached = model.decode.memory * device.bytes_per_s
    return Sample(name, unit.kind, family, held_out, device, cached, LIBRARIES[RUNS[name], family], found)
