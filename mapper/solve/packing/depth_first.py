"""A bottom-up depth-first search for a packing below a capacity: the lowest buffer is placed, or must rest on another.

Complete: in some packing every buffer lies at 0 or on a neighbour (slide them down), so the one with the lowest
possible offset either lies there or on one that is not yet placed. After Moffitt, MiniMalloc (ASPLOS 2023): placement
by offset, dominance, sections, decomposition; what is added: need of a blocker, the one-machine bound, failed states.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

import numpy as np

from mapper.solve.packing.problem import Ints, Problem
from mapper.solve.packing.sections import Sections

LIMIT = 2500
"""Buffers up to which a component is searched: memory grows by the square of them (4 bytes)."""

SECONDS_PER_STEP, SECONDS_PER_VISIT = 2e-6, 5e-8
"""Deterministic seconds charged for each step and for each buffer that it looks at (measured)."""

FAILED_BITS = 20
"""The table of failed states holds 2^20 hashes, 8 MiB; a newer one takes the place of an older."""


class Verdict(Enum):
    """How a search ended."""

    FOUND = auto()
    NONE_EXISTS = auto()
    GAVE_UP = auto()


class DepthFirst:
    """A search over buffers, all of a size and connected in time, that can be interrupted and begun anew."""

    def __init__(self, problem: Problem, sections: Sections, capacity: int) -> None:
        from mapper.solve.packing import depth_first_kernels as kernels

        self._kernels: Any = kernels
        size, highest = problem.sizes, problem.highest(capacity)
        first, last = sections.first, sections.last
        self.boundaries = _crossed(first, last)
        counts, beside = _neighbours(first, last)
        n, m = len(size), len(sections.moments)
        buffers = np.zeros((n, 11), dtype=np.int64)
        until = np.cumsum(counts)
        for column, values in (
            (kernels.SIZE, size),
            (kernels.FIRST, first),
            (kernels.LAST, last),
            (kernels.HIGHEST, highest),
            (kernels.FROM, until - counts),
            (kernels.UNTIL, until),
        ):
            buffers[:, column] = values
        self.state = kernels.State(
            buffers=buffers,
            beside=beside,
            sections=np.zeros((m, 3), dtype=np.int64),
            failed=np.zeros(1 << FAILED_BITS, dtype=np.uint64),
            registers=np.zeros(8, dtype=np.int64),
            frames=np.zeros((n + 1, 9), dtype=np.int64),
            agenda=np.zeros((2 * n + 2, 5), dtype=np.int64),
            pool=np.zeros(n * (n + 1) // 2 + 2 * n, dtype=np.int64),
            trail=np.zeros((8 * n, 3), dtype=np.int64),
        )
        self._top = int((highest + size).max())
        self.restart(np.arange(n))

    def restart(self, rank: Ints) -> None:
        """Begin anew, with another rank for each buffer; what failed is remembered."""
        k, s = self._kernels, self.state
        n = len(s.buffers)
        s.buffers[:, k.RANK], s.buffers[:, k.LOW], s.buffers[:, k.NEED], s.buffers[:, k.PLACED] = rank, 0, k.FAR, 0
        s.sections[:-1, k.ACROSS] = self.boundaries
        s.registers[:] = 0
        s.registers[[k.DEPTH, k.POOL, k.TOP]] = 1, n, self._top
        s.pool[:n] = np.arange(n)
        s.frames[0] = 0
        s.frames[0, [k.COUNT, k.CREATOR, k.NEXT, k.CHOSEN, k.POOL_MARK]] = n, -1, -1, -1, n

    def advance(self, steps: int) -> tuple[Verdict, float]:
        """Search for some steps: what they came to, and the deterministic seconds that they are charged with."""
        k, registers = self._kernels, self.state.registers
        if (self.state.buffers[:, k.HIGHEST] < 0).any():
            return Verdict.NONE_EXISTS, 0.0
        used, visits = 0, int(registers[k.WORK])
        while used < steps and registers[k.STATUS] == k.RUNNING:
            used += k.advance(self.state, steps - used)
            if registers[k.STATUS] == k.CRAMPED:
                trail = self.state.trail
                self.state = self.state._replace(trail=np.concatenate([trail, np.zeros_like(trail)]))
                registers[k.STATUS] = k.RUNNING
        seconds = used * SECONDS_PER_STEP + (int(registers[k.WORK]) - visits) * SECONDS_PER_VISIT
        verdicts = {k.FOUND: Verdict.FOUND, k.EXHAUSTED: Verdict.NONE_EXISTS}
        return verdicts.get(int(registers[k.STATUS]), Verdict.GAVE_UP), seconds

    @property
    def offsets(self) -> Ints:
        """The offset of each buffer in units, once a packing is found."""
        return self.state.buffers[:, self._kernels.OFFSET]

    def blame(self) -> Ints:
        """For each buffer how often the worst of the sections that it lives in overflowed; old blame fades."""
        k, s = self._kernels, self.state
        blame = s.sections[:, k.BLAME]
        lives = zip(s.buffers[:, k.FIRST], s.buffers[:, k.LAST], strict=True)
        found = np.array([blame[first:last].max() for first, last in lives])
        blame //= 2
        return found


def _crossed(first: Ints, last: Ints) -> Ints:
    """How many buffers live on both sides of each boundary between sections."""
    steps = np.zeros(int(last.max()) + 1, dtype=np.int64)
    np.add.at(steps, first, 1)
    np.subtract.at(steps, last - 1, 1)
    return np.cumsum(steps)[: int(last.max()) - 1]


def _neighbours(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """How many buffers each is live together with, and these, one list after another."""
    lists = []
    for i, (a, b) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        together = np.flatnonzero((first < b) & (last > a))
        lists.append(together[together != i])
    return np.array([len(one) for one in lists]), np.concatenate(lists)
