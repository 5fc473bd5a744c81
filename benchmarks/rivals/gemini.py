"""Annealing over spatial mappings of layers, after Gemini."""

from __future__ import annotations

import numpy as np

from benchmarks.rivals.lists import greedy
from benchmarks.rivals.race import Best, parts_of
from benchmarks.rivals.space import Ints, Space

HOT, COLD, STEPS = 0.1, 1e-5, 500
"""First and last temperature, of the logarithm of the objective, and steps at each."""

START = 0.05
"""Part of the time for the first placement."""


def gemini(space: Space, objective: str, seconds: float, seed: int = 0) -> list[Ints]:
    """Simulated annealing from a heuristic mapping with Gemini's moves, in this problem's space.

    Cai et al.: Gemini, Mapping and architecture co-exploration for large-scale DNN chiplet accelerators (HPCA 2024).
    Its operators change the parts of a layer, swap cores inside and between layers, move a core and change the source
    of data; here a layer has one unit, so they are: another option, two layers swapped, a layer or a run of layers to
    another unit. Its partition into layer groups is what runs of layers on one unit make.
    """
    from benchmarks.rivals.gemini_kernels import anneal

    start = greedy(space, objective, START * seconds, seed)
    best, now = Best(space, objective, start[:2]), space.empty()
    first = start[0] if start else space.arrays.first[:-1].copy()
    best.see_choice(now, first)
    kept, least = first.copy(), best.found[0][0] if best.found else np.inf
    for turn, part in enumerate(parts_of((1 - START) * seconds)):
        heat = HOT * (COLD / HOT) ** part
        least = anneal(
            space.arrays, now, space.groups, space.units, kept, least, best.code, heat, STEPS, seed + turn
        )  # fmt: skip
        best.see(now)
    best.see_choice(now, kept)
    return best.choices()
