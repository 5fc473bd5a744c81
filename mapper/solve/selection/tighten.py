"""Fewer rows of memory: those go that a neighbouring row implies, whatever is chosen."""

from __future__ import annotations

import numpy as np

from mapper.solve.selection.arrays import Arrays, pieces_of, with_pieces
from mapper.solve.selection.expand import Step
from mapper.solve.selection.reduce_kernels import implied_by_neighbours
from mapper.solve.selection.rows import compressed, joined, offsets, only_rows

EVENTS = 2000
"""Pieces that start or end between two rows that are compared, at most."""


def tighten(arrays: Arrays) -> tuple[Arrays, list[Step]]:
    """Without rows that are kept whenever a row beside them is."""
    pieces, rows = pieces_of(arrays), arrays.rows
    if rows < 2:
        return arrays, []
    starting, ending = (np.argsort(at, kind="stable") for at in (pieces.start, pieces.end))
    starting_first, ending_first = (offsets(np.bincount(at, minlength=rows + 1)) for at in (pieces.start, pieces.end))
    gone = np.zeros(rows, dtype=np.bool_)
    implied_by_neighbours(
        arrays.first, pieces.owner, pieces.start, pieces.end, pieces.usage_first, pieces.usage, pieces.limit,
        starting, ending, starting_first, ending_first, np.arange(1, rows + 1), np.arange(-1, rows - 1),
        np.arange(rows), np.ones(rows, dtype=np.bool_), np.zeros_like(arrays.cost), np.zeros(EVENTS, dtype=np.int64),
        gone,
    )  # fmt: skip
    if not gone.any():
        return arrays, []
    return with_pieces(arrays, compressed(joined(only_rows(pieces, ~gone)))), []
