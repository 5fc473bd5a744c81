"""What every choice with an option costs at least, for each option, from the messages of the dual bound."""

from __future__ import annotations

import math

import numpy as np

from mapper.solve.selection.dual import Dual
from mapper.solve.selection.rows import Ints, runs

ROUNDING = 2.0**-50
"""Of the largest cost, what each step of the arithmetic may be wrong by; one step is counted per pair of options."""


def option_bounds(dual: Dual) -> Ints:
    """A lower bound, per option, of the cost of all choices that take it and keep the limits.

    After a pass of TRW-S each node's own cost plus its messages is, up to a constant, the sum of its min-marginals in
    the chains that the bound adds up (Kolmogorov 2006): taking an option costs its excess over the least on top.
    """
    from mapper.solve.selection import dual_kernels as kernels

    a = dual.arrays
    if not math.isfinite(dual.best):
        return np.full(len(a.cost), dual.bound(), dtype=np.int64)
    unary = np.minimum(a.cost, dual.most).astype(np.float64) + dual.option_prices(dual.best_prices)
    messages = dual.best_messages.copy()
    kernels.sweep(
        True, a.first, unary, a.edge_a, a.edge_b, a.edge_first, a.edge_cost, a.first_incident, a.incident,
        dual.message_first, messages, float(dual.most), dual.choice.copy(),
    )  # fmt: skip
    options = a.options
    for ends, begins in ((a.edge_a, 0), (a.edge_b, options[a.edge_a])):
        counts = options[ends]
        told = messages[runs(dual.message_first[:-1] + begins, counts)]
        np.add.at(unary, runs(a.first[ends], counts), told)
    excess = unary - np.repeat(np.minimum.reduceat(unary, a.first[:-1]), options)
    slack = 1.0 + ROUNDING * float(dual.most) * (len(a.edge_cost) + len(unary))
    bound = min(float(dual.bound()), dual.best)
    most = float(2**62)
    bounds: Ints = np.floor(np.clip(bound + excess - slack - 1e-9 * abs(bound), -most, most)).astype(np.int64)
    return bounds
