"""The compiled genetic search as a method: arrays of the problem, generations in turns, a thread per worker."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent
from mapper.solve.makespan.problem import Problem, Solution
from mapper.solve.threads import at_once

Ints: TypeAlias = NDArray[np.int64]

POOL = 150
"""Activity lists kept as parents. A smaller pool is of one kind sooner (40: 2 % longer schedules of 120 activities)."""

TURN = 500
"""Children between two looks at the clock."""

SECONDS_PER_VISIT = 1.8e-6
"""Deterministic seconds charged for each activity of each child (measured on PSPLIB)."""

ALIKE_TURNS = 6
"""Turns that a pool of equal makespans is given to find a shorter one before it starts anew."""


def evolve(problem: Problem, incumbent: Incumbent[Solution], budget: Budget) -> None:
    """Children of activity lists until the budget is used. For problems in which nothing is elastic."""
    arrays = arrays_of(problem)
    cost = SECONDS_PER_VISIT * (len(problem.activities) + 10)
    turns = budget.deterministic_seconds / cost / TURN

    def work(worker: int) -> None:
        colony = _Colony(arrays, len(problem.activities), budget.seed * 1_000_003 + worker * 10_007)
        done = 0
        while done < turns and not incumbent.closed and not budget.over():
            start, value = colony.turn(round(max(incumbent.bound, 0)))
            done += 1
            budget.spend("genetic search", TURN * cost)
            if value < incumbent.value:
                incumbent.offer(solution_of(problem, start), "genetic search")

    at_once([partial(work, worker) for worker in range(budget.workers or 1)], budget.stop)


class _Colony:
    """A pool of activity lists, sorted by makespan; it starts anew when it has converged."""

    def __init__(self, arrays: tuple[Any, ...], count: int, seed: int) -> None:
        self._arrays, self._count, self._seed = arrays, count, seed
        self._begin()

    def _begin(self) -> None:
        self._lists = np.zeros((POOL, self._count), dtype=np.int64)
        self._values = np.full(POOL, np.iinfo(np.int64).max, dtype=np.int64)
        self._marks = np.zeros(POOL, dtype=np.int64)
        self._filled, self._alike = 0, 0

    def turn(self, target: int) -> tuple[Ints, int]:
        """The starts and the makespan of the best child of a turn; it ends early at the target."""
        from mapper.solve.makespan.list_kernels import generation

        self._seed += 1
        pool = (self._lists, self._values, self._marks, self._filled)
        everything: tuple[Any, ...] = (*self._arrays, *pool, TURN, target, self._seed & 0x7FFFFFFF)
        start, value, self._filled = generation(*everything)
        converged = self._filled == POOL and self._values[0] == self._values[-1]
        self._alike = self._alike + 1 if converged else 0
        if self._alike > ALIKE_TURNS:
            self._begin()
        return start, int(value)


def solution_of(problem: Problem, start: Ints) -> Solution:
    """Starts as a schedule at full speed."""
    starts = tuple(start.tolist())
    return Solution(starts, tuple(s + a.ticks for s, a in zip(starts, problem.activities, strict=True)))


def arrays_of(problem: Problem) -> tuple[Any, ...]:
    """What the kernel takes: topological order, ticks, holds, needs, waits, followers' waits, tails, capacities."""
    ticks = [a.ticks for a in problem.activities]
    waits = problem.waits(ticks)
    following: list[list[tuple[int, int]]] = [[] for _ in ticks]
    for i, before in enumerate(waits):
        for p, lag in before:
            following[p].append((i, lag))
    needs = []
    for activity in problem.activities:
        sums: dict[int, int] = {}
        for r, amount in activity.demands:
            sums[r] = sums.get(r, 0) + amount
        needs.append([(r, amount) for r, amount in sums.items() if amount])
    return (
        _ints(problem.order),
        _ints(ticks),
        _ints([a.hold for a in problem.activities]),
        *_rows(needs),
        *_rows(waits),
        *_rows(following),
        _ints(problem.tails),
        _ints([r.capacity for r in problem.resources]),
    )


def _rows(rows: Sequence[Sequence[tuple[int, int]]]) -> tuple[Ints, Ints, Ints]:
    """Rows of pairs end to end: where each row begins, the first and the second of each pair."""
    begins = np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64)
    return begins, _ints([a for row in rows for a, _ in row]), _ints([b for row in rows for _, b in row])


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)
