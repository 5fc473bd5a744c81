"""The vector DSA unit model: SIMD lanes over a scratchpad; slow at matrix products, at home in everything else."""

from __future__ import annotations

from pydantic import ConfigDict, NonNegativeFloat, PositiveFloat, PositiveInt

from mapper.hw.work import Cost, DType, Feed, UnitModel, Work
from targets.models.blocks import NumberType, PerType


class Vector(UnitModel):
    """A SIMD processor fed by DMA, as a roofline (COST_MODELS, "Systolic and vector DSAs")."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    lanes: PositiveInt
    clock_hz: PositiveFloat
    rate: PerType
    """Operations per lane and cycle by type; a MAC counts two, so an FMA lane in f16 has {f16: 2}."""
    native: NumberType = DType.F16
    efficiency: PositiveFloat = 0.8
    """Part of the lanes that real code keeps busy."""
    memory_efficiency: PositiveFloat = 0.9
    sram_bytes: PositiveInt
    """Scratchpad for the operands of a matrix product that are read again."""
    sram_energy_pj_per_bit: NonNegativeFloat = 0.0
    energy_pj_per_op: PerType
    task_overhead_s: NonNegativeFloat = 1e-6
    error_band: PositiveFloat = 0.4
