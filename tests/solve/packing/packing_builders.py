"""Small packing problems, random ones, and the optimum by brute force."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import strategies as st

from mapper.solve.budget import Budget
from mapper.solve.packing import Item, Problem, Solution
from mapper.solve.packing.problem import Ints

SMALL = Budget(deterministic_seconds=1.0)


def packing(*rows: tuple[int, int, int], capacity: int | None = None, alignment: int = 1) -> Problem:
    """A problem from (size, start, end) rows; buffers are called a, b, c, ..."""
    items = (Item(chr(97 + k), *row) for k, row in enumerate(rows))
    return Problem(tuple(items), capacity, alignment)


def in_bytes(problem: Problem, offsets: Ints | list[int]) -> Solution:
    """A solution from offsets in units."""
    return Solution(tuple(int(o) * problem.unit for o in offsets))


def lowest(problem: Problem) -> int:
    """The optimum: every order of dropping buffers onto those placed before."""
    best: int | None = None
    for order in itertools.permutations(range(len(problem.items))):
        offsets: dict[int, int] = {}
        for i in order:
            a = problem.items[i]
            tops = [
                offsets[j] + problem.items[j].size
                for j in offsets
                if a.start < problem.items[j].end and problem.items[j].start < a.end
            ]
            offsets[i] = -(-max(tops, default=0) // problem.alignment) * problem.alignment
        height = max((o + problem.items[i].size for i, o in offsets.items()), default=0)
        best = height if best is None else min(best, height)
    return best or 0


items = st.builds(
    lambda size, start, life: (size, start, start + life),
    st.integers(0, 9),
    st.integers(0, 5),
    st.integers(1, 5),
)
problems = st.builds(
    lambda rows, alignment: packing(*rows, alignment=alignment),
    st.lists(items, max_size=5),
    st.sampled_from([1, 2, 4]),
)


def cut(seed: int, count: int) -> Problem:
    """A rectangle of 40 moments by 100 bytes cut into buffers, a tenth of them left out: they fit below 100."""
    source = np.random.default_rng(seed)
    boxes = [(0, 40, 0, 100)]
    while len(boxes) < count:
        boxes.sort(key=lambda box: (box[1] - box[0]) * (box[3] - box[2]))
        a, b, low, high = boxes.pop()
        if (b - a) * 2.5 > high - low:
            at = int(source.integers(a + 1, b))
            boxes += [(a, at, low, high), (at, b, low, high)]
        else:
            at = int(source.integers(low + 1, high))
            boxes += [(a, b, low, at), (a, b, at, high)]
    items = [Item(str(k), high - low, a, b) for k, (a, b, low, high) in enumerate(boxes) if source.random() < 0.9]
    return Problem(tuple(items), 100)
