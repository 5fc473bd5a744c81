"""The sub-blocks of compute-in-memory unit files: energies of the arrays and what writing them takes."""

from __future__ import annotations

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from targets.models.blocks import Block


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
    """Cells of an array written in one step: 1 with write-verify of each, `columns` where rows are written whole."""
    arrays_at_once: PositiveInt | None = None
    """Arrays programmed side by side; None: all of them."""


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
