"""The GPU unit model: tiled matrix products in waves over SMs, streaming kernels, attention, launches."""

from __future__ import annotations

from pydantic import ConfigDict, NonNegativeFloat, PositiveFloat, PositiveInt

from mapper.hw.work import Cost, DType, Feed, UnitModel, Work
from targets.models.blocks import Efficiency, NumberType, PerType


class Gpu(UnitModel):
    """A GPU or a GPU-like tile (COST_MODELS, "GPU, CPU, TPU-like units"). Peaks are dense, a MAC counting two."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    sms: PositiveInt
    """Streaming multiprocessors (compute units): blocks of a kernel run in waves over them."""
    clock_hz: PositiveFloat
    matrix_ops_per_s: PerType
    """Dense peak of the matrix cores of the whole unit, by type."""
    vector_ops_per_s: PerType
    """Peak of the ordinary lanes of the whole unit, by type."""
    native: NumberType = DType.F16
    """Type of matrix products when no precision is asked for; all else runs in f16."""
    efficiency: Efficiency = Efficiency()
    """Reached parts of the peaks; `matmul` and `memory` are the fitted ec and eb of the tile model."""
    launch_s: NonNegativeFloat = 5e-6
    """Floor of one kernel: launch and drain."""
    l2_bytes: PositiveInt
    l2_bytes_per_cycle_per_sm: PositiveFloat = 64.0
    overlap: PositiveFloat = 4.0
    """Exponent p of the soft maximum over compute, DRAM and L2 time; large is a hard maximum."""
    k_overhead: NonNegativeFloat = 64.0
    """Prologue and epilogue of one tile, in steps of k."""
    l2_reach: PositiveFloat = 1.0
    """Operands up to this many times `l2_bytes` are found in L2 by half."""
    split_s: NonNegativeFloat = 1e-6
    """Extra cost of each further split of k."""
    wave_share: NonNegativeFloat = 0.5
    """1: waves are whole (ceil); 0: waves overlap perfectly."""
    energy_pj_per_op: PerType
    """Energy of one operation by type, registers and shared memory included."""
    l2_energy_pj_per_bit: NonNegativeFloat = 0.0
    launch_energy_pj: NonNegativeFloat = 0.0
    error_band: PositiveFloat = 0.25
