"""Time of a tiled matrix product on a GPU: the soft minimum over tile shapes and splits of k."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, PositiveFloat

from mapper.hw.work import DType
from targets.models.blocks import Fitted

Array = NDArray[np.float64]

TILES = ((256, 128), (128, 256), (128, 128), (64, 256), (256, 64), (128, 64), (64, 128), (64, 64), (32, 128), (32, 64),
         (16, 64))  # fmt: skip
"""Tile shapes (rows x columns of the output) that GPU libraries ship kernels for."""

SPLITS = (1, 2, 4, 8, 16)
"""Blocks that may share one output tile by parts of k."""

SIMT_TILES = (
    (128, 128),
    (128, 64),
    (64, 128),
    (64, 64),
    (128, 32),
    (32, 128),
    (256, 64),
    (64, 256),
    (64, 32),
    (32, 32),
)
"""The same for products on the ordinary lanes."""

PARTIAL_BYTES = 8
"""A partial sum of a split product: four bytes written, four read."""

QUANTISED_BYTES = 3
"""An activation that is quantised before a product: two bytes read, one written."""


RETURNS_AFTER = 4
"""Other weights of its size that are read before a weight is read again: the L2 holds it until then or not at all.
AIConfigurator rotates five copies of each weight (its collect_gemm); the layers of a model are many more."""


TOGETHER = 1024
"""Products priced in one go: their tables for all tiles and splits stay in a core's cache, four times as quick."""


class TileFit(Fitted):
    """The fitted constants of the tile model for one GPU and number type.

    Defaults are joint fits over all measured GPUs (benchmarks/fit_gemm.py), for devices that were never measured.
    """

    launch_cycles: NonNegativeFloat = 4950
    """Floor of one product: launch and drain, in clocks of the SMs (about 5000 on A100, H100, L40S and V100)."""
    launch_s: NonNegativeFloat = 0.0
    """Time of further launches that do not follow the clock: kernels that quantise, a program in Python."""
    compute: PositiveFloat = 0.853
    """Reached part of the peak before tiles, waves, overheads and clocks take theirs."""
    memory: PositiveFloat = 0.723
    """The same for the bandwidth of the memory."""
    overlap: PositiveFloat = 4
    """Exponent p of the soft maximum over compute, DRAM, L2 and tile supply; large is a hard maximum."""
    k_overhead: NonNegativeFloat = 127
    """Prologue and epilogue of one tile, in steps of k."""
    l2_reach: PositiveFloat = 0.9
    """Part of one L2 partition that operands may fill and still be found in it by half."""
    l2_edge: PositiveFloat = 12
    """How sharply hits end beyond that: the exponent of the footprint."""
    l2: PositiveFloat = 1.17
    """Reached part of the unit's `l2_bytes_per_s`."""
    split_cycles: NonNegativeFloat = 1110
    """Extra cost of splitting k, for each doubling, in clocks."""
    split_traffic: NonNegativeFloat = 1.8
    """Times that partial sums of a split product cross the L2."""
    wave_share: NonNegativeFloat = 0.6
    """1: waves are whole (ceil); 0: waves overlap perfectly."""
    choice: PositiveFloat = 24.0
    """Exponent of the soft minimum over tiles and splits; large is a library that always finds the best."""
    ops_per_byte: PositiveFloat = 58.4
    """Operations at peak for each byte that an SM can take in: small tiles starve."""
    throttle: NonNegativeFloat = 0.0547
    """Extra time of long arithmetic, when the clock has come down."""
    throttle_s: PositiveFloat = 0.001
    """Arithmetic after which half of the throttling has set in."""
    pj_per_op_nm: NonNegativeFloat = 0.0
    """Energy that the board takes for one operation of a long product, for each nm of its process: what `board_power_w`
    allows is the most that arithmetic reaches (T4, P4). 0 where power is no limit."""
    quantise: NonNegativeFloat = 0.0
    """Passes over the left operand that quantise it before the product."""


TENSOR = TileFit()
"""16-bit types on matrix cores. Source of this block and those below: joint fits over all measured GPUs, printed by
benchmarks/fit_gemm.py, for units without their own; the errors on GPUs left out are in docs/cost-models.md."""
SIMT = TileFit(
    launch_cycles=71500, compute=0.744, memory=0.412, k_overhead=9.8, l2=0.734, split_cycles=30, ops_per_byte=10,
    throttle=0, pj_per_op_nm=1.22, wave_share=0.9,
)  # fmt: skip
"""Ordinary lanes, f32. Most of the launch is the program in Python that most of these times include."""
NARROW = TileFit(
    launch_cycles=4900, launch_s=9.85e-6, compute=0.876, memory=0.742, k_overhead=299, l2=2.24, split_cycles=1710,
    ops_per_byte=112, throttle=0.47, quantise=1.59,
)  # fmt: skip
"""8-bit floats, with their quantisation (H100, L40S)."""
BYTES = TileFit(
    launch_cycles=12900, compute=0.882, memory=0.864, k_overhead=87.5, l2=4, split_cycles=7200, ops_per_byte=95,
    throttle=0.094,
)  # fmt: skip
"""16-bit products on weights of one byte: A100, the one GPU they were measured on."""
NIBBLES = TileFit(
    launch_cycles=13300, compute=0.767, memory=1.1, k_overhead=73.5, l2=4, split_cycles=10800, ops_per_byte=128,
    throttle=0.001,
)  # fmt: skip
"""The same for weights of half a byte."""


MATRIX_TYPES = (DType.F16, DType.BF16, DType.F8, DType.F4, DType.I8, DType.U8, DType.I4, DType.U4)
"""Types that matrix cores multiply."""


class TileFits(Fitted):
    """Constants by number type; a type without its own takes those of the next wider one."""

    f32: TileFit = SIMT
    """Products on the ordinary lanes."""
    f16: TileFit = TENSOR
    """bf16 as well."""
    f8: TileFit = NARROW
    """Activations come in f16 and are quantised; f4 as well where it has no figures of its own."""
    f4: TileFit | None = None
    i8: TileFit | None = None
    int8_wo: TileFit = BYTES
    """Weights of one byte that become 16 bits in the main loop."""
    int4_wo: TileFit = NIBBLES
    """Weights of half a byte, likewise."""

    def of(self, dtype: DType, weight: DType | None = None) -> TileFit:
        """The constants for arithmetic of the type, on weights that may be narrower."""
        if self.on_lanes(dtype):
            return self.f32
        match dtype:
            case DType.F8:
                return self.f8
            case DType.F4:
                return self.f4 or self.f8
            case DType.F16 | DType.BF16:
                return self._of_16_bits(weight)
        return self.i8 or self.f16

    def _of_16_bits(self, weight: DType | None) -> TileFit:
        if weight is None or weight.bits > 8:
            return self.f16
        return self.int8_wo if weight.bits == 8 else self.int4_wo

    def on_lanes(self, dtype: DType) -> bool:
        """Whether the ordinary lanes do products of the type."""
        return dtype not in MATRIX_TYPES


@dataclass(frozen=True, slots=True)
class Products:
    """Matrix products to price: sizes, bytes touched once, bytes of one element on each side, bandwidth that serves
    them, bytes of the weight (0 where both sides are activations). All arrays are of one length."""

    m: Array
    n: Array
    k: Array
    batch: Array
    bytes_moved: Array
    left_bytes: Array
    right_bytes: Array
    bytes_per_s: Array
    weight_bytes: Array

    def part(self, start: int) -> Products:
        """The TOGETHER products from `start` on."""
        return Products(*(getattr(self, name)[start : start + TOGETHER] for name in Products.__slots__))


@dataclass(frozen=True, slots=True)
class TileDevice:
    """What a GPU is by its data sheet, for one number type."""

    sms: int
    clock_hz: float
    ops_per_s: float
    l2_bytes: float
    """Of one partition, where SMs of both keep copies of what they read."""
    l2_bytes_per_s: float
    lanes: bool = False
    """Whether the ordinary lanes multiply, which come with tiles of their own."""
    watts_per_nm: float = 0.0
    """Power of the board over its process; 0 where one is unknown."""


def launch_seconds(device: TileDevice, fit: TileFit) -> float:
    """Floor of one product."""
    return fit.launch_cycles / device.clock_hz + fit.launch_s


def reached_ops_per_s(device: TileDevice, fit: TileFit) -> float:
    """Rate of long arithmetic: the reached part of the peak, or what the power of the board allows."""
    reached = fit.compute * device.ops_per_s
    if not (device.watts_per_nm and fit.pj_per_op_nm):
        return reached
    return min(reached, device.watts_per_nm / (fit.pj_per_op_nm * 1e-12))


def gemm_seconds(p: Products, device: TileDevice, fit: TileFit) -> Array:
    """Seconds without launch. Never falls when sizes or bytes grow.

    After COST_MODELS, "A GEMM form that held up": for each tile and split the soft maximum of arithmetic in waves over
    SMs, DRAM, L2 re-reads and the supply of one SM, plus the cost of the split; then the soft minimum over all of them.
    """
    parts = [_seconds(p.part(start), device, fit) for start in range(0, len(p.m), TOGETHER)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _seconds(p: Products, device: TileDevice, fit: TileFit) -> Array:
    tiles = SIMT_TILES if device.lanes else TILES
    grid = np.array([(tm, tn, s) for tm, tn in tiles for s in SPLITS], dtype=np.float64)
    tm, tn, splits = (axis[:, None] for axis in grid.T)
    steps = p.k / splits
    blocks = np.ceil(p.m / tm) * np.ceil(p.n / tn) * p.batch * splits
    waves = blocks / device.sms
    filled = fit.wave_share * np.ceil(waves) + (1 - fit.wave_share) * np.maximum(waves, 1.0)
    tile_bytes = tm * p.left_bytes + tn * p.right_bytes
    compute = filled * 2 * tm * tn * (steps + fit.k_overhead) * (device.sms / reached_ops_per_s(device, fit))
    compute *= 1 + fit.throttle * compute / (compute + fit.throttle_s)
    supply = filled * tile_bytes * (steps + fit.k_overhead) * (fit.ops_per_byte * device.sms / device.ops_per_s)
    per_byte = _missed(p, device, fit) / (fit.memory * p.bytes_per_s)
    dram = np.broadcast_to(p.bytes_moved * per_byte, compute.shape)
    partial = np.where(splits > 1, blocks * tm * tn * PARTIAL_BYTES * fit.split_traffic, 0.0)
    reread = (blocks * tile_bytes * steps + partial) / (fit.l2 * device.l2_bytes_per_s)
    soft = _soft_maximum((compute, supply, dram, reread), fit.overlap)
    soft += fit.split_cycles / device.clock_hz * np.log2(splits)
    quantising = fit.quantise * QUANTISED_BYTES * p.batch * p.m * p.k * (per_byte + 1 / device.l2_bytes_per_s)
    return _soft_minimum(soft, fit.choice) + quantising


def _missed(p: Products, device: TileDevice, fit: TileFit) -> Array:
    """The part of all operands that the L2 does not hold: it holds what is touched, and the weights that are read
    between two uses of one, or hardly anything."""
    footprint = p.bytes_moved + RETURNS_AFTER * p.weight_bytes
    missed: Array = 1 - 1 / (1 + (footprint / (fit.l2_reach * device.l2_bytes)) ** fit.l2_edge)
    return missed


def _soft_maximum(parts: tuple[Array, ...], exponent: float) -> Array:
    longest = np.maximum.reduce(parts)
    total: Array = longest * sum((part / longest) ** exponent for part in parts) ** (1 / exponent)
    return total


def _soft_minimum(times: Array, exponent: float) -> Array:
    """A library chooses by a heuristic among many kernels that are nearly as good; more good ones, a better choice."""
    best = times.min(axis=0)
    total: Array = best * ((best / times) ** exponent).sum(axis=0) ** (-1 / exponent)
    return total
