"""Restarts of the depth-first search: in several orders, then with buffers of sections that overflowed moved ahead.

Blame is as in conflict-weighted search (Boussemart and others, ECAI 2004), with some noise beside it. Run lengths
follow Luby, Sinclair and Zuckerman (1993): the time to a packing varies by orders of magnitude with the order, so that
many short runs find one sooner than a long one.
"""

from __future__ import annotations

import numpy as np

from mapper.solve.budget import Budget
from mapper.solve.packing.depth_first import DepthFirst, Verdict
from mapper.solve.packing.problem import Ints, Problem
from mapper.solve.packing.sections import sections

UNIT, UNIT_PER_BUFFER = 1000, 4
"""Steps of the shortest run, and at least so many for each buffer: all must be placed, and some twice.

Of 300, 1000 and 4000 steps the middle was best on random packings of six shapes with 200 to 600 buffers.
"""

CHUNK = 4000
"""Steps between two looks at the budget: a tenth of a second for 400 buffers."""

NOISE = 0.1
"""Places, as a share of all, that a random order moves a buffer by at most: less than what the orders differ by."""


class Restarts:
    """The searches for a packing of one component below a capacity; can be run again with more budget."""

    def __init__(self, problem: Problem, capacity: int, seed: int) -> None:
        self._search = DepthFirst(problem, sections(problem), capacity)
        self._ranks = ranks(problem)
        self._random = np.random.default_rng(seed)
        self._run, self._left = -1, 0

    @property
    def offsets(self) -> Ints:
        """The offset of each buffer in units, once a packing is found."""
        return self._search.offsets

    def search(self, budget: Budget) -> Verdict:
        """Continue until a packing is found, none is proved to exist, or the budget is used or over."""
        seconds = budget.deterministic_seconds
        verdict = Verdict.GAVE_UP
        while verdict is Verdict.GAVE_UP and seconds > 0 and not budget.over():
            if self._left <= 0:
                self._restart()
            verdict, used = self._search.advance(min(CHUNK, self._left))
            self._left -= CHUNK
            seconds -= used
            budget.spend("depth first", used)
        return verdict

    def _restart(self) -> None:
        self._run += 1
        turn, which = divmod(self._run, len(self._ranks))
        rank = self._ranks[which]
        if turn:
            blamed = _places(np.argsort(-self._search.blame(), kind="stable"))
            noise = self._random.uniform(0, NOISE * len(rank), len(rank))
            rank = _places(np.argsort(rank + blamed + noise, kind="stable"))
        self._search.restart(rank)
        self._left = max(UNIT, UNIT_PER_BUFFER * len(rank)) * luby(turn)


def luby(turn: int) -> int:
    """1 1 2 1 1 2 4 1 1 2 1 1 2 4 8 ... from turn 0 on."""
    turn += 1
    while turn & (turn + 1):
        turn -= (1 << (turn.bit_length() - 1)) - 1
    return (turn + 1) // 2


def ranks(problem: Problem) -> list[Ints]:
    """Buffers' places in orders by lifetime, area, size, sections lived in, and the most that is live beside them.

    Those that constrain most go first; the first three orders are Moffitt's WAT, TAW and TWA.
    """
    parts = sections(problem)
    width = parts.last - parts.first
    life = problem.ends - problem.starts
    area = problem.sizes.astype(np.float64) * life
    load = parts.sums(problem.sizes)
    total = np.array([load[a:b].max() for a, b in zip(parts.first, parts.last, strict=True)])
    orders = [(life, area, total), (total, area, life), (total, life, area), (area,), (problem.sizes, life)]
    return [_places(np.lexsort([-key for key in reversed(keys)])) for keys in [*orders, (width, area)]]


def _places(order: Ints) -> Ints:
    """For each buffer its place in the order."""
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return places
