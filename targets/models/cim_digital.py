"""The digital compute-in-memory unit model: SRAM whose bits are multiplied beside the cell, exactly."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict, NonNegativeFloat, PositiveFloat, PositiveInt

from mapper.hw.work import Cost, DType, Feed, Storage, UnitModel, Work
from targets.models.blocks import Block, BufferBlock, Computes, VectorBlock


class MacroEnergy(Block):
    """Energies of the macro, picojoules."""

    mac: NonNegativeFloat
    """One MAC in the native widths (`weight_bits` x `computes.matmul.inputs`), adder tree included."""
    buffer_per_bit: NonNegativeFloat = 0.0
    """Registers at the macro: per input bit brought to it and per bit of a partial sum."""


class RowWrite(Block):
    """Writing weights into the macros."""

    latency_s: NonNegativeFloat
    """One row of one macro."""
    energy_pj_per_bit: NonNegativeFloat
    arrays_at_once: PositiveInt | None = None
    """Macros written side by side; None: all of them."""


class CimDigital(UnitModel):
    """Digital SRAM macros with weights beside the multipliers (COST_MODELS, "Compute in memory", eq. 5 and 8)."""

    model_config = ConfigDict(use_attribute_docstrings=True)
    engine: ClassVar[str] = "spatial"
    streams_weights: ClassVar[bool] = True

    arrays: PositiveInt
    """Macros (cores)."""
    rows: PositiveInt
    """Weights summed in one output, of one bank."""
    columns: PositiveInt
    """Outputs of a macro, each `weight_bits` wide."""
    weight_bits: PositiveInt = 8
    banks: PositiveInt = 1
    """Weight sets behind one multiplier: more capacity, not more rate; from 2 on, writing hides behind computing."""
    bits_per_cycle: PositiveInt = 1
    """Input bits taken in one cycle."""
    active_rows: PositiveInt | None = None
    """Rows summed in one cycle; None: all of them."""
    clock_hz: PositiveFloat
    energy_pj: MacroEnergy
    write: RowWrite
    computes: Computes = Computes()
    allow_dynamic: bool = False
    """True: products of two activations run here too, one of them written first, at its cost."""
    accumulator_bits: PositiveInt = 32
    vector: VectorBlock | None = None
    """Digital lanes; without them only products run here."""
    buffer: BufferBlock | None = None
    """SRAM for activations; exposed as the memory `<unit>.buffer`."""
    task_overhead_s: NonNegativeFloat = 0.0
    error_band: PositiveFloat = 0.3
