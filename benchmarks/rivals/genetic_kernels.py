"""Compiled genetic search over the options of all items; imported only where it runs."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from benchmarks.rivals.compiled import allocating
from benchmarks.rivals.gemini_kernels import option_on
from benchmarks.rivals.move_kernels import become, guide

Record: TypeAlias = Any
"""`Arrays` or `Now` of benchmarks.rivals.space, or an array, whose types numba knows."""

TOURNAMENT = 3


@allocating
def selected(guides: Record, sign: float) -> int:
    """The best (sign 1) or worst (-1) of a few individuals."""
    found = np.random.randint(guides.size)
    for _ in range(TOURNAMENT - 1):
        other = np.random.randint(guides.size)
        if sign * guides[other] < sign * guides[found]:
            found = other
    return found


@allocating
def cross(a: Record, child: Record, other: Record, groups: int, units: int) -> None:
    """Takes part of another individual over: all layers after one, a run of layers, or what is on one unit."""
    kind = np.random.randint(4)
    if kind == 3:
        return
    low, high, unit = np.random.randint(groups), groups, np.random.randint(units)
    if kind == 1:
        high = low + 1 + np.random.randint(groups - low)
    for i in range(child.size):
        if (a.unit[other[i]] == unit) if kind == 2 else (low <= a.group[i] < high):
            child[i] = other[i]


@allocating
def mutate(a: Record, child: Record, groups: int, units: int) -> None:
    """Some items get another option, or some layers another unit."""
    if np.random.random() < 0.5:
        for _ in range(1 + np.random.randint(3)):
            i = np.random.randint(child.size)
            child[i] = np.random.randint(a.first[i], a.first[i + 1])
        return
    first, unit = np.random.randint(groups), np.random.randint(units)
    last = min(groups, first + 1 + (np.random.randint(8) if np.random.random() < 0.3 else 0))
    for k in range(a.member_at[first], a.member_at[last]):
        i = a.member_of[k]
        q = option_on(a, i, unit)
        if q >= 0:
            child[i] = q


@allocating
def evolve(
    a: Record, now: Record, population: Record, guides: Record, groups: int, units: int, objective: int, steps: int,
    seed: int,
) -> None:  # fmt: skip
    """So many children, each of which takes the place of a worse individual; equal ones are not kept twice."""
    np.random.seed(seed)
    child = np.zeros(population.shape[1], np.int64)
    for _ in range(steps):
        first, second = selected(guides, 1.0), selected(guides, 1.0)
        child[:] = population[first]
        cross(a, child, population[second], groups, units)
        if np.random.random() < 0.8:
            mutate(a, child, groups, units)
        become(a, now, child)
        found = guide(a, now, objective)
        worst = selected(guides, -1.0)
        if found < guides[worst] and found != guides[first] and found != guides[second]:
            population[worst] = child
            guides[worst] = found
