"""Dominance: an option goes when another of its node can always stand in for it."""

from __future__ import annotations

import numpy as np

from mapper.solve.selection import reduce_kernels as kernels
from mapper.solve.selection.arrays import Arrays
from mapper.solve.selection.expand import Step
from mapper.solve.selection.problem import FORBIDDEN
from mapper.solve.selection.rebuild import add_costs, only
from mapper.solve.selection.rows import Ints, runs

SAMPLES = 16
"""Choices under which two options are compared before they are compared under all."""


def undominated(arrays: Arrays) -> tuple[Arrays, list[Step]]:
    """Without options that another of the node replaces: it uses no more memory anywhere and never costs more.

    Costs no more whatever each neighbour chooses: Goldstein's criterion for dead-end elimination (1994).
    """
    alive = np.ones(len(arrays.cost), dtype=np.bool_)
    kernels.undominated(
        arrays.first, arrays.cost, arrays.piece_first, arrays.usage_first, arrays.usage, arrays.edge_a, arrays.edge_b,
        arrays.edge_first, arrays.edge_cost, arrays.first_incident, arrays.incident, _sampled(arrays), alive,
    )  # fmt: skip
    return only(arrays, alive)


def _sampled(arrays: Arrays) -> Ints:
    """The cost of each option under choices of all others: [options, samples]. Most pairs of options are told apart."""
    random = np.random.default_rng(0)
    options = arrays.options
    a, b = options[arrays.edge_a], options[arrays.edge_b]
    to = np.concatenate([runs(arrays.first[arrays.edge_a], a), runs(arrays.first[arrays.edge_b], b)])
    row, column = runs(np.zeros_like(a), a), runs(np.zeros_like(b), b)
    begins, wide = arrays.edge_first[:-1], np.repeat(b, a)
    found = np.empty((len(arrays.cost), SAMPLES), dtype=np.int64)
    for s in range(SAMPLES):
        choice = (random.random(arrays.nodes) * options).astype(np.int64)
        of_a = np.repeat(begins + choice[arrays.edge_b], a) + row * wide
        of_b = np.repeat(begins + choice[arrays.edge_a] * b, b) + column
        cost = arrays.cost.copy()
        add_costs(cost, to, arrays.edge_cost[np.concatenate([of_a, of_b])])
        found[:, s] = np.minimum(cost, FORBIDDEN)
    return found
