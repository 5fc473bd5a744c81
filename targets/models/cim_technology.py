"""Energies of converters, cells and gates by process and supply, for arrays that nobody has measured."""

from __future__ import annotations

from targets.models.cim_blocks import ArrayEnergy, MacroEnergy

TABLE_PJ = {4: 0.79, 5: 0.99, 6: 1.2, 8: 1.667, 9: 2.583}
"""Per conversion at 32 nm: 8 bits of ISAAC (ISCA 2016), scaled to fewer bits, 9 of Newton; accelergy-library (read)."""

TABLE_NODE_NM, TABLE_V = 32.0, 0.9

GATE_FF, GATE_NODE_NM = 0.7, 28.0
"""Capacitance of a two-input NAND gate at 28 nm (ZigZag-IMC, ICCAD 2023; read)."""

DAC_FF_PER_BIT = 50.0
"""Capacitance of an input driver by bits of its DAC (ZigZag-IMC; read); a driver of one bit charges its row alone."""

ADDER_GATES = 6.0
"""A full adder as three NAND and two XOR gates, an XOR taking 1.5 times the charge of a NAND (ZigZag-IMC; read)."""

ACTIVITY = 0.3
"""Part of the adders that switch in a cycle: the mean of three digital macros (benchmarks/fit_cim.py)."""


def conversion_pj(bits: int, node_nm: float, volts: float) -> float:
    """A conversion: by the table where it has the width, else between its neighbours; energy goes with node times V^2.

    Outside the table: halved for each bit below (Walden, JSAC 1999: so much for each step) and four times as much for
    each bit above (thermal noise; Schreier and Temes, 2005). Capacitances shrink with the node (Dennard, JSSC 1974).
    """
    return _at_table_node(bits) * node_nm / TABLE_NODE_NM * (volts / TABLE_V) ** 2


def _at_table_node(bits: int) -> float:
    low, high = min(TABLE_PJ), max(TABLE_PJ)
    if bits in TABLE_PJ:
        return TABLE_PJ[bits]
    if bits < low:
        return TABLE_PJ[low] / float(2 ** (low - bits))
    if bits > high:
        return TABLE_PJ[high] * float(4 ** (bits - high))
    return float((TABLE_PJ[bits - 1] * TABLE_PJ[bits + 1]) ** 0.5)


def _gate_pj(node_nm: float, volts: float) -> float:
    """Charging the input of a gate."""
    return GATE_FF * 1e-3 * node_nm / GATE_NODE_NM * volts**2


def array_energy(*, columns: int, dac_bits: int, adc_bits: int, node_nm: float, volts: float) -> ArrayEnergy:
    """The generic energies of an analog array: half a gate for the cell's bit line and half for its multiplier."""
    gate = _gate_pj(node_nm, volts)
    row = columns * gate / 2 if dac_bits == 1 else DAC_FF_PER_BIT * 1e-3 * dac_bits * volts**2
    return ArrayEnergy(
        adc_conversion=conversion_pj(adc_bits, node_nm, volts),
        dac_row=row,
        cell=gate,
        shift_add=0.0 if dac_bits > 1 else 2 * adc_bits * ADDER_GATES * ACTIVITY * gate,
    )


def macro_energy(*, bits_per_cycle: int, node_nm: float, volts: float) -> MacroEnergy:
    """The generic energies of a digital macro: half a gate and an adder for each bit of weight and bit of input."""
    gate = _gate_pj(node_nm, volts)
    return MacroEnergy(cell=bits_per_cycle * (0.5 + ACTIVITY * ADDER_GATES) * gate)
