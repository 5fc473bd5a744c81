"""Compiled tabu search on the machine sequences of a flexible job shop; imported only where it runs.

A move takes a task of a critical path out and puts it into the best gap of a machine that can run it: Mastrolilli,
Gambardella, Effective neighbourhood functions for the flexible job shop problem (J. of Scheduling 3, 2000). The length
of the longest path through the task after the move is exact, since heads and tails without the task are. Of a long
path only `WIDTH` tasks are looked at, drawn anew each time. Precedence may be any acyclic graph.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numba import njit

Array: TypeAlias = Any
"""A numpy array of 64-bit integers: numba knows its type, and an annotation would not check it."""

FAR = np.iinfo(np.int64).max // 4
"""Longer than any path."""

WIDTH = 12
"""Tasks of a critical path looked at for a move (all of them: a third of the moves in the same time, and worse)."""


@njit(cache=True, nogil=True)
def arrange(before_from: Array, after_from: Array, after_of: Array, lead: Array, follow: Array, order: Array) -> None:
    """Fills `order` with the tasks, none before those that must end before it starts."""
    n = len(order)
    missing = before_from[1:] - before_from[:-1]
    high = 0
    for i in range(n):
        missing[i] += lead[i] >= 0
        if missing[i] == 0:
            order[high] = i
            high += 1
    low = 0
    while low < high:
        i = order[low]
        low += 1
        for e in range(after_from[i], after_from[i + 1]):
            missing[after_of[e]] -= 1
            if missing[after_of[e]] == 0:
                order[high] = after_of[e]
                high += 1
        j = follow[i]
        if j >= 0:
            missing[j] -= 1
            if missing[j] == 0:
                order[high] = j
                high += 1


@njit(cache=True, nogil=True)
def sweep(
    order: Array, begin: int, stop: int, step: int, near_from: Array, near_of: Array, near: Array,
    ticks: Array, way: Array,
) -> int:  # fmt: skip
    """Fills `way` for the tasks order[begin:stop:step]: the longest way to each through its neighbours of one side, in
    precedence (`near_of`) and on its machine (`near`). Returns the longest way to and through one of them.

    A loop in a function, not a function in a loop: passing arrays costs more than the work on one task.
    """
    longest = 0
    for q in range(begin, stop, step):
        i = order[q]
        found = 0
        for e in range(near_from[i], near_from[i + 1]):
            j = near_of[e]
            found = max(found, way[j] + ticks[j])
        j = near[i]
        if j >= 0:
            found = max(found, way[j] + ticks[j])
        way[i] = found
        longest = max(longest, found + ticks[i])
    return longest


@njit(cache=True, nogil=True)
def detach(v: int, machine: Array, lead: Array, follow: Array, first: Array) -> None:
    """Take a task out of the sequence of its machine."""
    a, b = lead[v], follow[v]
    if a >= 0:
        follow[a] = b
    else:
        first[machine[v]] = b
    if b >= 0:
        lead[b] = a
    lead[v] = -1
    follow[v] = -1


@njit(cache=True, nogil=True)
def attach(v: int, k: int, a: int, machine: Array, lead: Array, follow: Array, first: Array) -> None:
    """Put a task onto machine k right after a (-1: first)."""
    machine[v] = k
    b = follow[a] if a >= 0 else first[k]
    lead[v] = a
    follow[v] = b
    if a >= 0:
        follow[a] = v
    else:
        first[k] = v
    if b >= 0:
        lead[b] = v


@njit(cache=True, nogil=True, inline="always")
def before_gaps(v: int, k: int, ticks: Array, head: Array, tail: Array, follow: Array, first: Array) -> int:
    """The task of machine k behind which the gaps for v begin (-1: the front); heads and tails are those without v."""
    prev, x = -1, first[k]
    while x >= 0 and head[x] + ticks[x] <= head[v] and tail[x] + ticks[x] > tail[v]:
        prev, x = x, follow[x]
    return prev


@njit(cache=True, nogil=True, inline="always")
def passable(x: int, v: int, ticks: Array, head: Array, tail: Array) -> bool:
    """Whether v may also come after x: not when x needs v's result, nor where that cannot be shorter."""
    return bool(tail[x] + ticks[x] > tail[v] or head[x] + ticks[x] <= head[v])


@njit(cache=True, nogil=True)
def critical_path(
    value: int, after_from: Array, after_of: Array, follow: Array, ticks: Array, head: Array, tail: Array, path: Array
) -> int:
    """Fills `path` with the tasks of a longest path drawn at random; their number."""
    at, seen = -1, 0
    for i in range(len(ticks)):
        if head[i] == 0 and ticks[i] + tail[i] == value:
            seen += 1
            if np.random.randint(seen) == 0:
                at = i
    count = 0
    while at >= 0:
        path[count] = at
        count += 1
        done, seen, to = head[at] + ticks[at], 0, -1
        for e in range(after_from[at], after_from[at + 1] + 1):
            j = after_of[e] if e < after_from[at + 1] else follow[at]
            if j >= 0 and head[j] == done and done + ticks[j] + tail[j] == value:
                seen += 1
                if np.random.randint(seen) == 0:
                    to = j
        at = to
    return count


@njit(cache=True, nogil=True)
def search(
    before_from: Array, before_of: Array, after_from: Array, after_of: Array,
    mode_from: Array, mode_machine: Array, mode_ticks: Array,
    mode: Array, machine: Array, lead: Array, follow: Array, first: Array,
    best_mode: Array, best_lead: Array, best_value: int, target: int, moves: int, patience: int, seed: int,
) -> tuple[int, int]:  # fmt: skip
    """Tabu search from given sequences, for `moves` moves, or `patience` of them without a shorter schedule.

    mode[v] counts from mode_from[v]; lead and follow are v's neighbours on its machine, first the front of each. The
    shortest schedule, if below best_value, goes to best_mode and best_lead. Returns its makespan and the moves made.
    """
    np.random.seed(seed)
    n = len(mode)
    tabu = np.zeros(mode_from[n], dtype=np.int64)
    order, place, path = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    head, tail, peak = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    free_head, free_tail = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    ticks = mode_ticks[mode_from[:-1] + mode]
    shortest, since, move = FAR, 0, 0
    while move < moves:
        move += 1
        arrange(before_from, after_from, after_of, lead, follow, order)
        sweep(order, 0, n, 1, before_from, before_of, lead, ticks, head)
        sweep(order, n - 1, -1, -1, after_from, after_of, follow, ticks, tail)
        value = 0
        for q in range(n):
            i = order[q]
            place[i] = q
            peak[q] = value
            value = max(value, head[i] + ticks[i])
        if value < best_value:
            best_value = value
            best_mode[:] = mode
            best_lead[:] = lead
            if value <= target:
                break
        since = 0 if value < shortest else since + 1
        shortest = min(shortest, value)
        if since > patience:
            break
        count = critical_path(value, after_from, after_of, follow, ticks, head, tail, path)
        best_key = np.inf
        ties, seen = 0, 0
        pick_v, pick_g, pick_prev, any_v, any_g, any_prev = -1, -1, -1, -1, -1, -1
        for c in range(min(count, WIDTH)):
            d = np.random.randint(c, count)
            path[c], path[d] = path[d], path[c]
            v = path[c]
            old, a, b, kept = machine[v], lead[v], follow[v], ticks[v]
            if a < 0 and b < 0 and mode_from[v + 1] - mode_from[v] == 1:
                continue
            detach(v, machine, lead, follow, first)
            ticks[v] = 0
            free_head[:] = head
            free_tail[:] = tail
            at = place[v]
            after_v = sweep(order, at, n, 1, before_from, before_of, lead, ticks, free_head)
            sweep(order, at, -1, -1, after_from, after_of, follow, ticks, free_tail)
            rest = max(peak[at], after_v)  # the longest path without the task
            for g in range(mode_from[v], mode_from[v + 1]):
                k = mode_machine[g]
                prev = before_gaps(v, k, ticks, free_head, free_tail, follow, first)
                x = follow[prev] if prev >= 0 else first[k]
                while True:
                    if k != old or prev != a or x != b or g != mode_from[v] + mode[v]:
                        early, late = free_head[v], free_tail[v]
                        if prev >= 0:
                            early = max(early, free_head[prev] + ticks[prev])
                        if x >= 0:
                            late = max(late, free_tail[x] + ticks[x])
                        through = early + mode_ticks[g] + late
                        longest = max(through, rest)
                        seen += 1
                        if np.random.randint(seen) == 0:
                            any_v, any_g, any_prev = v, g, prev
                        if tabu[g] < move or longest < best_value:
                            key = longest + through / (2.0 * (value + through))
                            if key < best_key:
                                best_key, ties = key, 0
                            if key == best_key:
                                ties += 1
                                if np.random.randint(ties) == 0:
                                    pick_v, pick_g, pick_prev = v, g, prev
                    if x < 0 or not passable(x, v, ticks, free_head, free_tail):
                        break
                    prev, x = x, follow[x]
            ticks[v] = kept
            attach(v, old, a, machine, lead, follow, first)
        if pick_v < 0:
            if any_v < 0:
                break
            pick_v, pick_g, pick_prev = any_v, any_g, any_prev
        v = pick_v
        tabu[mode_from[v] + mode[v]] = move + count + mode_from[v + 1] - mode_from[v]
        detach(v, machine, lead, follow, first)
        mode[v] = pick_g - mode_from[v]
        ticks[v] = mode_ticks[pick_g]
        attach(v, mode_machine[pick_g], pick_prev, machine, lead, follow, first)
    return best_value, move


@njit(cache=True, nogil=True)
def shake(
    before_from: Array, before_of: Array, after_from: Array, after_of: Array,
    mode_from: Array, mode_machine: Array, mode_ticks: Array,
    mode: Array, machine: Array, lead: Array, follow: Array, first: Array, moves: int, seed: int,
) -> None:  # fmt: skip
    """Random moves of random tasks, each into a gap that keeps the sequences feasible."""
    np.random.seed(seed)
    n = len(mode)
    order: Array = np.empty(n, dtype=np.int64)
    head, tail = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    ticks = mode_ticks[mode_from[:-1] + mode]
    for _ in range(moves):
        v = int(np.random.randint(n))
        g = np.random.randint(mode_from[v], mode_from[v + 1])
        detach(v, machine, lead, follow, first)
        ticks[v] = 0
        arrange(before_from, after_from, after_of, lead, follow, order)
        sweep(order, 0, n, 1, before_from, before_of, lead, ticks, head)
        sweep(order, n - 1, -1, -1, after_from, after_of, follow, ticks, tail)
        k = mode_machine[g]
        prev = before_gaps(v, k, ticks, head, tail, follow, first)
        x = follow[prev] if prev >= 0 else first[k]
        while x >= 0 and passable(x, v, ticks, head, tail) and np.random.random() < 0.5:
            prev, x = x, follow[x]
        mode[v] = g - mode_from[v]
        ticks[v] = mode_ticks[g]
        attach(v, k, prev, machine, lead, follow, first)
