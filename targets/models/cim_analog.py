"""The analog compute-in-memory unit model: weights in crossbars of RRAM, PCM, flash or analog SRAM."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict, NonNegativeFloat, PositiveFloat, PositiveInt

from mapper.hw.work import Cost, DType, Feed, Storage, UnitModel, Work
from targets.models.blocks import Block, BufferBlock, Computes, VectorBlock


class ArrayEnergy(Block):
    """Energies of one read of an array, picojoules."""

    adc_conversion: NonNegativeFloat
    """Per conversion, one per column and read."""
    dac_row: NonNegativeFloat
    """Per active row and read."""
    cell: NonNegativeFloat = 0.0
    """Per cell and read."""
    shift_add: NonNegativeFloat = 0.0
    """Per column and read."""
    buffer_per_bit: NonNegativeFloat = 0.0
    """Registers at the array: per input bit brought to an array and per bit of a partial sum."""


class Write(Block):
    """Programming of the cells."""

    latency_s: NonNegativeFloat
    """One write step, verify included."""
    energy_pj: NonNegativeFloat
    """Per cell."""
    endurance: PositiveFloat
    """Writes a cell survives."""
    cells_at_once: PositiveInt = 1
    """Cells of an array written in one step: 1 with write-verify of each cell, `columns` where a row is written whole."""
    arrays_at_once: PositiveInt | None = None
    """Arrays programmed side by side; None: all of them."""


class CimAnalog(UnitModel):
    """Crossbars that hold static weights and multiply where they are (COST_MODELS, "Compute in memory", eq. 1-9)."""

    model_config = ConfigDict(use_attribute_docstrings=True)
    engine: ClassVar[str] = "spatial"
    streams_weights: ClassVar[bool] = False

    arrays: PositiveInt
    rows: PositiveInt
    columns: PositiveInt
    cell_bits: PositiveInt
    differential: bool = False
    """True: a weight takes two columns, one for each sign."""
    dac_bits: PositiveInt = 1
    adc_bits: PositiveInt = 8
    adcs_per_array: PositiveInt = 1
    active_rows: PositiveInt | None = None
    """Rows read together; None: all of them."""
    read_time_s: PositiveFloat
    """Settling of the array for one slice of the input."""
    adc_time_s: NonNegativeFloat
    """One conversion."""
    energy_pj: ArrayEnergy
    write: Write
    computes: Computes = Computes()
    accumulator_bits: PositiveInt = 24
    """Width of the partial sums that travel between row tiles."""
    vector: VectorBlock | None = None
    """Digital lanes of the chiplet; without them only products run here."""
    buffer: BufferBlock | None = None
    """SRAM for activations; exposed as the memory `<unit>.buffer`."""
    task_overhead_s: NonNegativeFloat = 0.0
    error_band: PositiveFloat = 0.3
