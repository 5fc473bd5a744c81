"""The compiled inner loop of the column bound: the most valuable set of units that one device can hold."""

from __future__ import annotations

import numpy as np
from numba import njit

from mapper.solve.stages.scattered_units import Ints

EMPTY = -1


@njit(cache=True, nogil=True)
def most_valuable(
    offsets: Ints, target: Ints, added: Ints, value: Ints, limit: int, width: int, back: Ints
) -> tuple[int, Ints]:
    """An upper bound of the value of a set with load <= limit, and the set that it was read from.

    offsets, target: see `Layers`. added: [rows, 2] ticks of leaving or taking, above `limit` where not possible.
    value: of the units in the order of the layers. width: ticks of a bucket. Labels of one state whose loads fall into
    one bucket become one label with the largest value and the smallest load of them: a relaxation, by which the set
    may have a somewhat larger load. back: [rows + 1, buckets] scratch, where labels came from.
    """
    count = len(value)
    buckets = limit // width + 1
    most = 1
    for t in range(count):
        most = max(most, offsets[t + 1] - offsets[t])
    values = np.full((most, buckets), EMPTY, dtype=np.int64)
    loads = np.zeros((most, buckets), dtype=np.int64)
    next_values = np.full((most, buckets), EMPTY, dtype=np.int64)
    next_loads = np.zeros((most, buckets), dtype=np.int64)
    values[0, 0] = 0
    for t in range(count):
        first = offsets[t]
        states = offsets[t + 1] - first
        after = offsets[t + 1]
        following = offsets[t + 2] - after if t + 1 < count else 1
        next_values[:following] = EMPTY
        for s in range(states):
            for b in range(buckets):
                old = values[s, b]
                if old == EMPTY:
                    continue
                for x in range(2):
                    load = loads[s, b] + added[first + s, x]
                    if load > limit:
                        continue
                    to = target[first + s, x]
                    into = load // width
                    new = old + value[t] * x
                    if next_values[to, into] == EMPTY or load < next_loads[to, into]:
                        next_loads[to, into] = load
                    if new > next_values[to, into]:
                        next_values[to, into] = new
                        back[after + to, into] = (s * buckets + b) * 2 + x
        for s in range(following):  # a label with more load and no more value than another is of no use
            best = EMPTY
            for b in range(buckets):
                if next_values[s, b] <= best:
                    next_values[s, b] = EMPTY
                else:
                    best = next_values[s, b]
        values, next_values = next_values, values
        loads, next_loads = next_loads, loads
    at = 0
    for b in range(buckets):
        if values[0, b] > values[0, at]:
            at = b
    best = values[0, at]
    chosen = np.zeros(count, dtype=np.int64)
    s, b = 0, at
    for t in range(count - 1, -1, -1):
        code = back[offsets[t + 1] + s, b]
        chosen[t] = code % 2
        s, b = code // 2 // buckets, code // 2 % buckets
    return best, chosen
