"""First fit: buffers in a given order, each at the lowest offset where it fits among those already placed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic

import numpy as np

from mapper.solve.budget import Budget
from mapper.solve.packing.problem import Ints, Problem


def first_fit(problem: Problem, order: Ints) -> Ints:
    """Offsets in units: each buffer of the order at the lowest offset where it fits among those before it."""
    from mapper.solve.packing.first_fit_kernels import first_fit as compiled

    return np.asarray(compiled(problem.sizes, problem.starts, problem.ends, order))


def orders(problem: Problem) -> Iterator[tuple[str, Ints]]:
    """The orders worth trying, by name: largest size, area and lifetime first; ties by the others, then by index."""
    life = problem.ends - problem.starts
    index = np.arange(len(problem.items))
    area = problem.sizes.astype(np.float64) * life
    yield "size", np.lexsort((index, -life, -problem.sizes))
    yield "area", np.lexsort((index, -problem.sizes, -area))
    yield "lifetime", np.lexsort((index, -problem.sizes, -life))


@dataclass(frozen=True, slots=True)
class Start:
    """A first-fit packing: its order and the order's name, offsets in units, height in bytes, that of order "size"."""

    name: str
    order: Ints
    offsets: Ints
    height: int
    by_size: int


def lowest_first_fit(problem: Problem, enough: int, budget: Budget) -> Start:
    """The lowest of the first-fit packings. Stops at `enough` bytes; makes one at least, however little the budget."""
    best: Start | None = None
    for name, order in orders(problem):
        began = monotonic()
        offsets = first_fit(problem, order)
        height = problem.height(tuple((offsets * problem.unit).tolist()))
        if best is None or height < best.height:
            best = Start(name, order, offsets, height, height if best is None else best.by_size)
        if best.height <= enough or budget.over() or budget.seconds_left() < monotonic() - began:
            break  # done, or no time for another
    assert best is not None
    return best
