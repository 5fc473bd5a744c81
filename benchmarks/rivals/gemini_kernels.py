"""Compiled annealing over the options of all items, with moves of whole layers; imported only where it runs."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from benchmarks.rivals.compiled import allocating, compiled
from benchmarks.rivals.move_kernels import broken, guide, insert, remove, value

Record: TypeAlias = Any
"""`Arrays` or `Now` of benchmarks.rivals.space, or an array, whose types numba knows."""

FASTEST = 0.7
"""How often a layer that comes to a unit takes its fastest option there, and not any."""

LONGEST = 24
"""Most layers that move together."""


@compiled
def option_on(a: Record, i: int, unit: int) -> int:
    """An option of item i on a unit, often its fastest; -1 where it has none."""
    found, count, quick = -1, 0, np.random.random() < FASTEST
    for q in range(a.first[i], a.first[i + 1]):
        if a.unit[q] == unit:
            count += 1
            if found < 0 or (a.ticks[q] < a.ticks[found] if quick else np.random.random() * count < 1.0):
                found = q
    return found


@compiled
def unit_of(a: Record, now: Record, g: int) -> int:
    """Where a layer is: its first item's unit."""
    return a.unit[now.choice[a.member_of[a.member_at[g]]]]


@compiled
def proposed(a: Record, now: Record, groups: int, units: int, items: Record, options: Record) -> int:
    """One random move: which items would get which options; how many.

    Moves: another option of an item (its part or its source of weights), a layer to another unit, two layers swapped,
    a run of layers to one unit, a layer to its neighbour's unit.
    """
    kind, first = np.random.randint(5), np.random.randint(groups)
    if kind == 0:
        items[0] = np.random.randint(now.choice.size)
        options[0] = np.random.randint(a.first[items[0]], a.first[items[0] + 1])
        return 1 if options[0] != now.choice[items[0]] else 0
    last, other, unit = first + 1, -1, np.random.randint(units)
    if kind == 2:
        other = np.random.randint(groups)
        unit = unit_of(a, now, other)
    elif kind == 3:
        last = min(groups, last + np.random.randint(LONGEST))
    elif kind == 4:
        unit = unit_of(a, now, max(0, min(groups - 1, first + (1 if np.random.random() < 0.5 else -1))))
    count = 0
    for turn in range(2 if other >= 0 and other != first else 1):
        low, high, goal = (first, last, unit) if turn == 0 else (other, other + 1, unit_of(a, now, first))
        for k in range(a.member_at[low], a.member_at[high]):
            i = a.member_of[k]
            q = option_on(a, i, goal)
            if q >= 0 and q != now.choice[i]:
                items[count], options[count] = i, q
                count += 1
    return count


@compiled
def exchange(a: Record, now: Record, items: Record, options: Record, count: int) -> None:
    """Gives items their options, whose places those that they had take; a second time undoes the first."""
    for k in range(count):
        i, old = items[k], now.choice[items[k]]
        remove(a, now, i)
        insert(a, now, i, options[k])
        options[k] = old


@allocating
def anneal(
    a: Record, now: Record, groups: int, units: int, best: Record, least: float, objective: int, heat: float,
    steps: int, seed: int,
) -> float:  # fmt: skip
    """Steps at one temperature (of the guide, a logarithm). `best` becomes the best placement seen that breaks no rule,
    and its value is returned; `least` is that of before."""
    np.random.seed(seed)
    items, options = np.zeros(now.choice.size, np.int64), np.zeros(now.choice.size, np.int64)
    current = guide(a, now, objective)
    for _ in range(steps):
        count = proposed(a, now, groups, units, items, options)
        if count == 0:
            continue
        exchange(a, now, items, options, count)
        new = guide(a, now, objective)
        if new > current and np.random.random() >= np.exp((current - new) / heat):
            exchange(a, now, items, options, count)
            continue
        current = new
        if broken(a, now) == 0.0:
            worth = value(a, now, objective)
            if worth < least:
                least = worth
                best[:] = now.choice
    return least
