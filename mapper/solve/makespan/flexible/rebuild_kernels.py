"""Compiled iterated greedy search on the machine sequences of a flexible job shop; imported only where it runs.

A few tasks that start at about the same time are taken out and put back one by one, each where the longest path through
it is shortest; the result is kept when it is no longer (Ruiz, Stuetzle, EJOR 177, 2007, with the insertion of
`tabu_kernels`). It goes on where machines are loaded evenly and tabu search, one task at a time, stands still.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mapper.solve.makespan.flexible.tabu_kernels import (
    FAR,
    Array,
    arrange,
    attach,
    before_gaps,
    detach,
    passable,
    sweep,
)

MOST_OUT = 8
"""Tasks taken out at once, at most (20: worse on 18a)."""

WINDOW = 0.02
"""They start within one to five times this share of the makespan of one another."""


@njit(cache=True, nogil=True)
def best_gap(
    v: int, mode_from: Array, mode_machine: Array, mode_ticks: Array,
    ticks: Array, head: Array, tail: Array, follow: Array, first: Array,
) -> tuple[int, int]:  # fmt: skip
    """The mode, and the task to come after, with the shortest longest path through v; at random among equal ones."""
    shortest, ties, mode, after = FAR, 0, -1, -1
    for g in range(mode_from[v], mode_from[v + 1]):
        k = mode_machine[g]
        prev = before_gaps(v, k, ticks, head, tail, follow, first)
        x = follow[prev] if prev >= 0 else first[k]
        while True:
            early, late = head[v], tail[v]
            if prev >= 0:
                early = max(early, head[prev] + ticks[prev])
            if x >= 0:
                late = max(late, tail[x] + ticks[x])
            through = early + mode_ticks[g] + late
            if through < shortest:
                shortest, ties = through, 0
            if through == shortest:
                ties += 1
                if np.random.randint(ties) == 0:
                    mode, after = g, prev
            if x < 0 or not passable(x, v, ticks, head, tail):
                break
            prev, x = x, follow[x]
    return mode, after


@njit(cache=True, nogil=True)
def neighbours_in_time(head: Array, value: int, out: Array) -> int:
    """Fills `out` with a few tasks whose heads are near that of one drawn at random; their number."""
    n = len(head)
    wanted = np.random.randint(2, MOST_OUT + 1)
    span = value * WINDOW * (1 + 4 * np.random.random())
    center = head[np.random.randint(n)]
    count, seen = 0, 0
    for i in range(n):
        if abs(head[i] - center) <= span:
            seen += 1
            if count < wanted:
                out[count] = i
                count += 1
            else:
                r = np.random.randint(seen)
                if r < wanted:
                    out[r] = i
    return count


@njit(cache=True, nogil=True)
def rebuild(
    before_from: Array, before_of: Array, after_from: Array, after_of: Array,
    mode_from: Array, mode_machine: Array, mode_ticks: Array,
    mode: Array, machine: Array, lead: Array, follow: Array, first: Array, target: int, rounds: int, seed: int,
) -> int:  # fmt: skip
    """`rounds` times out and in again, from the given sequences, which become the last that were kept; their makespan.

    The arrays are those of `tabu_kernels.search`.
    """
    np.random.seed(seed)
    n = len(mode)
    order: Array = np.empty(n, dtype=np.int64)
    head, tail, out = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    ticks = mode_ticks[mode_from[:-1] + mode]
    kept_mode, kept_machine, kept_ticks = mode.copy(), machine.copy(), ticks.copy()
    kept_lead, kept_follow, kept_first = lead.copy(), follow.copy(), first.copy()
    best = FAR
    for done in range(rounds + 1):
        arrange(before_from, after_from, after_of, lead, follow, order)
        value = sweep(order, 0, n, 1, before_from, before_of, lead, ticks, head)
        if value <= best:
            best = value
            kept_mode[:], kept_machine[:], kept_ticks[:] = mode, machine, ticks
            kept_lead[:], kept_follow[:], kept_first[:] = lead, follow, first
        else:
            mode[:], machine[:], ticks[:] = kept_mode, kept_machine, kept_ticks
            lead[:], follow[:], first[:] = kept_lead, kept_follow, kept_first
        if done == rounds or best <= target:
            break
        count = neighbours_in_time(head, best, out)
        for v in out[:count]:
            detach(v, machine, lead, follow, first)
            ticks[v] = 0
        np.random.shuffle(out[:count])
        for v in out[:count]:
            arrange(before_from, after_from, after_of, lead, follow, order)
            sweep(order, 0, n, 1, before_from, before_of, lead, ticks, head)
            sweep(order, n - 1, -1, -1, after_from, after_of, follow, ticks, tail)
            g, after = best_gap(v, mode_from, mode_machine, mode_ticks, ticks, head, tail, follow, first)
            mode[v] = g - mode_from[v]
            ticks[v] = mode_ticks[g]
            attach(v, mode_machine[g], after, machine, lead, follow, first)
    return best
