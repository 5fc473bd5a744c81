"""The systolic DSA unit model: matrix arrays with tile loops over SRAM, and vector lanes beside them."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, NonNegativeFloat, PositiveFloat, PositiveInt

from mapper.hw.work import Cost, DType, Feed, UnitModel, Work
from targets.models.blocks import NumberType, PerType, VectorBlock


class Systolic(UnitModel):
    """Systolic arrays of rows x columns MACs (COST_MODELS, "Systolic and vector DSAs"; cycles as SCALE-Sim counts them)."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    rows: PositiveInt
    columns: PositiveInt
    arrays: PositiveInt = 1
    """Equal arrays that share one matrix product by tiles."""
    clock_hz: PositiveFloat
    rate: PerType
    """MACs per cell and cycle by type, e.g. {i8: 1, f16: 0.5}; 0 or absent where the type is not computed."""
    static_dtype: NumberType = DType.I8
    """Type of products with a static side when no precision is asked for."""
    dynamic_dtype: NumberType = DType.F16
    """Type of products of two activations, and of attention."""
    dataflows: tuple[Literal["weight", "output"], ...] = ("weight", "output")
    """What may stay in the array; the quicker one is taken for each product."""
    sram_bytes: PositiveInt
    """Scratchpad; half of it holds the tile at work and half the next one."""
    sram_energy_pj_per_bit: NonNegativeFloat = 0.0
    energy_pj_per_mac: PerType
    vector: VectorBlock
    """Lanes for everything that is not a product; `kinds` lists what they take."""
    memory_efficiency: PositiveFloat = 0.9
    """Part of the memory bandwidth that long DMA bursts reach."""
    task_overhead_s: NonNegativeFloat = 1e-6
    """Start of one task: descriptor fetch and first DMA latency; not paid by fused work."""
    error_band: PositiveFloat = 0.3
