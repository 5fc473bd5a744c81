"""The sub-blocks of compute-in-memory unit files: energies of the arrays and what writing them takes."""

from __future__ import annotations

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from targets.models.blocks import Block
from targets.models.rates import ceil_div


class ArrayEnergy(Block):
    """Energies of one read of an array, picojoules; generic ones of the process stand for those left away."""

    adc_conversion: NonNegativeFloat | None = None
    """Per conversion, one per column and read."""
    dac_row: NonNegativeFloat | None = None
    """Per active row and read."""
    cell: NonNegativeFloat | None = None
    """Per cell and read."""
    shift_add: NonNegativeFloat | None = None
    """Per column and read."""
    buffer_per_bit: NonNegativeFloat = 0.0
    """Registers at the array: per input bit brought to an array and per bit of a partial sum."""


class Network(Block):
    """What carries partial sums between the row tiles of a matrix that sit on different cores (COST_MODELS eq. 7)."""

    arrays_per_core: PositiveInt
    bandwidth_bytes_per_s: PositiveFloat
    """Of all cores together."""
    energy_pj_per_bit: NonNegativeFloat

    def bits(self, row_tiles: int, n: int, accumulator_bits: int) -> int:
        """Bits that travel for one vector; a core takes neighbouring row tiles."""
        return (ceil_div(row_tiles, self.arrays_per_core) - 1) * n * accumulator_bits


class Write(Block):
    """Programming of the cells."""

    latency_s: NonNegativeFloat
    """One write step, verify included."""
    energy_pj: NonNegativeFloat
    """Per cell."""
    endurance: PositiveFloat | None = None
    """Writes a cell survives; None: SRAM, which does not wear out."""
    cells_at_once: PositiveInt = 1
    """Cells of an array written in one step: 1 with write-verify of each, `columns` where rows are written whole."""
    arrays_at_once: PositiveInt | None = None
    """Arrays programmed side by side; None: all of them."""


class MacroEnergy(Block):
    """Energies of the macro, picojoules."""

    mac: NonNegativeFloat = 0.0
    """One MAC in the native widths (`weight_bits` x `computes.matmul.inputs`), adder tree included."""
    driver: NonNegativeFloat = 0.0
    """Per weight and cycle: clock, input lines and the share of the accumulators."""
    cell: NonNegativeFloat = 0.0
    """Per bit of a weight and cycle: multiplier and adder beside the cell."""
    buffer_per_bit: NonNegativeFloat = 0.0
    """Registers at the macro: per input bit brought to it and per bit of a partial sum."""


class RowWrite(Block):
    """Writing weights into the macros."""

    latency_s: NonNegativeFloat
    """One row of one macro."""
    energy_pj_per_bit: NonNegativeFloat
    endurance: PositiveFloat | None = None
    """Writes a cell survives; None: SRAM, which does not wear out."""
    arrays_at_once: PositiveInt | None = None
    """Macros written side by side; None: all of them."""
