"""Cycles of a matrix product on systolic arrays, by what stays in the array."""

from __future__ import annotations

from typing import Literal

from targets.models.rates import ceil_div

Dataflow = Literal["weight", "weight-buffered", "input", "output"]
"""What stays in the array: weights (loaded between products, or behind them), inputs, or partial sums."""


def product_cycles(dataflow: Dataflow, m: int, n: int, k: int, rows: int, columns: int, arrays: int = 1) -> int:
    """Cycles of one product m x k x n, folded over `arrays` arrays of rows x columns cells.

    As SCALE-Sim 3.0.0 counts (Samajdar et al., ISPASS 2020; benchmarks/scalesim.py compares). Operands enter skewed
    along the edges, so a fold of `steady` steps takes rows + columns + steady - 2 cycles; what stays in the array is
    shifted in before that, a row a cycle. Partial sums that stay are written from their cells. "weight-buffered"
    shifts the next weights in behind the product at work (Jouppi et al., TPU, ISCA 2017), so that fill and drain are
    paid once. Arrays share the folds, or else the steady part, whichever is quicker.
    """
    folds, steady = {
        "weight": (ceil_div(k, rows) * ceil_div(n, columns), m),
        "weight-buffered": (ceil_div(k, rows) * ceil_div(n, columns), m),
        "input": (ceil_div(k, rows) * ceil_div(m, columns), n),
        "output": (ceil_div(m, rows) * ceil_div(n, columns), k),
    }[dataflow]

    def cycles(folds: int, steady: int) -> int:
        if dataflow == "weight-buffered":
            return 2 * rows + columns - 2 + (folds - 1) * max(rows, steady) + steady
        loading = 0 if dataflow == "output" else rows
        return folds * (loading + rows + columns + steady - 2)

    return min(cycles(ceil_div(folds, arrays), steady), cycles(folds, ceil_div(steady, arrays)))
