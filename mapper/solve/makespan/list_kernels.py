"""Compiled genetic search over activity lists of a rigid single-mode problem; imported only where it runs.

Serial schedule generation with forward-backward justification of every child (Valls, Ballestin, Quintanilla:
Justification and RCPSP, EJOR 165, 2005) under two-point crossover of lists (Hartmann: A competitive genetic algorithm
for resource-constrained project scheduling, Naval Research Logistics 45, 1998).
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numba import njit

Array: TypeAlias = Any
"""A numpy array of 64-bit integers (or as said): numba knows its type, and an annotation would not check it."""

FAR = np.iinfo(np.int64).max // 4
"""Later than any tick."""

SWAPS = 0.05
"""The probability that two neighbours of a list are exchanged."""


@njit(cache=True, nogil=True, inline="always")
def earliest(at: Array, used: Array, count: int, room: int, start: int, hold: int) -> int:
    """The first tick from `start` on from which at most `room` is in use for `hold` ticks."""
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


@njit(cache=True, nogil=True, inline="always")
def cut(at: Array, used: Array, count: int, tick: int) -> tuple[int, int]:
    """The index of the step of a profile that begins at `tick`, made when there is none, and the number of steps."""
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


@njit(cache=True, nogil=True, inline="always")
def place(
    moment: int, hold: int, first: int, final: int, need_of: Array, need_amount: Array, capacity: Array,
    at: Array, used: Array, count: Array,
) -> int:  # fmt: skip
    """The first tick from `moment` on with room for the needs [first, final), which are then held."""
    settled = 0
    e = first
    while settled < final - first:
        r = need_of[e]
        found = earliest(at[r], used[r], count[r], capacity[r] - need_amount[e], moment, hold)
        settled = 1 if found > moment else settled + 1
        moment = found
        e = e + 1 if e + 1 < final else first
    for e in range(first, final):
        r = need_of[e]
        a, count[r] = cut(at[r], used[r], count[r], moment)
        b, count[r] = cut(at[r], used[r], count[r], moment + hold)
        for k in range(a, b):
            used[r, k] += need_amount[e]
    return moment


@njit(cache=True, nogil=True)
def shift(
    order: Array, ticks: Array, hold: Array, need_from: Array, need_of: Array, need_amount: Array,
    near_from: Array, near_of: Array, near_lag: Array, capacity: Array, back: bool, horizon: int,
    start: Array, at: Array, used: Array, count: Array,
) -> int:  # fmt: skip
    """Fills `start`: the activities in the given order, each as early as those placed before it and the room allow.

    back: time runs backwards from the horizon, and the neighbours are the followers. Returns the last end.
    """
    for r in range(len(capacity)):
        count[r], at[r, 0], used[r, 0] = 1, -FAR, 0
    last = 0
    for i in order:
        moment = -(horizon - ticks[i] + hold[i]) if back else 0
        for e in range(near_from[i], near_from[i + 1]):
            if back:
                moment = max(moment, -(start[near_of[e]] - near_lag[e] + hold[i]))
            else:
                moment = max(moment, start[near_of[e]] + near_lag[e])
        if hold[i] > 0:
            moment = place(
                moment, hold[i], need_from[i], need_from[i + 1], need_of, need_amount, capacity, at, used, count
            )
        start[i] = -(moment + hold[i]) if back else moment
        last = max(last, start[i] + ticks[i])
    return last


@njit(cache=True, nogil=True)
def sort(topological: Array, keys: Array, listed: Array) -> None:
    """Fills `listed` with the activities by key, equal ones in topological order."""
    turn = np.argsort(keys[topological], kind="mergesort")
    for k in range(len(turn)):
        listed[k] = topological[turn[k]]


@njit(cache=True, nogil=True)
def sample(
    topological: Array, before_from: Array, after_from: Array, after_of: Array, tails: Array, child: Array
) -> None:
    """Fills `child` with a list by latest start, disturbed."""
    n = len(topological)
    span = 1.0 * tails.max() * (0.1, 0.3, 0.6)[np.random.randint(3)]
    rank = np.random.random(n) * span - tails
    missing = before_from[1:] - before_from[:-1]
    ready = np.empty(n, dtype=np.int64)
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
            missing[after_of[e]] -= 1
            if missing[after_of[e]] == 0:
                ready[waiting] = after_of[e]
                waiting += 1


@njit(cache=True, nogil=True)
def cross(pool: Array, size: int, after_from: Array, after_of: Array, child: Array) -> None:
    """Fills `child` with one parent's list before and after two cuts and another's between; neighbours then swap.

    The first parent is the better of two.
    """
    n = len(child)
    a = min(np.random.randint(size), np.random.randint(size))
    b = np.random.randint(size - 1)
    b += b >= a
    left, right = np.random.randint(n + 1), np.random.randint(n + 1)
    left, right = min(left, right), max(left, right)
    taken = np.zeros(n, dtype=np.bool_)
    child[:left] = pool[a, :left]
    for k in range(left):
        taken[child[k]] = True
    k = left
    for i in pool[b]:
        if k < right and not taken[i]:
            child[k] = i
            taken[i] = True
            k += 1
    for i in pool[a]:
        if not taken[i]:
            child[k] = i
            k += 1
    for k in range(n - 1):
        if np.random.random() < SWAPS:
            i, j = child[k], child[k + 1]
            if not np.any(after_of[after_from[i] : after_from[i + 1]] == j):
                child[k], child[k + 1] = j, i


@njit(cache=True, nogil=True)
def enter(pool: Array, values: Array, marks: Array, filled: int, listed: Array, value: int, mark: int) -> int:
    """Put a list into the sorted pool unless it is known or worse than all of a full one; the rows now in use."""
    size = len(values)
    if filled == size and value > values[size - 1]:
        return filled
    for p in range(filled):
        if values[p] == value and marks[p] == mark:
            return filled
    p = min(filled, size - 1)
    while p > 0 and values[p - 1] > value:
        pool[p] = pool[p - 1]
        values[p] = values[p - 1]
        marks[p] = marks[p - 1]
        p -= 1
    pool[p] = listed
    values[p] = value
    marks[p] = mark
    return min(filled + 1, size)


@njit(cache=True, nogil=True)
def generation(
    topological: Array, ticks: Array, hold: Array, need_from: Array, need_of: Array, need_amount: Array,
    before_from: Array, before_of: Array, before_lag: Array, after_from: Array, after_of: Array, after_lag: Array,
    tails: Array, capacity: Array, pool: Array, values: Array, marks: Array, filled: int, children: int, target: int,
    seed: int,
) -> tuple[Array, int, int]:  # fmt: skip
    """`children` more children of the pool (rows of lists, their makespans and marks, the first `filled` in use).

    Returns the starts of the best child, its makespan, and the rows now in use; stops early at the target.
    """
    np.random.seed(seed)
    n = len(ticks)
    at = np.empty((len(capacity), 2 * n + 3), dtype=np.int64)
    used = np.empty((len(capacity), 2 * n + 3), dtype=np.int64)
    count = np.empty(len(capacity), dtype=np.int64)
    start, best = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    child = np.empty(n, dtype=np.int64)
    reversed_order = topological[::-1].copy()
    best_value = FAR
    for _ in range(children):
        if filled < len(values):
            sample(topological, before_from, after_from, after_of, tails, child)
        else:
            cross(pool, len(values), after_from, after_of, child)
        value = 0
        for way in range(3):
            back = way == 1
            if way == 1:
                sort(reversed_order, -(start + ticks), child)
            elif way == 2:
                sort(topological, start, child)
            value = shift(
                child, ticks, hold, need_from, need_of, need_amount,
                after_from if back else before_from, after_of if back else before_of,
                after_lag if back else before_lag, capacity, back, value, start, at, used, count,
            )  # fmt: skip
        if value < best_value:
            best_value = value
            best[:] = start
            if value <= target:
                break
        mark = 0
        for i in range(n):
            mark = mark * 1_000_003 + start[i]
        sort(topological, start, child)
        filled = enter(pool, values, marks, filled, child, value, mark)
    return best, best_value, filled
