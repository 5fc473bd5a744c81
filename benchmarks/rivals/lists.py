"""List constructions, repeated with noise until the time is over: greedy, and HEFT."""

from __future__ import annotations

import numpy as np

from benchmarks.rivals.race import Best, parts_of
from benchmarks.rivals.space import OBJECTIVES, Ints, Space

NOISES = (0.0, 0.05, 0.2, 0.5, 2.0, 20.0)
"""The first run is the plain algorithm; the others are spread by as much."""


def greedy(space: Space, objective: str, seconds: float, seed: int = 0) -> list[Ints]:
    """Items in topological order, each where the objective of what is placed grows least; then again with noise.

    Feo and Resende: Greedy randomized adaptive search procedures (J. Global Optimization 6, 1995), its construction.
    """
    from benchmarks.rivals.build_kernels import construct

    best, now = Best(space, objective), space.empty()
    order, allowed = np.arange(len(space.problem.items)), np.ones((space.groups, space.units), np.bool_)
    free = np.full(len(order), -1)
    for turn, _ in enumerate(parts_of(seconds)):
        noise = NOISES[turn % len(NOISES)] if turn >= len(OBJECTIVES) else 0.0
        look = turn if turn < len(OBJECTIVES) else (turn // len(NOISES)) % len(OBJECTIVES)
        construct(space.arrays, now, order, allowed, free, look, noise, seed + turn)
        best.see(now)
    return best.choices()


def heft(space: Space, objective: str, seconds: float, seed: int = 0) -> list[Ints]:
    """Items by upward rank, each where it ends first; then again with ranks and ends that are spread.

    Topcuoglu, Hariri, Wu: Performance-effective and low-complexity task scheduling (IEEE TPDS 13, 2002). Phases come
    one after the other.
    """
    from benchmarks.rivals.build_kernels import construct, ranks
    from benchmarks.rivals.move_kernels import LATENCY

    best, now, arrays = Best(space, objective), space.empty(), space.arrays
    allowed, free = np.ones((space.groups, space.units), np.bool_), np.full(len(space.problem.items), -1)
    for turn, _ in enumerate(parts_of(seconds)):
        noise = NOISES[turn % len(NOISES)]
        order = np.lexsort((-ranks(arrays, noise, seed + turn), arrays.phase))
        construct(arrays, now, order, allowed, free, LATENCY, noise if turn >= len(NOISES) else 0.0, seed + turn)
        best.see(now)
    return best.choices()
