"""Time of GPU kernels that are no product and no attention: bytes from DRAM and L2 beside the work of the SMs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, PositiveFloat

from mapper.hw.work import Feed, Work
from targets.models.blocks import Fitted, PerType
from targets.models.rates import traffic_of

Array = NDArray[np.float64]

PLAIN, GATED, ROTARY, NORM, LAYER, SOFTMAX, EMBEDDING = FAMILIES = (
    "plain", "gated", "rotary", "norm", "layer", "softmax", "embedding",
)  # fmt: skip
"""Kernels that behave alike. Plain ones stream contiguous elements in wide loads; the others have a thread block for a
row and load its elements one by one, or do index arithmetic for each."""

_FAMILY_OF_FUNCTION = {"swiglu": GATED, "geglu": GATED, "reglu": GATED, "rope": ROTARY, "layer": LAYER}
_FAMILY_OF_KIND = {"norm": NORM, "softmax": SOFTMAX, "embedding": EMBEDDING}

SERIAL_ROWS = 16
"""Rows up to which PyTorch picks rows of a table one after the other (`indexSelectSmallIndex` of its Indexing.cu)."""

WARP_WIDTH = 1024
"""Rows of a softmax up to this width stay in the registers of one warp (PyTorch's PersistentSoftmax.cuh)."""

SHARPNESS = 4
"""How sharply operands fall out of the L2 with their size: as for products (targets/models/tiles.py)."""

OVERLAP = 3.0
"""Exponent of the soft maximum of traffic and SM work. RMS norms add the two: few rows are in flight, and each is read
before any of it is written (A100, H100, A40 and RTX PRO 6000 each prefer that, the other families have no preference).
"""

FURTHER_READS = {LAYER: 1.0, SOFTMAX: 2.0}
"""Times that a row is read again: a norm takes its moments first, a softmax its maximum and its sum."""


class StreamFit(Fitted):
    """The fitted constants of kernels that are no product and no attention (benchmarks/fit_stream.py). Defaults: the
    joint fit of all measured GPUs, for GPUs never measured."""

    launch_s: PositiveFloat = 2.45e-06
    """Floor of one kernel: launch and drain."""
    memory: PositiveFloat = 0.78
    """Reached part of the bandwidth of the memory."""
    l2: PositiveFloat = 1.47
    """The same of the L2."""
    l2_reach: PositiveFloat = 1.05
    """Operands up to this part of the L2 are found in it by half."""
    element_s: NonNegativeFloat = 4.8e-11
    """Time of one element of a row that is alone on its SM: the latency of its loads."""
    plain_cycles: NonNegativeFloat = 0.255
    """Clock cycles of one SM for one element, here and below, at full load."""
    gated_cycles: NonNegativeFloat = 0.725
    rotary_cycles: NonNegativeFloat = 0.489
    norm_cycles: NonNegativeFloat = 0.564
    """RMS norm: one element at a time, in vLLM's kernel."""
    layer_cycles: NonNegativeFloat = 0.28
    """Layer norm: wide loads, in PyTorch's kernel."""
    softmax_cycles: NonNegativeFloat = 0.641
    """Rows wider than WARP_WIDTH."""
    warp_cycles: NonNegativeFloat = 0.539
    """Rows that are not."""
    embedding_cycles: NonNegativeFloat = 1.57
    layer_s: NonNegativeFloat = 3.32e-06
    """Floor of a layer norm beyond `launch_s`: its reductions wait for each other."""
    serial_row_s: NonNegativeFloat = 4.15e-07
    """A row of an embedding while they are picked one after the other."""
    layer_reach: PositiveFloat = 0.0982
    """Rows in flight, one for each SM, that are half still in the L2 when they are read again, in parts of the L2."""
    softmax_reach: PositiveFloat = 0.369


@dataclass(frozen=True, slots=True)
class StreamDevice:
    """What a GPU is by its data sheet."""

    sms: int
    clock_hz: float
    l2_bytes: float
    l2_bytes_per_s: float
    lane_ops_per_s: PerType
    lanes: float
    """Reached part of the peak of the lanes."""


@dataclass(frozen=True, slots=True)
class Streams:
    """Pieces of work as arrays: `moved` bytes at `bytes_per_s`; rows are 0 where the shape is not known; `lane_s` is
    the time of the arithmetic on the lanes."""

    family: NDArray[np.int64]
    rows: Array
    elements: Array
    moved: Array
    bytes_per_s: Array
    lane_s: Array
    fused: NDArray[np.bool_]


def family_of(work: Work) -> str:
    """The family of kernels that runs the work."""
    return _FAMILY_OF_FUNCTION.get(work.function) or _FAMILY_OF_KIND.get(work.kind, PLAIN)


def streams(works: Sequence[Work], feed: Feed, device: StreamDevice) -> Streams:
    """The works as arrays."""
    families = {name: i for i, name in enumerate(FAMILIES)}
    columns = []
    for work in works:
        traffic = traffic_of(work, feed)
        moved = traffic.data + traffic.weights
        lane_s = work.flops / (device.lane_ops_per_s.near(work.dtype) * device.lanes)
        columns.append((work.dim("rows", 0), work.dim("elements", 0), moved, traffic.seconds(feed), lane_s))
    rows, elements, moved, seconds, lane_s = np.array(columns, dtype=np.float64).T
    return Streams(
        family=np.array([families[family_of(work)] for work in works]),
        rows=rows,
        elements=elements,
        moved=moved,
        bytes_per_s=np.maximum(moved, 1.0) / np.maximum(seconds, 1e-15),
        lane_s=lane_s,
        fused=np.array([work.fused for work in works]),
    )


def stream_seconds(s: Streams, device: StreamDevice, fit: StreamFit) -> tuple[Array, Array, Array]:
    """Seconds of the traffic, of the SMs, and of both with what a kernel takes at least; fused work has no kernel."""
    traffic = _traffic(s, device, fit)
    work = np.maximum(s.lane_s, np.where(s.fused, 0.0, _sm_seconds(s, device, fit)))
    p = np.where(_by_family(s, norm=1) > 0, 1.0, OVERLAP)
    both = (np.maximum(traffic, 1e-15) ** p + np.maximum(work, 1e-15) ** p) ** (1 / p)
    return traffic, work, both + np.where(s.fused, 0.0, _floor(s, fit))


def _by_family(s: Streams, **values: float) -> Array:
    """The figure of each work's family, 0 for families that are not named."""
    found: Array = np.array([values.get(name, 0.0) for name in FAMILIES])[s.family]
    return found


def _traffic(s: Streams, device: StreamDevice, fit: StreamFit) -> Array:
    """Bytes over the bandwidth of the L2 or the memory, with what is read again from it."""
    hit = _found(s.moved, fit.l2_reach * device.l2_bytes)
    row = s.moved / np.maximum(s.rows, 1.0)
    reach = _by_family(s, layer=fit.layer_reach, softmax=fit.softmax_reach) * device.l2_bytes
    kept = _found(row * device.sms, np.maximum(reach, 1.0))
    again = (s.rows > 0) & ~_in_warps(s)
    further = _by_family(s, **FURTHER_READS) * np.where(again, 1 - kept, 0.0)
    moved = s.moved * (1 + further / 2)  # a norm and a softmax read half of what they move
    seconds: Array = moved * ((1 - hit) / (fit.memory * s.bytes_per_s) + hit / (fit.l2 * device.l2_bytes_per_s))
    return seconds


def _found(size: Array, reach: Array | float) -> Array:
    """The part of so many bytes that is still in a cache of that reach."""
    found: Array = 1 / (1 + (size / reach) ** SHARPNESS)
    return found


def _in_warps(s: Streams) -> NDArray[np.bool_]:
    """Whether a softmax keeps its rows in registers."""
    narrow: NDArray[np.bool_] = (_by_family(s, softmax=1) > 0) & (s.elements <= WARP_WIDTH * s.rows)
    return narrow


def _sm_seconds(s: Streams, device: StreamDevice, fit: StreamFit) -> Array:
    """Elements times cycles over the SMs, in waves of rows where each row is a thread block."""
    cycles = _by_family(
        s,
        plain=fit.plain_cycles,
        gated=fit.gated_cycles,
        rotary=fit.rotary_cycles,
        norm=fit.norm_cycles,
        layer=fit.layer_cycles,
        softmax=fit.softmax_cycles,
        embedding=fit.embedding_cycles,
    )
    cycles = np.where(_in_warps(s), fit.warp_cycles, cycles)
    by_rows = (s.rows > 0) & (_by_family(s, gated=1, rotary=1, norm=1, softmax=1) > 0) & ~_in_warps(s)
    alone = np.where(by_rows, s.elements / np.maximum(s.rows, 1.0), 0.0) * fit.element_s
    seconds: Array = np.maximum(s.elements / device.sms * cycles / device.clock_hz, alone)
    return seconds


def _floor(s: Streams, fit: StreamFit) -> Array:
    """What the smallest kernel of its family takes."""
    serial = np.where(s.rows <= SERIAL_ROWS, s.rows, 0.0) * _by_family(s, embedding=fit.serial_row_s)
    floor: Array = fit.launch_s + _by_family(s, layer=fit.layer_s) + serial
    return floor
