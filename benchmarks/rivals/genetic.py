"""A genetic search over assignments."""

from __future__ import annotations

import numpy as np

from benchmarks.rivals.lists import greedy, heft
from benchmarks.rivals.race import Best, parts_of
from benchmarks.rivals.space import Ints, Space

POPULATION, STEPS, START = 100, 300, 0.03
"""Individuals, children between looks at the clock, and the part of the time for each heuristic that starts it."""


def genetic(space: Space, objective: str, seconds: float, seed: int = 0) -> list[Ints]:
    """A steady-state genetic search with crossovers that keep runs of layers or units together.

    Kao and Krishna: MAGMA, An optimization framework for mapping multiple DNNs on multiple accelerator cores (HPCA
    2022), whose crossovers of genome, range and accelerator these are, and GAMMA (ICCAD 2020). Starts from greedy and
    HEFT and random individuals.
    """
    from benchmarks.rivals.genetic_kernels import evolve

    arrays, random = space.arrays, np.random.default_rng(seed)
    by_list, by_rank = (rival(space, objective, START * seconds, seed) for rival in (greedy, heft))
    known = [*by_list, *by_rank]
    best, now = Best(space, objective, [*by_list[:1], *by_rank[:1]]), space.empty()
    others = [random.integers(arrays.first[:-1], arrays.first[1:]) for _ in range(POPULATION - len(known))]
    population = np.array([*known, *others], np.int64)
    guides = np.array([best.see_choice(now, choice) for choice in population])
    for turn, _ in enumerate(parts_of((1 - 2 * START) * seconds)):
        evolve(arrays, now, population, guides, space.groups, space.units, best.code, STEPS, seed + turn)
        best.see_choice(now, population[guides.argmin()])
    for k in guides.argsort()[:8]:
        best.see_choice(now, population[k])
    return best.choices()
