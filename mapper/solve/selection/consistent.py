"""Arc consistency: options that cannot be part of any solution go."""

from __future__ import annotations

import numpy as np

from mapper.solve.selection import reduce_kernels as kernels
from mapper.solve.selection.arrays import Arrays, pieces_of
from mapper.solve.selection.eliminate import ContradictionError
from mapper.solve.selection.expand import Step
from mapper.solve.selection.problem import FORBIDDEN
from mapper.solve.selection.rebuild import only
from mapper.solve.selection.rows import Flags, Ints, runs


def consistent(arrays: Arrays) -> tuple[Arrays, list[Step]]:
    """Without options that are forbidden, use more than a row has, or leave a neighbour without a partner."""
    alive = (arrays.cost < FORBIDDEN) & ~_too_large(arrays)
    some = np.logical_or.reduceat(alive, arrays.first[:-1]) if arrays.nodes else alive
    if not some.all():
        raise ContradictionError(int(np.argmin(some)))
    m = arrays.edges
    lost = kernels.arc_consistent(
        arrays.first, arrays.edge_a, arrays.edge_b, arrays.edge_first, arrays.edge_cost, arrays.first_incident,
        arrays.incident, alive, np.arange(m), np.ones(m, dtype=np.bool_), m,
    )  # fmt: skip
    if lost >= 0:
        raise ContradictionError(lost)
    return only(arrays, alive)


def _too_large(arrays: Arrays) -> Flags:
    """Options that alone use more than a row of one of their pieces has."""
    found = np.zeros(len(arrays.cost), dtype=np.bool_)
    if not arrays.rows:
        return found
    strictest = _least_in(arrays.limit, arrays.piece_start, arrays.piece_end)
    owner = pieces_of(arrays).owner
    counts = arrays.options[owner]
    over = arrays.usage > np.repeat(strictest, counts)
    found[runs(arrays.first[owner], counts)[over]] = True
    return found


def _least_in(values: Ints, start: Ints, end: Ints) -> Ints:
    """The least value in each non-empty range, from a table of the least of 1, 2, 4, ... values."""
    table = [values]
    while 2 ** len(table) <= len(values):
        last, half = table[-1], 2 ** (len(table) - 1)
        table.append(np.minimum(last[:-half], last[half:]))
    level = np.floor(np.log2(np.maximum(end - start, 1))).astype(np.int64)
    least = np.empty(len(start), dtype=np.int64)
    for k, column in enumerate(table):
        at = np.flatnonzero(level == k)
        least[at] = np.minimum(column[start[at]], column[end[at] - 2**k])
    return least
