"""First fit: buffers in a given order, each at the lowest offset where it fits among those already placed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mapper.solve.packing.problem import Ints, Problem


def first_fit(problem: Problem, order: Ints) -> Ints:
    """Offsets in units. The placed buffers lie in arrays sorted by offset, so that each step is a few numpy calls."""
    count = len(order)
    low, high, born, dead = np.empty((4, count), dtype=np.int64)
    offsets = np.zeros(count, dtype=np.int64)
    for n, i in enumerate(order.tolist()):
        size = problem.sizes[i]
        together = (born[:n] < problem.ends[i]) & (dead[:n] > problem.starts[i])
        offset = lowest_gap(low[:n][together], high[:n][together], int(size))
        offsets[i] = offset
        at = int(np.searchsorted(low[:n], offset))
        for row, value in ((low, offset), (high, offset + size), (born, problem.starts[i]), (dead, problem.ends[i])):
            row[at + 1 : n + 1] = row[at:n]
            row[at] = value
    return offsets


def lowest_gap(low: Ints, high: Ints, size: int) -> int:
    """The lowest offset with `size` free, given the occupied ranges sorted by their low ends."""
    if not len(low):
        return 0
    tops = np.maximum.accumulate(high)
    if low[0] >= size:
        return 0
    fits = low[1:] - tops[:-1] >= size
    first = int(fits.argmax()) if len(fits) else 0
    return int(tops[first]) if len(fits) and fits[first] else int(tops[-1])


def orders(problem: Problem) -> Iterator[tuple[str, Ints]]:
    """The orders worth trying, by name: largest size, area and lifetime first; ties by the others, then by index."""
    life = problem.ends - problem.starts
    index = np.arange(len(problem.items))
    area = problem.sizes.astype(np.float64) * life
    yield "size", np.lexsort((index, -life, -problem.sizes))
    yield "area", np.lexsort((index, -problem.sizes, -area))
    yield "lifetime", np.lexsort((index, -problem.sizes, -life))
