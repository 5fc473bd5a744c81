"""The arithmetic of arrays that hold weights: how many a matrix needs, how long and how dear one product is."""

from __future__ import annotations

from targets.models.rates import ceil_div


def arrays_needed(
    k: int,
    n: int,
    *,
    rows: int,
    columns: int,
    weight_bits: int,
    cell_bits: int,
    differential: bool = False,
    copies: int = 1,
) -> int:
    """Arrays that hold `copies` weight matrices k x n (COST_MODELS eq. 1).

    A weight takes ceil(weight_bits / cell_bits) columns, twice as many with differential storage. Several small
    matrices (groups of a depthwise convolution) share an array along its diagonal.
    """
    outputs = outputs_per_array(columns, weight_bits, cell_bits, differential)
    if copies > 1 and k <= rows and n <= outputs:
        return ceil_div(copies, min(rows // k, outputs // n))
    return copies * ceil_div(k, rows) * ceil_div(n, outputs)


def outputs_per_array(columns: int, weight_bits: int, cell_bits: int, differential: bool = False) -> int:
    """Whole weights side by side in one row of an array; 0 when one weight is wider than the array."""
    return columns // ((2 if differential else 1) * ceil_div(weight_bits, cell_bits))


def reads_per_mvm(*, input_bits: int, dac_bits: int, rows: int, active_rows: int | None = None) -> int:
    """Reads of an array for one vector: input slices times passes over its rows (COST_MODELS eq. 2)."""
    return ceil_div(input_bits, dac_bits) * ceil_div(rows, active_rows or rows)


def mvm_seconds(
    *,
    input_bits: int,
    dac_bits: int,
    rows: int,
    columns: int,
    adcs: int,
    read_time_s: float,
    adc_time_s: float,
    active_rows: int | None = None,
) -> float:
    """Time of one matrix-vector product, conversion overlapped with the next read (COST_MODELS eq. 2), seconds."""
    reads = reads_per_mvm(input_bits=input_bits, dac_bits=dac_bits, rows=rows, active_rows=active_rows)
    return reads * max(read_time_s, ceil_div(columns, adcs) * adc_time_s)


def exact_adc_bits(rows: int, dac_bits: int, cell_bits: int) -> int:
    """ADC bits with which no sum of a column is clipped (COST_MODELS eq. 3; Shafiee et al., ISAAC, 2016)."""
    return (rows - 1).bit_length() + dac_bits + cell_bits - (1 if dac_bits == 1 or cell_bits == 1 else 0)


def digital_mvm_seconds(
    *, input_bits: int, bits_per_cycle: int, rows: int, clock_hz: float, active_rows: int | None = None
) -> float:
    """Time of one matrix-vector product of a digital macro (COST_MODELS eq. 5), seconds."""
    return ceil_div(input_bits, bits_per_cycle) * ceil_div(rows, active_rows or rows) / clock_hz


def overlapped_seconds(rounds: int, load_s: float, last_load_s: float, busy_s: float) -> float:
    """Time of arithmetic in rounds, each of which needs what is loaded for it, with a second bank to load the next
    round's behind it (COST_MODELS eq. 8), seconds.

    load_s: of each round but the last, which may have less to load; busy_s: of the arithmetic, the same in each round.
    The longest chain of a flow shop of two machines: loads up to some round, then arithmetic from it on.
    """
    if rounds < 2:
        return last_load_s + busy_s
    each = busy_s / rounds
    return max(load_s + busy_s, (rounds - 1) * load_s + each + max(last_load_s, each))
