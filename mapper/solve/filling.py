"""Filling: pieces of a chain over alike bins, so that the fullest bin is as little full as can be.

A pipeline of alike chips is this problem: the pieces are clusters in order, the bins are chips, the loads are what each
part of a chip is busy, the sizes what each of its memories must hold. Pieces of a class are alike, so a filling is a
table of counts, bins by classes; `dealing` then keeps neighbours together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mapper.solve import cpsat
from mapper.solve.budget import Budget
from mapper.solve.dealing import dealt

Ints = npt.NDArray[np.int64]

GOOD_ENOUGH = 1e-4
"""Relative distance from the bound at which the search ends."""

STEPS = 4000
"""Exchanges tried at most."""

MOST_COUNTS = 3000
"""Bins times classes up to which CP-SAT is asked."""

UNITS = 100_000
"""Parts into which CP-SAT's bound on a load is divided: rounding costs 1e-5 of it and the numbers stay small."""


@dataclass(frozen=True)
class Problem:
    """Pieces in order, each of a class; loads[c] and sizes[c] are what a piece of class c adds to each resource of its
    bin and to each memory; capacities are those of one bin's memories; bins is how many alike bins there are."""

    pieces: tuple[int, ...]
    loads: tuple[tuple[int, ...], ...]
    sizes: tuple[tuple[int, ...], ...]
    capacities: tuple[int, ...]
    bins: int


def bound(problem: Problem) -> int:
    """A load that the fullest bin of no filling stays below: the mean of each resource, and the largest piece."""
    many = np.bincount(np.array(problem.pieces, dtype=np.int64), minlength=len(problem.loads))
    loads = np.array(problem.loads, dtype=np.int64).reshape(len(problem.loads), -1)
    if not loads.size:
        return 0
    mean = -(-(many @ loads) // problem.bins)
    return int(max(mean.max(initial=0), loads[many > 0].max(initial=0)))


def height(problem: Problem, bins: Sequence[int]) -> int:
    """The load of the busiest resource of the fullest bin."""
    if not problem.pieces:
        return 0
    table = _Counts(problem)
    counts = np.zeros((problem.bins, len(problem.loads)), dtype=np.int64)
    np.add.at(counts, (np.array(bins, dtype=np.int64), table.pieces), 1)
    return table.height(counts)


def fill(problem: Problem, budget: Budget) -> tuple[int, ...] | None:
    """The bin of each piece; None when no filling was found whose sizes fit.

    Stretches first (as long as a load and the capacities allow, the least load by halving), then exchanges between the
    fullest bin and the others, then CP-SAT on the counts where these leave a gap.
    """
    if not problem.pieces:
        return ()
    table = _Counts(problem)
    start = _stretches(table)
    if start is None:
        start = _whole(table, None, budget)
        if start is None:
            return None
    counts = _exchanged(table, start)
    least = bound(problem)
    if table.height(counts) > least * (1 + 10 * GOOD_ENOUGH) and counts.size <= MOST_COUNTS and not budget.over():
        better = _whole(table, counts, budget)
        if better is not None:
            better = _exchanged(table, better)
            counts = better if table.height(better) < table.height(counts) else counts
    return dealt(problem.pieces, counts)


class _Counts:
    """The problem as arrays: a filling is counts[bin, class]."""

    def __init__(self, problem: Problem) -> None:
        classes = len(problem.loads)
        self.problem = problem
        self.pieces: Ints = np.array(problem.pieces, dtype=np.int64)
        self.loads: Ints = np.array(problem.loads, dtype=np.int64).reshape(classes, -1)
        self.sizes: Ints = np.array(problem.sizes, dtype=np.int64).reshape(classes, -1)
        self.capacities: Ints = np.array(problem.capacities, dtype=np.int64)

    def height(self, counts: Ints) -> int:
        """The load of the busiest resource of the fullest bin."""
        return int((counts @ self.loads).max(initial=0))


def _stretches(table: _Counts) -> Ints | None:
    """Each bin a stretch of the chain, with the least height; None where no stretches fit the memories."""
    problem = table.problem
    low, high = bound(problem), int(table.loads[table.pieces].sum(axis=0).max(initial=0))
    load = np.vstack([np.zeros((1, table.loads.shape[1]), np.int64), np.cumsum(table.loads[table.pieces], axis=0)])
    size = np.vstack([np.zeros((1, table.sizes.shape[1]), np.int64), np.cumsum(table.sizes[table.pieces], axis=0)])
    best = _cut(load, size, table.capacities, high, problem.bins)
    if best is None:
        return None
    while low < high * (1 - GOOD_ENOUGH):
        middle = (low + high) // 2
        found = _cut(load, size, table.capacities, middle, problem.bins)
        if found is None:
            low = middle + 1
        else:
            best, high = found, middle
    counts = np.zeros((problem.bins, len(problem.loads)), dtype=np.int64)
    for bin_, (a, b) in enumerate(pairwise(best)):
        counts[bin_] = np.bincount(table.pieces[a:b], minlength=counts.shape[1])
    return counts


def _cut(load: Ints, size: Ints, capacities: Ints, height: int, bins: int) -> list[int] | None:
    """Ends of stretches, each as long as a height and the capacities allow; None when the bins do not suffice."""
    ends, last = [0], len(load) - 1
    for _ in range(bins):
        at = ends[-1]
        end = last
        for r in range(load.shape[1]):
            end = min(end, int(np.searchsorted(load[:, r], load[at, r] + height, side="right")) - 1)
        for m in range(size.shape[1]):
            end = min(end, int(np.searchsorted(size[:, m], size[at, m] + capacities[m], side="right")) - 1)
        ends.append(end)
        if end == at and end < last:
            return None
    return ends if ends[-1] == last else None


def _exchanged(table: _Counts, counts: Ints) -> Ints:
    """Counts after moves and exchanges of single pieces between the fullest bin and another, while they help."""
    counts = counts.copy()
    load, size = counts @ table.loads, counts @ table.sizes
    nothing = np.zeros((1, table.loads.shape[1]), np.int64), np.zeros((1, table.sizes.shape[1]), np.int64)
    give_load, give_size = np.vstack([nothing[0], table.loads]), np.vstack([nothing[1], table.sizes])
    aim = bound(table.problem) * (1 + GOOD_ENOUGH)
    for _ in range(STEPS):
        tall = load.max(axis=1, initial=0)
        a = int(tall.argmax())
        if tall[a] <= aim:
            break
        found = _best_exchange(table, counts, load, size, give_load, give_size, a)
        if found is None:
            break
        c, b, d = found
        for piece, giver, taker in ((c, a, b), (d, b, a)):
            if piece >= 0:
                counts[giver, piece] -= 1
                counts[taker, piece] += 1
        for bin_ in (a, b):
            load[bin_], size[bin_] = counts[bin_] @ table.loads, counts[bin_] @ table.sizes
    return counts


def _best_exchange(
    table: _Counts, counts: Ints, load: Ints, size: Ints, give_load: Ints, give_size: Ints, a: int
) -> tuple[int, int, int] | None:
    """The class that leaves bin a, the bin it goes to, and the class that comes back (-1: none): what leaves both bins
    least full, the nearest bin among equals; None when nothing makes them less full than bin a is."""
    own = np.flatnonzero(counts[a])
    back = np.hstack([np.ones((len(counts), 1), bool), counts > 0])  # [bins, 1 + classes]
    back[a] = False
    # axes: class that leaves, bin, class that comes back, resource
    change_load = table.loads[own][:, None, None, :] - give_load[None, None, :, :]
    change_size = table.sizes[own][:, None, None, :] - give_size[None, None, :, :]
    here = (load[a] - change_load).max(axis=-1, initial=0)  # [own, 1, back]
    there = (load[None, :, None, :] + change_load).max(axis=-1, initial=0)
    height = np.maximum(here, there)
    room = (size[None, :, None, :] + change_size <= table.capacities).all(axis=-1)
    room &= (size[a] - change_size <= table.capacities).all(axis=-1)
    worst = np.iinfo(np.int64).max
    height = np.where(room & back[None], height, worst)
    least = int(height.min(initial=worst))
    if least >= int(load[a].max(initial=0)):
        return None
    rows = np.argwhere(height == least)
    k, b, d = min(rows.tolist(), key=lambda row: (abs(row[1] - a), row))
    return int(own[k]), b, d - 1


def _whole(table: _Counts, start: Ints | None, budget: Budget) -> Ints | None:
    """CP-SAT's best counts within the budget, from a start; None when it finds none."""
    from ortools.sat.python import cp_model

    problem = table.problem
    many = np.bincount(table.pieces, minlength=len(problem.loads))
    least = bound(problem)
    unit = max(1, least // UNITS)
    model = cp_model.CpModel()
    x = [[model.new_int_var(0, int(many[c]), "") for c in range(len(many))] for _ in range(problem.bins)]
    top = -(-int(table.loads[table.pieces].sum(axis=0).max(initial=0)) // unit) + len(table.pieces)
    height = model.new_int_var(least // unit, top, "height")
    for c, total in enumerate(many.tolist()):
        model.add(sum(row[c] for row in x) == total)
    for row in x:
        for loads in table.loads.T.tolist():
            model.add(sum(-(-w // unit) * v for w, v in zip(loads, row, strict=True) if w) <= height)
        for sizes, capacity in zip(table.sizes.T.tolist(), problem.capacities, strict=True):
            grain = max(1, capacity // UNITS**2)
            model.add(sum(-(-s // grain) * v for s, v in zip(sizes, row, strict=True) if s) <= capacity // grain)
    model.minimize(height)
    if start is not None:
        cpsat.add_hints(
            model, ((v, int(n)) for row, ns in zip(x, start, strict=True) for v, n in zip(row, ns, strict=True))
        )
    answer = cpsat.solve(model, budget)
    if not answer.found:
        return None
    return np.array([[answer.solver.value(v) for v in row] for row in x], dtype=np.int64)
