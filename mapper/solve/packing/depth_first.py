"""A bottom-up depth-first search for a packing below a capacity: the lowest buffer is placed, or must rest on another.

Complete: in some packing every buffer lies at 0 or on a neighbour (slide them down), so the one with the lowest
possible offset either lies there or on one that is not yet placed.
"""

from __future__ import annotations

from collections.abc import Generator
from enum import Enum, auto

import numpy as np

from mapper.solve.budget import Budget
from mapper.solve.packing.bound import loads
from mapper.solve.packing.problem import Flags, Ints, Problem

LIMIT = 1000
"""Buffers up to which the search is tried: a node takes time and memory by the square of them."""

SECONDS_PER_NODE = 1e-4
SECONDS_PER_PAIR = 4e-9
"""Deterministic seconds charged for each node and for each pair of its buffers (measured)."""

FAR = 2**60


Group = tuple[Ints, Ints, Ints]
"""Buffers in order, the lowest offset of each, and the height below which a neighbour must yet begin (FAR: none)."""

Placing = Generator[Group, bool | None, bool]
"""Asks for groups to be placed, is told whether they could be, and returns whether all could."""


class Verdict(Enum):
    """How a search ended."""

    FOUND = auto()
    NONE_EXISTS = auto()
    GAVE_UP = auto()


class _OutOfBudgetError(Exception):
    """The search has done the work that it was given."""


def search(problem: Problem, order: Ints, capacity: int, budget: Budget) -> tuple[Verdict, Ints]:
    """Offsets in units below a capacity in bytes; among equally low buffers the first in `order` is placed first."""
    state = _Search(problem, capacity, budget)
    members = order[problem.sizes[order] > 0]
    try:
        found = state.run(members)
    except _OutOfBudgetError:
        return Verdict.GAVE_UP, state.offsets
    return (Verdict.FOUND if found else Verdict.NONE_EXISTS), state.offsets


class _Search:
    """What does not change during the search, the offsets of the placed buffers, and the work that is left."""

    def __init__(self, problem: Problem, capacity: int, budget: Budget) -> None:
        self.sizes, self.starts, self.ends = problem.sizes, problem.starts, problem.ends
        self.highest = problem.highest(capacity)
        self.top = int((self.highest + self.sizes).max(initial=0))
        moments, _ = loads(problem)
        births = np.intersect1d(moments, self.starts)
        self.live = (self.starts[:, None] <= births) & (self.ends[:, None] > births)
        self.together = (self.starts[:, None] < self.ends) & (self.ends[:, None] > self.starts)
        np.fill_diagonal(self.together, False)
        self.offsets = np.zeros(len(self.sizes), dtype=np.int64)
        self.budget = budget
        self.seconds = budget.deterministic_seconds

    def run(self, members: Ints) -> bool:
        """Whether the members can be placed. A stack of generators stands for the recursion: it is a level a buffer."""
        stack = [self._all(self._groups(members, np.zeros_like(members), np.full_like(members, FAR)))]
        found: bool | None = None
        while stack:
            try:
                stack.append(self._place(*stack[-1].send(found)))
                found = None
            except StopIteration as end:
                stack.pop()
                found = end.value
        return bool(found)

    def _all(self, groups: list[Group]) -> Placing:
        """Whether every group can be placed."""
        for group in groups:
            if not (yield group):
                return False
        return True

    def _groups(self, members: Ints, low: Ints, need: Ints) -> list[Group]:
        """The members in groups that are never live together with another group, small ones first."""
        if not len(members):
            return []
        by_start = np.argsort(self.starts[members], kind="stable")
        reach = np.maximum.accumulate(self.ends[members[by_start]])
        cuts = np.flatnonzero(self.starts[members[by_start[1:]]] >= reach[:-1]) + 1
        groups = [np.sort(group) for group in np.split(by_start, cuts)]
        return [(members[g], low[g], need[g]) for g in sorted(groups, key=len)]

    def _place(self, members: Ints, low: Ints, need: Ints) -> Placing:
        """Place all members at or above `low`; one with a `need` must yet find a neighbour that begins below it."""
        sizes = self.sizes[members]
        together = self.together[np.ix_(members, members)]
        live = self.live[members]
        live = live[:, live.any(axis=0)]
        while True:
            self._charge(len(members))
            if not self._may_fit(members, low, need, sizes, together, live):
                return False
            b = int(low.argmin())
            offset, top = int(low[b]), int(low[b] + sizes[b])
            self.offsets[members[b]] = offset
            if (yield from self._all(self._others(members, low, need, together[b], b))):
                return True
            beside = low[together[b]]
            if not (beside < top).any():
                return False  # nothing could lie in its way: in a canonical packing it lies here
            need[b] = min(int(need[b]), top)
            low[b] = int((beside + sizes[together[b]]).min())

    def _others(self, members: Ints, low: Ints, need: Ints, beside: Flags, b: int) -> list[Group]:
        """The groups that remain when member `b` lies at its lowest offset."""
        raised = np.where(beside, np.maximum(low, low[b] + self.sizes[members[b]]), low)
        needs = np.where(beside & (low[b] < need), FAR, need)
        rest = np.arange(len(members)) != b
        return self._groups(members[rest], raised[rest], needs[rest])

    def _may_fit(self, members: Ints, low: Ints, need: Ints, sizes: Ints, together: Flags, live: Flags) -> bool:
        """False when a member is too high, one's need cannot be met, or a moment's buffers reach above the top."""
        if (low > self.highest[members]).any():
            return False
        for b in np.flatnonzero(need < FAR):
            if not (low[together[b]] < need[b]).any():
                return False
        falling = np.argsort(-low, kind="stable")
        above = live[falling] * sizes[falling, None]
        reach = np.where(above, np.cumsum(above, axis=0) + low[falling, None], 0)
        return bool(reach.max(initial=0) <= self.top)

    def _charge(self, members: int) -> None:
        self.seconds -= SECONDS_PER_NODE + SECONDS_PER_PAIR * members * members
        if self.seconds < 0 or self.budget.over():
            raise _OutOfBudgetError
