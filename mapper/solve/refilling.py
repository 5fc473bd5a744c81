"""Refilling: pieces over alike bins where a piece may take several forms, so that the fullest bin is least full.

What `mapper.solve.filling` leaves: there each piece has one form, chosen for all bins together, and of few large pieces
one bin gets a whole one more than another. Here a piece also changes its form, with other loads on other resources.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mapper.solve import dealing

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Change = tuple[int, int, int, int]
"""From a bin, to a bin (or the same), from a form, to a form."""

DOUBLINGS = (2, 4, 7)
"""Loads are squared so often before they are summed (powers of 4, 16 and 128), one after the other: low powers even out
all, high ones the fullest alone."""

OVERFULL = 1e6
"""What a whole capacity too much counts."""

STEPS = 3000
"""Changes at most, for each power."""

CHAINS, LINKS, RELIEF = 24, 4, 0.2
"""Where no change helps: how many that hurt least are followed by others, how many changes such a chain has, and by how
much of its cost the first makes the fullest bin less full."""

HIGHEST = 2.0**1000
"""No power counts more: a form may be a thousand times slower than the mean load of a bin, and powers have to stay
numbers that can be summed and compared."""

LITTLE = 1e-9
"""Relative gain below which nothing is won."""


@dataclass(frozen=True)
class Problem:
    """Forms, each of a family: a piece of a family may take any of its forms. loads[k] and sizes[k] are what a piece in
    form k adds to each resource of its bin and to each memory; capacities are those of one of the alike bins."""

    family: tuple[int, ...]
    loads: tuple[tuple[int, ...], ...]
    sizes: tuple[tuple[int, ...], ...]
    capacities: tuple[int, ...]
    bins: int


def refilled(problem: Problem, counts: Ints) -> Ints | None:
    """Counts [bins, forms] with as many pieces of each family as given, the fullest bin no fuller; None where the sizes
    do not fit. Steepest descent on the sum of powers of all loads (`DOUBLINGS`), with a price on what does not fit."""
    if not counts.sum():
        return counts
    best = counts if _fits(problem, counts) else None
    start = counts
    for doublings in DOUBLINGS:
        state = _State(problem, start, doublings)
        state.descend()
        start = state.counts
        if _fits(problem, start) and (best is None or _height(problem, start) < _height(problem, best)):
            best = start
    return best


def height(problem: Problem, counts: Ints) -> int:
    """The load of the busiest resource of the fullest bin."""
    return _height(problem, counts)


def _arrays(problem: Problem) -> tuple[Ints, Ints, Ints]:
    forms = len(problem.family)
    loads = np.array(problem.loads, dtype=np.int64).reshape(forms, -1)
    return loads, np.array(problem.sizes, dtype=np.int64).reshape(forms, -1), np.array(problem.capacities, np.int64)


def _height(problem: Problem, counts: Ints) -> int:
    return int((counts @ _arrays(problem)[0]).max(initial=0))


def _fits(problem: Problem, counts: Ints) -> bool:
    _, sizes, capacities = _arrays(problem)
    return bool((counts @ sizes <= capacities).all())


class _State:
    """Counts and what each change of one piece is worth; only the rows of bins that changed are found anew."""

    def __init__(self, problem: Problem, counts: Ints, doublings: int) -> None:
        self.problem, self.counts, self.doublings = problem, counts.copy(), doublings
        loads, sizes, capacities = _arrays(problem)
        mean = (counts @ loads).sum(axis=0).max(initial=0) / problem.bins
        self.loads: Floats = loads / max(1.0, float(mean))
        self.sizes: Floats = sizes / np.maximum(1, capacities)
        self.load, self.size = self.counts @ self.loads, self.counts @ self.sizes
        family = np.array(problem.family)
        self.old, self.new = np.nonzero((family[:, None] == family[None, :]) & ~np.eye(len(family), dtype=bool))
        self.alike, self.other = np.nonzero(family[:, None] == family[None, :])
        shape = problem.bins, len(family)
        self.gain, self.loss = np.zeros(shape), np.zeros(shape)
        self.change = np.zeros((problem.bins, len(self.old)))
        for b in range(problem.bins):
            self._update(b)

    @property
    def cost(self) -> float:
        """The sum of powers, and the price of what does not fit."""
        return float(self._cost(self.load, self.size).sum())

    def descend(self) -> None:
        """Take the best change of one piece while one helps, and where none does a chain of changes that helps."""
        for _ in range(STEPS):
            worth, change = self._best()
            if worth < -LITTLE * self.cost:
                self._take(*change)
            elif not self._chain():
                return

    def _best(self) -> tuple[float, Change]:
        """The best change of one piece, and what the cost changes by."""
        worth, change = self._best_move()
        if self.change.size:
            b, n = np.unravel_index(int(self.change.argmin()), self.change.shape)
            if self.change[b, n] <= worth:
                worth, change = float(self.change[b, n]), (int(b), int(b), int(self.old[n]), int(self.new[n]))
        return worth, change

    def _take(self, a: int, b: int, k: int, j: int) -> None:
        """A piece in form k of bin a becomes one in form j in bin b."""
        self.counts[a, k] -= 1
        self.counts[b, j] += 1
        for bin_ in {a, b}:
            self.load[bin_], self.size[bin_] = self.counts[bin_] @ self.loads, self.counts[bin_] @ self.sizes
            self._update(bin_)

    def _chain(self) -> bool:
        """Relieve the fullest bin by a change that hurts elsewhere, and mend that; taken back where it does not help in
        sum (ejection chains: Glover, 1996)."""
        aim = self.cost * (1 - LITTLE)
        for first in self._relieving(int(self._cost(self.load, self.size).argmax())):
            taken = [first]
            self._take(*first)
            while self.cost >= aim and len(taken) < LINKS:
                worth, change = self._best()
                if worth >= 0 or change == (first[1], first[0], first[3], first[2]):
                    break
                taken.append(change)
                self._take(*change)
            if self.cost < aim:
                return True
            for a, b, k, j in reversed(taken):
                self._take(b, a, j, k)
        return False

    def _relieving(self, a: int) -> list[Change]:
        """The changes that take a piece out and make a bin much less full, those that hurt least, one for each pair of
        forms."""
        others = self.gain.copy()
        others[a] = np.inf
        to = others.argmin(axis=0)
        much = self.loss[a] <= -RELIEF * float(self._cost(self.load[a], self.size[a]))
        worth = np.where(much, self.loss[a], np.inf)[self.alike] + others[to, np.arange(len(to))][self.other]
        away = [(float(worth[n]), (a, int(to[self.other[n]]), int(self.alike[n]), int(self.other[n])))
                for n in np.argsort(worth)[:CHAINS] if np.isfinite(worth[n])]  # fmt: skip
        return [change for _, change in away]

    def _best_move(self) -> tuple[float, Change]:
        """The best way to take a piece out of a bin and put it, in whatever form, into another."""
        if self.problem.bins < 2:
            return math.inf, (0, 0, 0, 0)
        out, into = np.argsort(self.loss, axis=0)[:2], np.argsort(self.gain, axis=0)[:2]
        columns = np.arange(self.loss.shape[1])
        best, move = math.inf, (0, 0, 0, 0)
        for first in out:
            for second in into:
                a, b = first[self.alike], second[self.other]
                worth = self.loss[first, columns][self.alike] + self.gain[second, columns][self.other]
                worth = np.where(a == b, np.inf, worth)
                n = int(worth.argmin())
                if worth[n] < best:
                    best, move = float(worth[n]), (int(a[n]), int(b[n]), int(self.alike[n]), int(self.other[n]))
        return best, move

    def _update(self, b: int) -> None:
        """What putting a piece into a bin, taking one out, and changing one there are worth."""
        load, size, now = self.load[b], self.size[b], self._cost(self.load[b], self.size[b])
        absent = self.counts[b] == 0
        self.gain[b] = self._cost(load + self.loads, size + self.sizes) - now
        self.loss[b] = np.where(absent, np.inf, self._cost(load - self.loads, size - self.sizes) - now)
        there = np.flatnonzero(~absent[self.old])
        old, new = self.old[there], self.new[there]
        self.change[b] = np.inf
        after = self._cost(load + self.loads[new] - self.loads[old], size + self.sizes[new] - self.sizes[old])
        self.change[b, there] = after - now

    def _cost(self, load: Floats, size: Floats) -> Floats:
        powers: Floats = np.clip(load, 0.0, HIGHEST ** (0.5**self.doublings))
        for _ in range(self.doublings):
            np.multiply(powers, powers, out=powers)
        over: Floats = np.maximum(size - 1.0, 0.0)
        found: Floats = np.einsum("...r->...", powers) + OVERFULL * np.einsum("...m->...", over)
        return found


def dealt(family: Sequence[int], pieces: Sequence[int], counts: Ints) -> list[tuple[int, int]]:
    """The bin and the form of each piece of a chain, given by its family: bins as `dealing` finds few changes of bins,
    and of each family's forms in a bin one after the other. Bins are alike: they are numbered anew."""
    members = np.zeros((len(family), max(family, default=-1) + 1), dtype=np.int64)
    members[np.arange(len(family)), list(family)] = 1
    bins = dealing.dealt(pieces, counts @ members)
    taken = np.zeros((len(counts), members.shape[1]), dtype=np.int64)
    np.add.at(taken, (np.array(bins, dtype=np.int64), np.array(pieces, dtype=np.int64)), 1)
    forms: list[dict[int, list[int]]] = []
    left = list(range(len(counts)))
    for row in taken:  # the bin of before that had as many pieces of each family
        old = next(b for b in left if (counts[b] @ members == row).all())
        left.remove(old)
        held: dict[int, list[int]] = {}
        for k, many in enumerate(counts[old].tolist()):
            held.setdefault(family[k], []).extend([k] * many)
        forms.append({f: ks[::-1] for f, ks in held.items()})
    return [(b, forms[b][piece].pop()) for b, piece in zip(bins, pieces, strict=True)]
