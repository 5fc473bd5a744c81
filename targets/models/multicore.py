"""Time of ops on the cores of a CPU: arithmetic on as many cores as an op is worth, beside the levels of the caches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, PositiveFloat

from mapper.hw.work import DType, Feed, Role, Work
from targets.models.blocks import Fitted, PerType
from targets.models.rates import MATRIX_KINDS, PRODUCTS, products_of, traffic_of

Array = NDArray[np.float64]

SHARPNESS = 3.0
"""How sharply operands fall out of a cache with their size; 2 and 4 tell norms and look-ups worse where they were
measured. Softer than the L2 of a GPU (4 in targets/models/tiles.py), as cores share it with what ran before."""

ERROR_FUNCTIONS = ("gelu", "erf", "geglu")
"""Functions of an element that need the error function, the slowest of the usual ones."""


class ProductFit(Fitted):
    """Constants of matrix products. Defaults here and below: the fit of `mapper calibrate cpu` on two server cores with
    AVX-512 (Ice Lake at 2.8 GHz, onnxruntime 1.31), for CPUs never measured. They are in lane operations and parts of
    peaks, so that they scale with cores, clock and width."""

    compute: PositiveFloat = 0.55
    """Reached part of the peak in a large product."""
    rows: NonNegativeFloat = 0.5
    """Rows of activations that take as long as bringing the weights through the first-level cache once."""
    columns: NonNegativeFloat = 0.0
    """The same for the activations, in columns of the result: libraries that bring both sides into an order first."""
    packed_rows: NonNegativeFloat = 0.02
    """The same for the copy in the kernel's order that a right side needs which is no weight."""
    k_overhead: NonNegativeFloat = 5.0
    """Steps of k that take as long as starting a tile and writing it back."""
    memory: PositiveFloat = 0.8
    """Reached part of the memory's bandwidth, for weights. Here and below 0.8 of a data sheet is assumed; the bandwidth
    of a calibrated CPU is that of its own copies."""
    overlap: PositiveFloat = 1.3
    """Exponent of the soft maximum of arithmetic and traffic."""


class ProductFits(Fitted):
    """Constants of products by family of types; the vector units of integers have a peak and a packing of their own."""

    f32: ProductFit = ProductFit()
    """Floats of all widths."""
    i8: ProductFit = ProductFit(rows=1.9, overlap=1.06)
    """Integers."""

    def of(self, dtype: DType) -> ProductFit:
        """The constants of a type."""
        return self.f32 if dtype.is_float else self.i8


class AttentionFit(Fitted):
    """Constants of attention, which no CPU kernel skips the masked half of."""

    compute: PositiveFloat = 0.5
    """Reached part of the peak in its two products."""
    score_ops: NonNegativeFloat = 600.0
    """Lane operations for one score: mask, softmax, and passing it from one product to the other."""
    copy_ops: NonNegativeFloat = 550.0
    """Lane operations for one element of queries and keys that is turned into the kernel's order."""
    cached_ops: NonNegativeFloat = 80.0
    """Lane operations for one element of a cache, where one query row reads it."""
    memory: PositiveFloat = 0.8
    """Reached part of the memory's bandwidth, for caches."""


class LaneFit(Fitted):
    """Constants of what is no product, in lane operations for one element."""

    plain_ops: NonNegativeFloat = 14.0
    """An operation that is one instruction: add, mul, a look-up."""
    function_ops: NonNegativeFloat = 4.2
    """Each further operation of a function (mapper.ir.kinds counts them)."""
    erf_ops: NonNegativeFloat = 135.0
    """A function with the error function in it."""
    norm_ops: NonNegativeFloat = 135.0
    softmax_ops: NonNegativeFloat = 65.0
    move_ops: NonNegativeFloat = 68.0
    """An element that is copied to another place."""
    memory: PositiveFloat = 0.8
    """Reached part of the memory's bandwidth."""
    private_reach: PositiveFloat = 1.0
    """Operands of this part of the private caches are found in them by half."""
    shared_reach: PositiveFloat = 0.4
    overlap: PositiveFloat = 1.7
    """Exponent of the soft maximum of arithmetic and traffic."""


class ThreadFit(Fitted):
    """When an op takes a further core, and what it costs."""

    grain_cycles: PositiveFloat = 1e4
    """Cycles of work for which one more core is taken."""
    start_s: NonNegativeFloat = 2e-6
    """Time until all cores have begun and ended, where there are several."""


@dataclass(frozen=True, slots=True)
class Multicore:
    """What the model knows of a CPU: its file, the caches as (bytes, bytes per second) with all cores in use."""

    cores: int
    clock_hz: float
    matrix_ops: PerType
    vector_ops: PerType
    private: tuple[float, float]
    shared: tuple[float, float]
    op_overhead_s: float
    products: ProductFits
    attention: AttentionFit
    lanes: LaneFit
    threads: ThreadFit
    speed: float = 1.0


PARTS = ("cores", "memory bandwidth", "op overhead")
"""Names of the columns of `core_seconds`."""

CYCLES, WEIGHTS, DATA, AT, OVERLAP, SPLIT = range(6)


def core_seconds(works: Sequence[Work], feed: Feed, cpu: Multicore, speeds: Array | float = 1.0) -> tuple[Array, Array]:
    """Seconds of each work and, in columns, of its parts; work that is fused pays no overhead.

    speeds: of the cores while each was measured, over that which the figures stand for. Cores, their private caches and
    what an op costs follow it; what all cores share (last-level cache, memory) does not.
    """
    speed = cpu.speed * np.asarray(speeds, dtype=np.float64)
    table = np.array([_row(work, feed, cpu) for work in works], dtype=np.float64).T
    fused = np.array([work.fused for work in works])
    taken = np.clip(table[SPLIT] / cpu.threads.grain_cycles, 1.0, cpu.cores)
    compute = table[CYCLES] / (taken * cpu.clock_hz * speed)
    memory = table[WEIGHTS] + _seconds(table[DATA], feed.data * table[AT], taken / cpu.cores, cpu, speed)
    started = cpu.threads.start_s * (taken - 1) / max(cpu.cores - 1, 1)
    overhead = np.where(fused, 0.0, (cpu.op_overhead_s + started) / speed)
    p = table[OVERLAP]
    most = np.maximum(np.maximum(compute, memory), 1e-15)
    both = most * ((compute / most) ** p + (memory / most) ** p) ** (1 / p)
    return both + overhead, np.array([compute, memory, overhead]).T


def _seconds(size: Array, memory: Array, part: Array, cpu: Multicore, speed: Array) -> Array:
    """Seconds to move bytes that lie in the nearest level with room for them, `part` of the cores taking part."""
    private = _found(size, cpu.lanes.private_reach * cpu.private[0] * part)
    shared = _found(size, cpu.lanes.shared_reach * cpu.shared[0])
    near = private / (cpu.private[1] * part * speed) if cpu.private[0] else 0.0
    seconds: Array = size * (near + (1 - private) * (shared / (cpu.shared[1] * part) + (1 - shared) / memory))
    return seconds


def _found(size: Array, room: Array | float) -> Array:
    """The part of the bytes that a cache of that room still holds."""
    filled = size / np.maximum(room, 1e-9)
    return np.asarray(1 / (1 + np.minimum(filled, 1e6) ** SHARPNESS))


def _row(work: Work, feed: Feed, cpu: Multicore) -> tuple[float, ...]:
    """Cycles on one core, seconds of the weights, bytes of the rest and the part of the bandwidth they reach, the
    exponent of the soft maximum, and the cycles that can be shared out at once."""
    if work.kind in PRODUCTS:
        return _product(work, feed, cpu)
    if work.kind in MATRIX_KINDS:
        return _attention(work, feed, cpu)
    cycles = _lane_ops(work, cpu.lanes) / cpu.vector_ops.near(work.dtype)
    return cycles, 0.0, float(work.bytes()), cpu.lanes.memory, cpu.lanes.overlap, cycles


def _product(work: Work, feed: Feed, cpu: Multicore) -> tuple[float, ...]:
    """2 (m + rows) (n + columns) (k + k_overhead) operations; the steps of a recurrent layer wait for each other."""
    fit = cpu.products.of(work.dtype)
    traffic = traffic_of(work, feed)
    extra = fit.rows + (0.0 if work.weight else fit.packed_rows)
    times, m, n, k = products_of(work)[0]
    operations = 2.0 * (m + extra) * (n + fit.columns) * (k + fit.k_overhead)
    one = operations / (cpu.matrix_ops.near(work.dtype) * fit.compute)
    at_once = one if work.kind == "rnn" else one * times
    weights = traffic.weights / (fit.memory * feed.weights) if feed.weights else 0.0
    return one * times, weights, float(traffic.data), cpu.lanes.memory, fit.overlap, at_once


def _attention(work: Work, feed: Feed, cpu: Multicore) -> tuple[float, ...]:
    """The products of all pairs, their softmax, and a copy of queries and keys; or one pass through a cache."""
    fit = cpu.attention
    lanes = cpu.vector_ops.near(work.dtype)
    scores = work.dim("batch") * work.dim("heads") * work.dim("q") * work.dim("reach", max(1, work.dim("kv")))
    if work.dim("q") == 1:
        read = scores * (work.dim("head_dim") + work.dim("v_dim"))
        cycles = read * fit.cached_ops / lanes
        stored = work.bytes(Role.STATE)
        seconds = stored / (fit.memory * feed.data)
        return cycles, seconds, float(work.bytes() - stored), cpu.lanes.memory, cpu.lanes.overlap, cycles
    rows = work.dim("q") + work.dim("kv") * work.dim("kv_heads") / work.dim("heads")
    copied = work.dim("batch") * work.dim("heads") * rows * work.dim("head_dim")
    operations = 2.0 * scores * (work.dim("head_dim") + work.dim("v_dim"))
    products = operations / (cpu.matrix_ops.near(work.dtype) * fit.compute)
    cycles = products + (scores * fit.score_ops + copied * fit.copy_ops) / lanes
    return cycles, 0.0, float(work.bytes()), cpu.lanes.memory, cpu.lanes.overlap, cycles


def _lane_ops(work: Work, fit: LaneFit) -> float:
    elements = work.dim("elements", 0)
    if work.kind == "norm":
        return elements * fit.norm_ops
    if work.kind == "softmax":
        return elements * fit.softmax_ops
    if work.kind == "move":
        return elements * fit.move_ops
    if work.function in ERROR_FUNCTIONS:
        return elements * fit.erf_ops
    return elements * fit.plain_ops + max(0, work.flops - elements) * fit.function_ops
