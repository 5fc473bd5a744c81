"""Improves a first-fit packing by moving the buffers that reach highest to earlier places in the order."""

from __future__ import annotations

import random
from time import monotonic

import numpy as np

from mapper.solve.budget import Budget
from mapper.solve.packing.first_fit import first_fit
from mapper.solve.packing.problem import Ints, Problem

SECONDS_PER_PACKING, SECONDS_PER_PAIR = 5e-5, 2e-9
"""Deterministic seconds charged for each packing and for each pair of its buffers (measured)."""


def reorder(problem: Problem, order: Ints, offsets: Ints, enough: int, budget: Budget) -> Ints:
    """The lowest offsets found, in units; stops at a height of `enough` bytes, or when the budget is used or over."""
    random_source = random.Random(budget.seed)
    tops = offsets + problem.sizes
    best, here, here_order, here_top = offsets, offsets, order.tolist(), int(tops.max())
    best_top = here_top
    enough_units = enough // problem.unit
    seconds, cost = budget.deterministic_seconds, SECONDS_PER_PACKING + SECONDS_PER_PAIR * len(order) ** 2
    while seconds > 0 and best_top > enough_units and not budget.over():
        seconds -= cost
        budget.spend("first fit", cost)
        began = monotonic()
        changed = _raise_one(here_order, here + problem.sizes, random_source)
        found = first_fit(problem, np.array(changed, dtype=np.int64))
        top = int((found + problem.sizes).max())
        if top <= here_top or random_source.random() < 0.01:
            here, here_order, here_top = found, changed, top
        if top < best_top:
            best, best_top = found, top
        if budget.seconds_left() < monotonic() - began:
            break
    return best


def _raise_one(order: list[int], tops: Ints, random_source: random.Random) -> list[int]:
    """The order with one of the highest buffers moved to a random earlier place."""
    highest = np.argsort(-tops, kind="stable")[:8].tolist()
    chosen = highest[min(int(random_source.expovariate(0.7)), len(highest) - 1)]
    changed = list(order)
    at = changed.index(chosen)
    changed.insert(random_source.randint(0, at), changed.pop(at))
    return changed
