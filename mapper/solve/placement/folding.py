"""Folds a linear program along what no coefficient can tell apart: alike units, alike layers.

Grohe, Kersting, Mladenov, Selman: Dimension Reduction via Colour Refinement (ESA 2014). The sums of the columns of a
class and of the rows of a class make a program with the same optimum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mapper.solve.placement.program import Program
from mapper.solve.placement.tables import Floats, Ints

Hashes = npt.NDArray[np.uint64]

EQUAL = 1e-9
"""Relative difference up to which sums of the same coefficients in another order count as equal."""


@dataclass(frozen=True)
class Folded:
    """A program whose columns and rows are sums over classes: column_of and row_of are the class of each."""

    program: Program
    column_of: Ints
    row_of: Ints

    def unfolded(self, columns: Floats) -> Floats:
        """The point of the whole program that spreads each class evenly."""
        spread: Floats = (columns / np.bincount(self.column_of))[self.column_of]
        return spread


def folded(program: Program, marks: Mapping[int, int] | None = None) -> Folded:
    """The program folded along its coarsest equitable partition; columns of different marks stay apart."""
    column_of, row_of = _refined(program, marks or {})
    found = _sums(program, column_of, row_of)
    if found is None:  # two hashes met: every column and row is a class of its own
        column_of, row_of = np.arange(len(program.cost)), np.arange(len(program.row_low))
        found = program
    return Folded(found, column_of, row_of)


def _numbered(*keys: Ints | Hashes) -> Ints:
    """A number for each position, equal where all keys are."""
    rows = np.stack([key.astype(np.uint64) for key in keys], axis=1)
    whole = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    found: Ints = np.unique(whole, return_inverse=True)[1].astype(np.int64)
    return found


def _values(values: list[float]) -> Ints:
    found: Ints = np.unique(np.array(values, dtype=np.float64), return_inverse=True)[1].astype(np.int64)
    return found


def _refined(program: Program, marks: Mapping[int, int]) -> tuple[Ints, Ints]:
    """Colour refinement: columns and rows are told apart by the weights of the colours that they meet."""
    marked = np.full(len(program.cost), -1, dtype=np.int64)
    marked[list(marks)] = list(marks.values())
    column = _numbered(_values(program.cost), _values(program.low), _values(program.high), marked)
    row = _numbered(_values(program.row_low), _values(program.row_high))
    at_row: Ints = np.array(program.at_row, dtype=np.int64)
    at_column: Ints = np.array(program.at_column, dtype=np.int64)
    random = np.random.default_rng(0)
    weight = _keys(random, _values(program.weight))
    while True:
        before = column.max(initial=0), row.max(initial=0)
        row = _numbered(row, _met(weight ^ _keys(random, column)[at_column], at_row, len(row)))
        column = _numbered(column, _met(weight ^ _keys(random, row)[at_row], at_column, len(column)))
        if (column.max(initial=0), row.max(initial=0)) == before:
            return column, row


def _keys(random: np.random.Generator, colours: Ints) -> Hashes:
    """A random word for each colour, at each position."""
    return random.integers(0, 2**63, int(colours.max(initial=0)) + 1, dtype=np.uint64)[colours]


def _met(words: Hashes, at: Ints, many: int) -> Hashes:
    """Per position, a sum of mixed words (splitmix64) that does not depend on their order."""
    mixed = words * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    found = np.zeros(many, dtype=np.uint64)
    np.add.at(found, at, mixed)
    return found


def _sums(program: Program, column_of: Ints, row_of: Ints) -> Program | None:
    """The program of sums; None when the partition is not equitable."""
    rows, columns = int(row_of.max(initial=-1)) + 1, int(column_of.max(initial=-1)) + 1
    # the weight of each column in each class of rows, and whether all columns of a class agree on it
    pair = row_of[np.array(program.at_row, dtype=np.int64)] * len(column_of) + np.array(program.at_column, np.int64)
    pairs, at = np.unique(pair, return_inverse=True)
    weight = np.bincount(at, np.array(program.weight), minlength=len(pairs))
    row, column = pairs // len(column_of), column_of[pairs % len(column_of)]
    cells, at = np.unique(row * columns + column, return_inverse=True)
    size = np.bincount(column_of, minlength=columns)
    many = np.bincount(at, minlength=len(cells))
    mean = np.bincount(at, weight, minlength=len(cells)) / many
    if (many != size[cells % columns]).any() or (np.abs(weight - mean[at]) > EQUAL * np.abs(mean[at])).any():
        return None
    found = Program()
    first = np.unique(column_of, return_index=True)[1]
    found.low = np.bincount(column_of, np.array(program.low), minlength=columns).tolist()
    found.high = np.bincount(column_of, np.array(program.high), minlength=columns).tolist()
    found.cost = np.array(program.cost)[first].tolist()
    found.row_low = np.bincount(row_of, np.array(program.row_low), minlength=rows).tolist()
    found.row_high = np.bincount(row_of, np.array(program.row_high), minlength=rows).tolist()
    found.at_row, found.at_column = (cells // columns).tolist(), (cells % columns).tolist()
    found.weight = mean.tolist()
    return found
