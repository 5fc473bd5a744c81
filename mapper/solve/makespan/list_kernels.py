"""Compiled genetic search over activity lists of a rigid single-mode problem; imported only where it runs.

Serial schedule generation with forward-backward justification of every child (Valls, Ballestin, Quintanilla:
Justification and RCPSP, EJOR 165, 2005) under two-point crossover of lists (Hartmann: A competitive genetic algorithm
for resource-constrained project scheduling, Naval Research Logistics 45, 1998).
"""

from __future__ import annotations

import numpy as np
from numba import njit

FAR = np.iinfo(np.int64).max // 4
"""Later than any tick."""


@njit(cache=True, nogil=True)
def earliest(at, used, count, room, start, hold):
    """The first tick from `start` on from which at most `room` is in use for `hold` ticks; steps at[0..count)."""
    low, high = 0, count
    while high - low > 1:
        middle = (low + high) // 2
        if at[middle] <= start:
            low = middle
        else:
            high = middle
    k = low
    while True:
        while used[k] > room:
            k += 1
            start = at[k]
        stop = start + hold
        k += 1
        while k < count and at[k] < stop and used[k] <= room:
            k += 1
        if k >= count or at[k] >= stop:
            return start


@njit(cache=True, nogil=True)
def cut(at, used, count, tick):
    """The index of the step that begins at `tick`, made when there is none, and the number of steps."""
    low, high = -1, count
    while high - low > 1:
        middle = (low + high) // 2
        if at[middle] < tick:
            low = middle
        else:
            high = middle
    if high < count and at[high] == tick:
        return high, count
    for k in range(count, high, -1):
        at[k] = at[k - 1]
        used[k] = used[k - 1]
    at[high] = tick
    used[high] = used[high - 1]
    return high, count + 1


@njit(cache=True, nogil=True)
def shift(order, ticks, hold, need_from, need_of, need_amount, near_from, near_of, near_lag, capacity, start, at, used, back, horizon):
    """Places the activities in the given order, each as early as its neighbours placed before and the room allow.

    back: time runs backwards from the horizon; neighbours are then the followers. Fills `start`; returns the last end
    (0 when backwards).
    """
    count = np.ones(len(capacity), dtype=np.int64)
    for r in range(len(capacity)):
        at[r, 0] = -FAR
        used[r, 0] = 0
    last = 0
    for i in order:
        if back:
            moment = horizon - ticks[i]
            for e in range(near_from[i], near_from[i + 1]):
                moment = min(moment, start[near_of[e]] - near_lag[e])
            moment = -(moment + hold[i])
        else:
            moment = 0
            for e in range(near_from[i], near_from[i + 1]):
                moment = max(moment, start[near_of[e]] + near_lag[e])
        if hold[i] > 0:
            first, final = need_from[i], need_from[i + 1]
            settled = 0
            e = first
            while settled < final - first:
                r = need_of[e]
                found = earliest(at[r], used[r], count[r], capacity[r] - need_amount[e], moment, hold[i])
                if found > moment:
                    moment = found
                    settled = 1
                else:
                    settled += 1
                e += 1
                if e == final:
                    e = first
            for e in range(first, final):
                r = need_of[e]
                a, count[r] = cut(at[r], used[r], count[r], moment)
                b, count[r] = cut(at[r], used[r], count[r], moment + hold[i])
                for k in range(a, b):
                    used[r, k] += need_amount[e]
        if back:
            start[i] = -(moment + hold[i])
        else:
            start[i] = moment
            last = max(last, moment + ticks[i])
    return last


@njit(cache=True, nogil=True)
def evolve(
    topological, ticks, hold, need_from, need_of, need_amount, before_from, before_of, before_lag,
    after_from, after_of, after_lag, tails, capacity, pool, values, marks, filled, children, target, seed,
):
    """`children` more children of the pool (rows of activity lists, by value, `filled` of them used).

    Returns the starts of the best child found, its makespan, the rows now in use and the children made.
    """
    np.random.seed(seed)
    n = len(ticks)
    size = len(values)
    steps = 2 * n + 3
    at = np.empty((len(capacity), steps), dtype=np.int64)
    used = np.empty((len(capacity), steps), dtype=np.int64)
    start = np.zeros(n, dtype=np.int64)
    best = np.zeros(n, dtype=np.int64)
    best_value = FAR
    keys = np.empty(n, dtype=np.int64)
    child = np.empty(n, dtype=np.int64)
    taken = np.zeros(n, dtype=np.bool_)
    missing = np.empty(n, dtype=np.int64)
    ready = np.empty(n, dtype=np.int64)
    rank = np.empty(n, dtype=np.float64)
    made = 0
    for made in range(children):
        if filled < size:
            span = 1.0 * tails.max() * (0.1, 0.3, 0.6)[np.random.randint(3)]
            for i in range(n):
                rank[i] = np.random.random() * span - tails[i]
                missing[i] = before_from[i + 1] - before_from[i]
            waiting = 0
            for i in topological:
                if missing[i] == 0:
                    ready[waiting] = i
                    waiting += 1
            for k in range(n):
                pick = 0
                for w in range(1, waiting):
                    if rank[ready[w]] < rank[ready[pick]]:
                        pick = w
                i = ready[pick]
                waiting -= 1
                ready[pick] = ready[waiting]
                child[k] = i
                for e in range(after_from[i], after_from[i + 1]):
                    j = after_of[e]
                    missing[j] -= 1
                    if missing[j] == 0:
                        ready[waiting] = j
                        waiting += 1
        else:
            a = min(np.random.randint(size), np.random.randint(size))
            b = np.random.randint(size - 1)
            b += b >= a
            left, right = np.random.randint(n + 1), np.random.randint(n + 1)
            if left > right:
                left, right = right, left
            taken[:] = False
            for k in range(left):
                child[k] = pool[a, k]
                taken[child[k]] = True
            k = left
            for i in pool[b]:
                if k == right:
                    break
                if not taken[i]:
                    child[k] = i
                    taken[i] = True
                    k += 1
            for i in pool[a]:
                if not taken[i]:
                    child[k] = i
                    k += 1
            for k in range(n - 1):
                if np.random.random() < 0.05:
                    i, j = child[k], child[k + 1]
                    bound = False
                    for e in range(after_from[i], after_from[i + 1]):
                        bound = bound or after_of[e] == j
                    if not bound:
                        child[k], child[k + 1] = j, i
        value = shift(child, ticks, hold, need_from, need_of, need_amount, before_from, before_of, before_lag, capacity, start, at, used, False, 0)
        for k in range(n):
            i = topological[n - 1 - k]
            keys[k] = -(start[i] + ticks[i])
        turn = np.argsort(keys, kind="mergesort")
        for k in range(n):
            child[k] = topological[n - 1 - turn[k]]
        shift(child, ticks, hold, need_from, need_of, need_amount, after_from, after_of, after_lag, capacity, start, at, used, True, value)
        for k in range(n):
            keys[k] = start[topological[k]]
        turn = np.argsort(keys, kind="mergesort")
        for k in range(n):
            child[k] = topological[turn[k]]
        value = shift(child, ticks, hold, need_from, need_of, need_amount, before_from, before_of, before_lag, capacity, start, at, used, False, 0)
        mark = 0
        for i in range(n):
            mark = mark * 1000003 + start[i]
        if value < best_value:
            best_value = value
            best[:] = start
            if value <= target:
                break
        if filled == size and value > values[size - 1]:
            continue
        known = False
        for p in range(filled):
            known = known or (values[p] == value and marks[p] == mark)
        if known:
            continue
        for k in range(n):
            keys[k] = start[topological[k]]
        turn = np.argsort(keys, kind="mergesort")
        p = filled if filled < size else size - 1
        if filled < size:
            filled += 1
        while p > 0 and values[p - 1] > value:
            pool[p] = pool[p - 1]
            values[p] = values[p - 1]
            marks[p] = marks[p - 1]
            p -= 1
        for k in range(n):
            pool[p, k] = topological[turn[k]]
        values[p] = value
        marks[p] = mark
    return best, best_value, filled, made + 1
