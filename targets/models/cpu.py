"""The CPU unit model: cores with SIMD or matrix units behind a cache; runs every kind of Work."""

from __future__ import annotations

from pydantic import ConfigDict, NonNegativeFloat, PositiveFloat, PositiveInt

from mapper.hw.work import Cost, DType, Feed, UnitModel, Work
from targets.models.blocks import Efficiency, NumberType, PerType


class Cpu(UnitModel):
    """A multicore processor as a roofline with a cache and a fixed cost per op (COST_MODELS, "GPU, CPU").

    Peaks are per core and cycle, a MAC counting two operations.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)

    cores: PositiveInt
    clock_hz: PositiveFloat
    matrix_ops_per_cycle: PerType
    """Operations per core and cycle in matrix products, by type (2 per MAC): AVX-512 f32 with two FMA ports is 64."""
    vector_ops_per_cycle: PerType
    """Operations per core and cycle in element-by-element code, by type."""
    matmul_dtype: NumberType = DType.F32
    """Type of matrix products when no precision is asked for."""
    vector_dtype: NumberType = DType.F32
    """Type of all other arithmetic and of the results left in memory."""
    efficiency: Efficiency = Efficiency()
    op_overhead_s: NonNegativeFloat = 5e-6
    """Dispatch and thread start of one op that is not fused."""
    cache_bytes: PositiveInt
    """Last-level cache: activations up to this size are assumed to be still in it."""
    cache_bandwidth_bytes_per_s: PositiveFloat
    energy_pj_per_op: PerType
    """Energy of one operation by type, everything up to the first-level cache included."""
    cache_energy_pj_per_bit: NonNegativeFloat = 0.0
    overhead_energy_pj: NonNegativeFloat = 0.0
    """Energy of one dispatch."""
    error_band: PositiveFloat = 0.5
