"""Compiled constructions: items in an order, each on the option that looks best then; imported only where it runs."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from benchmarks.rivals.compiled import allocating, compiled
from benchmarks.rivals.move_kernels import (
    COST,
    ENERGY,
    LATENCY,
    THROUGHPUT,
    broken,
    insert,
    remove,
    start_of,
)

Record: TypeAlias = Any
"""`Arrays` or `Now` of benchmarks.rivals.space, or an array, whose types numba knows."""


@compiled
def clear(a: Record, now: Record) -> None:
    """Takes all options away."""
    for i in range(now.choice.size):
        if now.choice[i] >= 0:
            remove(a, now, i)
    for p in range(now.free.shape[0]):
        for m in range(now.free.shape[1]):
            now.free[p, m] = 0


@compiled
def looks(a: Record, now: Record, i: int, q: int, objective: int) -> float:
    """What option q of item i, just inserted, would make of a partial placement: smaller is better.

    throughput: ticks of the busiest resource that it uses. latency: when it ends. energy: what it adds, with idle power
    while it runs. edp: both, multiplied.
    """
    end = float(start_of(a, now, i, q) + a.ticks[q])
    if objective == LATENCY:
        return end
    if objective == THROUGHPUT:
        most = 0
        for k in range(a.load_at[q], a.load_at[q + 1]):
            most = max(most, now.loads[a.load_of[k]])
        return float(most)
    energy = now.totals[COST] + a.idle[0] * a.ticks[q] * a.calls[a.phase[i]]
    return energy if objective == ENERGY else energy * end


@compiled
def construct(
    a: Record,
    now: Record,
    order: Record,
    allowed: Record,
    pinned: Record,
    objective: int,
    noise: float,
    seed: int,
) -> None:
    """Places all items in the order given (operands first), each on the option that breaks least and looks best.

    allowed[group, unit]: options on other units are taken only where an item has none there. noise: part of a look that
    is random. pinned: of an item, its option, whatever it looks like; -1 for none.
    """
    np.random.seed(seed)
    clear(a, now)
    for i in order:
        free = True
        for q in range(a.first[i], a.first[i + 1]):
            free = free and not allowed[a.group[i], a.unit[q]]
        chosen, least, first = -1, np.inf, np.inf
        for q in range(a.first[i], a.first[i + 1]):
            if (q != pinned[i]) if pinned[i] >= 0 else not (free or allowed[a.group[i], a.unit[q]]):
                continue
            insert(a, now, i, q)
            rules = broken(a, now)
            look = looks(a, now, i, q, objective) * (1.0 + noise * np.random.random())
            remove(a, now, i)
            if rules < first or (rules == first and look < least):
                chosen, first, least = q, rules, look
        insert(a, now, i, chosen)
        now.ready[i] = start_of(a, now, i, chosen) + a.ticks[chosen]
        if a.machine[chosen] >= 0:
            now.free[a.phase[i], a.machine[chosen]] = now.ready[i]


@allocating
def ranks(a: Record, noise: float, seed: int) -> Record:
    """Upward ranks: mean ticks of an item, with noise, and the longest way from there to the end of its phase."""
    np.random.seed(seed)
    count = a.phase.size
    found = np.zeros(count)
    sizes, places = a.move_ticks.shape[0], a.move_ticks.shape[1]
    moves = np.zeros(sizes)
    for s in range(sizes):
        for start in range(places):
            for end in range(places):
                moves[s] += max(0, a.move_ticks[s, start, end]) / (places * places)
    for i in range(count - 1, -1, -1):
        total = 0.0
        for q in range(a.first[i], a.first[i + 1]):
            total += a.ticks[q]
        mean = total / (a.first[i + 1] - a.first[i])
        found[i] += mean * (1.0 + noise * (np.random.random() - 0.5))
        for k in range(a.in_at[i], a.in_at[i + 1]):
            n = a.in_of[k]
            if a.source[n] >= 0:
                found[a.source[n]] = max(found[a.source[n]], found[i] + moves[a.size[n]])
    return found
