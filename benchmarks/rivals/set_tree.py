"""Annealing over resource-allocation trees, after SET."""

from __future__ import annotations

import numpy as np

from benchmarks.rivals.race import Best, parts_of
from benchmarks.rivals.space import Floats, Ints, Space
from benchmarks.rivals.tree import Node, allowed, changed, in_turn, stripes

HOT, COLD, STEPS = 0.3, 1e-5, 50
UNITS_SWAPPED, PINNED = 0.15, 0.25
"""How often a step exchanges two units in the order in which they are dealt, or gives a layer one of its options for
good or sets it free again, and does not change a cut."""


def set_tree(space: Space, objective: str, seconds: float, seed: int = 0) -> list[Ints]:
    """Simulated annealing over trees of spatial and temporal cuts; within its units each layer takes what looks best.

    Cai et al.: Inter-layer scheduling space definition and exploration for tiled accelerators (SET, ISCA 2023). Its
    tiles are alike and their order is fixed; here units differ, so their order is part of the search, and so is any
    other option of a layer. Starts from the best of all layers in turn on all units and of stripes.
    """
    from benchmarks.rivals.build_kernels import construct

    arrays, random = space.arrays, np.random.default_rng(seed)
    best, now = Best(space, objective), space.empty()
    order, work = np.arange(len(space.problem.items)), _work(space)

    def worth(tree: Node, units: Ints, pinned: Ints) -> float:
        shares = allowed(tree, units.tolist(), work, space.units)
        construct(arrays, now, order, shares, pinned, best.code, 0.0, seed)
        return best.see(now)

    units, pinned = np.arange(space.units), np.full(len(order), -1)
    starts = [in_turn(space.groups), *(stripes(space.groups, k) for k in range(2, space.units + 1))]
    found = [worth(tree, units, pinned) for tree in starts]
    tree, current = starts[int(np.argmin(found))], min(found)
    best.starts = best.choices()[:2]
    for part in parts_of(seconds):
        heat = HOT * (COLD / HOT) ** part
        for _ in range(STEPS):
            other, dealt, fixed, kind = tree, units, pinned, random.random()
            if kind < UNITS_SWAPPED and space.units > 1:
                dealt = _swapped(units, random)
            elif kind < UNITS_SWAPPED + PINNED:
                fixed = _pinned(pinned, arrays.first, random)
            else:
                other = changed(tree, random)
            new = worth(other, dealt, fixed)
            if new <= current or random.random() < np.exp((current - new) / heat):
                tree, units, pinned, current = other, dealt, fixed, new
    return best.choices()


def _swapped(units: Ints, random: np.random.Generator) -> Ints:
    """The order with two units exchanged."""
    dealt = units.copy()
    i, j = random.choice(units.size, 2, replace=False)
    dealt[i], dealt[j] = dealt[j], dealt[i]
    return dealt


def _pinned(pinned: Ints, first: Ints, random: np.random.Generator) -> Ints:
    """One item pinned to a random option, or free if it was."""
    fixed, i = pinned.copy(), random.integers(pinned.size)
    fixed[i] = -1 if pinned[i] >= 0 and random.random() < 0.5 else random.integers(first[i], first[i + 1])
    return fixed


def _work(space: Space) -> Floats:
    """What each layer takes at least, over all phases, per request."""
    arrays, found = space.arrays, np.zeros(space.groups)
    for i, item in enumerate(space.problem.items):
        found[arrays.group[i]] += min(o.ticks for o in item.options) * space.problem.calls[item.phase]
    return found
