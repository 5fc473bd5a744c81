"""The compiled inner loop of the column bound: the most valuable set of units that one device can hold."""

from __future__ import annotations

import numpy as np
from numba import njit

from mapper.solve.stages.scattered_units import Floats, Ints

EMPTY = -1


@njit(cache=True, nogil=True)
def potentials(offsets: Ints, target: Ints, added: Ints, value: Ints, limit: int, prices: Floats) -> Floats:
    """For each row and each price of a tick, the most value less paid ticks that the units still to come can add."""
    count = len(value)
    found = np.zeros((offsets[count] + 1, len(prices)))
    for k in range(len(prices)):
        for t in range(count - 1, -1, -1):
            for row in range(offsets[t], offsets[t + 1]):
                best = -np.inf
                for x in range(2):
                    if added[row, x] <= limit:
                        after = found[offsets[t + 1] + target[row, x], k]
                        best = max(best, value[t] * x - prices[k] * added[row, x] + after)
                found[row, k] = best
    return found


@njit(cache=True, nogil=True)
def most_valuable(
    offsets: Ints,
    target: Ints,
    added: Ints,
    value: Ints,
    limit: int,
    width: int,
    prices: Floats,
    ahead: Floats,
    floor: int,
) -> tuple[int, Ints, int]:
    """An upper bound of the value of a set with load <= limit, the set it was read from, and the labels looked at.

    offsets, target: see `Layers`. added: [rows, 2] ticks of leaving or taking, above `limit` where not possible.
    value: of the units in the order of the layers. width: ticks of a bucket. Labels of one state whose loads fall into
    one bucket become one label with the largest value and the smallest load of them: a relaxation, by which the set
    may have a somewhat larger load. ahead: potentials at the prices; a label that cannot come above `floor` by any of
    them is dropped. Without a set above the floor the answer is the floor, and no set.
    """
    count = len(value)
    buckets = limit // width + 1
    most = 1
    for t in range(count):
        most = max(most, offsets[t + 1] - offsets[t])
    values = np.full((most, buckets), EMPTY, dtype=np.int64)
    loads = np.zeros((most, buckets), dtype=np.int64)
    names = np.zeros((most, buckets), dtype=np.int64)
    low, high = np.zeros(most, dtype=np.int64), np.full(most, -1, dtype=np.int64)
    next_values = np.full((most, buckets), EMPTY, dtype=np.int64)
    next_loads = np.zeros((most, buckets), dtype=np.int64)
    next_names = np.zeros((most, buckets), dtype=np.int64)
    next_low, next_high = np.zeros(most, dtype=np.int64), np.full(most, -1, dtype=np.int64)
    origin = np.zeros(
        1 << 16, dtype=np.int64
    )  # of each label kept: twice the one before it, 1 more if the unit is taken
    kept = 1
    values[0, 0] = 0
    high[0] = 0
    steps = 0
    sharp = 0
    for t in range(count):
        first = offsets[t]
        after = offsets[t + 1]
        following = offsets[t + 2] - after if t + 1 < count else 1
        for s in range(following):
            next_low[s], next_high[s] = buckets, -1
        for s in range(after - first):
            for b in range(low[s], high[s] + 1):
                old = values[s, b]
                if old == EMPTY:
                    continue
                values[s, b] = EMPTY
                steps += 1
                for x in range(2):
                    load = loads[s, b] + added[first + s, x]
                    if load > limit:
                        continue
                    to = target[first + s, x]
                    new = old + value[t] * x
                    into = load // width
                    seen = next_values[to, into]
                    if new <= seen and load >= next_loads[to, into]:
                        continue
                    lowest = floor - new - 1.0
                    hopeless = ahead[after + to, sharp] + prices[sharp] * (limit - load) <= lowest
                    if not hopeless:
                        for k in range(len(prices)):
                            if ahead[after + to, k] + prices[k] * (limit - load) <= lowest:
                                hopeless = True
                                sharp = k
                                break
                    if hopeless:
                        continue
                    if seen == EMPTY:
                        next_loads[to, into] = load
                        next_low[to] = min(next_low[to], into)
                        next_high[to] = max(next_high[to], into)
                    elif load < next_loads[to, into]:
                        next_loads[to, into] = load
                    if new > seen:
                        next_values[to, into] = new
                        next_names[to, into] = names[s, b] * 2 + x
        for s in range(following):  # a label with more load and no more value than another is of no use
            best = EMPTY
            for b in range(next_low[s], next_high[s] + 1):
                if next_values[s, b] == EMPTY:
                    continue
                if next_values[s, b] <= best:
                    next_values[s, b] = EMPTY
                else:
                    best = next_values[s, b]
                    if kept == len(origin):
                        larger = np.zeros(2 * kept, dtype=np.int64)
                        larger[:kept] = origin
                        origin = larger
                    origin[kept] = next_names[s, b]
                    next_names[s, b] = kept
                    kept += 1
        values, next_values = next_values, values
        loads, next_loads = next_loads, loads
        names, next_names = next_names, names
        low, next_low = next_low, low
        high, next_high = next_high, high
    chosen = np.zeros(count, dtype=np.int64)
    best, name = floor, 0
    for b in range(low[0], high[0] + 1):
        if values[0, b] > best:
            best, name = values[0, b], names[0, b]
    if name:
        for t in range(count - 1, -1, -1):
            chosen[t] = origin[name] % 2
            name = origin[name] // 2
    return best, chosen, steps
