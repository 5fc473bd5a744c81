"""Constants of the CPU model from measured times, stage by stage: each stage holds what those before it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mapper.hw.calibration import KindErrors
from mapper.hw.work import Feed, Work
from targets.calibration.timing import Timed
from targets.fitting import Array, Constants, Range, fit
from targets.models.cpu import Cpu
from targets.models.multicore import core_seconds

WITHIN = 0.9
"""The part of the points that a band holds, as those of GPUs do (benchmarks/fit_bands.py)."""

LEAST = 4
"""Points below which the constants of a stage keep their defaults."""

LANES = ("norm", "softmax", "gelu", "add", "tanh", "mul", "move", "embedding")
"""Families that are no product and no attention."""

_PRODUCT = {
    "compute": Range(0.6, 0.02, 1.3),
    "rows": Range(0.5, 0.01, 60),
    "k_overhead": Range(15, 0.1, 1000),
    "memory": Range(0.8, 0.02, 3.0),
    "overlap": Range(2.0, 1.0, 8.0),
}


def stages(unit: Cpu) -> tuple[tuple[tuple[str, ...], Mapping[str, Range]], ...]:
    """Families of samples, and the constants that they fix. Bounds keep a constant physical, with room for slow
    runtimes and for a memory whose bandwidth was measured while others used it; a private cache hands out at most a
    line of 64 bytes a cycle."""
    private = 32 * unit.clock_hz * unit.cores
    return (
        (
            LANES,
            {
                "op_overhead_s": Range(2e-6, 1e-7, 1e-4),
                "private_cache_bandwidth_bytes_per_s": Range(private, private / 16, 2 * private),
                "cache_bandwidth_bytes_per_s": Range(5e10, 1e9, 1e14),
                "threads.grain_cycles": Range(1e4, 1e2, 1e7),
                "threads.start_s": Range(2e-6, 1e-8, 1e-3),
                "lanes.plain_ops": Range(5, 0.1, 500),
                "lanes.function_ops": Range(2, 0.05, 100),
                "lanes.erf_ops": Range(80, 1, 3000),
                "lanes.norm_ops": Range(60, 1, 3000),
                "lanes.softmax_ops": Range(30, 1, 3000),
                "lanes.move_ops": Range(20, 0.1, 3000),
                "lanes.memory": Range(0.6, 0.02, 3.0),
                "lanes.private_reach": Range(0.8, 0.3, 1.0),
                "lanes.shared_reach": Range(0.4, 0.1, 0.8),
                "lanes.overlap": Range(1.5, 1.0, 8.0),
            },
        ),
        (
            ("f32", "batched"),
            {f"products.f32.{name}": r for name, r in _PRODUCT.items()}
            | {"products.f32.packed_rows": Range(0.5, 0.01, 60)},
        ),
        (("i8",), {f"products.i8.{name}": r for name, r in _PRODUCT.items()}),
        (
            ("attention",),
            {
                "attention.compute": Range(0.5, 0.02, 1.3),
                "attention.score_ops": Range(300, 1, 5000),
                "attention.copy_ops": Range(300, 1, 20000),
            },
        ),
        (("decode",), {"attention.cached_ops": Range(40, 0.5, 2000), "attention.memory": Range(0.8, 0.02, 3.0)}),
    )


def fitted(start: Cpu, feed: Feed, measured: Sequence[Timed]) -> Cpu:
    """The unit with the constants of least error on the samples that are not held out."""
    unit = start
    for families, ranges in stages(start):
        mine = [t for t in measured if t.sample.family in families and not t.sample.held_out]
        if len(mine) >= LEAST:
            unit = with_constants(unit, _fit(unit, feed, mine, ranges))
    return unit


def _fit(unit: Cpu, feed: Feed, measured: Sequence[Timed], ranges: Mapping[str, Range]) -> dict[str, float]:
    works = [t.sample.work for t in measured]
    seconds, speeds = _measured(measured)

    def residuals(constants: Constants) -> Array:
        logs: Array = np.log(_seconds(with_constants(unit, constants), feed, works, speeds) / seconds)
        return logs

    return fit(ranges, residuals, np.full(len(works), 1 / len(works)))


def with_constants(unit: Cpu, constants: Constants) -> Cpu:
    """The unit with other figures, named by their place in its file."""
    table = unit.model_dump()
    for path, value in constants.items():
        *outer, last = path.split(".")
        block = table
        for name in outer:
            block = block[name]
        block[last] = float(f"{value:.4g}")
    return Cpu.model_validate(table)


def _seconds(unit: Cpu, feed: Feed, works: Sequence[Work], speeds: Array) -> Array:
    seconds, _ = core_seconds(works, feed, unit.multicore, speeds)
    return seconds


def _measured(measured: Sequence[Timed]) -> tuple[Array, Array]:
    """Times, and the machine's speed meanwhile."""
    return np.array([t.seconds for t in measured]), np.array([t.speed for t in measured])


def errors(unit: Cpu, feed: Feed, measured: Sequence[Timed]) -> list[KindErrors]:
    """A row for each kind of op, in the order of the samples."""
    kinds = dict.fromkeys(t.sample.op for t in measured)
    return [_errors(kind, unit, feed, [t for t in measured if t.sample.op == kind]) for kind in kinds]


def _errors(kind: str, unit: Cpu, feed: Feed, measured: Sequence[Timed]) -> KindErrors:
    works = [t.sample.work for t in measured]
    seconds, speeds = _measured(measured)
    held_out = np.array([t.sample.held_out for t in measured])
    ratio = _seconds(unit, feed, works, speeds) / seconds
    ours = np.abs(ratio - 1)
    plain = np.abs(np.array([roofline(unit, feed, work) for work in works]) / seconds - 1)
    factors = np.exp(np.abs(np.log(ratio)))
    band = max(float(np.quantile(side, WITHIN)) for side in (factors[held_out], factors[~held_out]) if len(side)) - 1
    return KindErrors(kind, len(works), _mean(ours[~held_out]), _mean(ours[held_out]), _mean(plain[held_out]), band)


def roofline(unit: Cpu, feed: Feed, work: Work) -> float:
    """Seconds by the peak of the type and the bandwidth of the memory alone: the model to beat."""
    per_cycle = unit.matrix_ops_per_cycle if work.macs else unit.vector_ops_per_cycle
    peak = unit.cores * unit.clock_hz * per_cycle.near(work.dtype)
    return max(work.flops / peak, work.bytes() / feed.data)


def _mean(x: Array) -> float:
    return float(x.mean()) if len(x) else float("nan")
