"""Flexible job shops (each mode one machine for itself, nothing travels): local search, a thread per worker."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent
from mapper.solve.makespan.evolve import Ints
from mapper.solve.makespan.flexible.problem import Problem, Solution
from mapper.solve.threads import at_once

PATIENCE = 3000
"""Moves without a shorter schedule after which the search starts anew from a shaken one."""

MOVES = 20_000
"""Moves of a turn of tabu search, at most."""

VISITS = 2_000_000
"""Tasks times moves of a turn of iterated greedy search: about a third of a second."""

SHAKEN = 0.05
"""Up to this share of the tasks is moved at random before a search starts anew."""

LONGEST_TURN = 3.0
"""Seconds of a turn, at most, where there is a deadline."""

FIRST_SPEED = 1_000_000
"""Visits a second that are counted on before any are measured: a slow machine's."""

SECONDS_PER_VISIT = 1.6e-7
"""Deterministic seconds charged for each task of each move (measured on 50 to 500 tasks)."""


def is_shop(problem: Problem) -> bool:
    """Whether each possible mode holds one machine that no other task can share, and nothing travels or streams."""
    if any(edge.size is not None or edge.tiles != 1 for edge in problem.edges):
        return False
    modes = (task.modes[m] for task, kept in zip(problem.tasks, problem.possible, strict=True) for m in kept)
    least: dict[int, int] = {}
    for mode in modes:
        if mode.ticks < 1 or len(mode.demands) != 1:
            return False
        r, amount = mode.demands[0]
        least[r] = min(least.get(r, amount), amount)
    return all(2 * amount > problem.resources[r].capacity for r, amount in least.items())


def improve(problem: Problem, incumbent: Incumbent[Solution], budget: Budget) -> None:
    """Tabu search and iterated greedy search in turn, from the incumbent, until the budget is used.

    Whichever has found a shorter schedule goes on. Each turn of tabu search begins with the best schedule shaken.
    """
    shop = Shop(problem)
    visits = budget.deterministic_seconds / SECONDS_PER_VISIT

    def work(worker: int) -> None:
        search = _Search(shop, incumbent, budget, budget.seed * 1_000_003 + worker)
        greedy = False
        while search.visits < visits and not incumbent.closed and not budget.over():
            shorter = search.rebuilt() if greedy else search.tabu()
            greedy = greedy == shorter
        budget.spend("tabu and greedy search", search.visits * SECONDS_PER_VISIT)

    at_once([partial(work, worker) for worker in range(budget.workers or 1)], budget.stop)


class _Search:
    """The best sequences of one thread, and what has been spent on them: tasks times moves."""

    def __init__(self, shop: Shop, incumbent: Incumbent[Solution], budget: Budget, seed: int) -> None:
        self._shop, self._incumbent, self._budget = shop, incumbent, budget
        self._source = random.Random(seed)
        state = shop.state(incumbent.solution)
        self._mode, self._lead = state[0], state[2]
        self._best = incumbent.value
        self._weight = len(self._mode) + 50
        self._began = time.monotonic()
        self.visits = 0

    @property
    def _target(self) -> int:
        return round(max(self._incumbent.bound, 0))

    def _timely(self, moves: int) -> int:
        """As many of the moves as will be made before the deadline, at the speed so far; not below 100."""
        left = self._budget.seconds_left()
        if left == math.inf:
            return moves
        speed = self.visits / max(time.monotonic() - self._began, 0.1) if self.visits else FIRST_SPEED
        return max(100, min(moves, int(min(0.8 * left, LONGEST_TURN) * speed / self._weight)))

    def tabu(self) -> bool:
        """A turn of tabu search; whether it found a shorter schedule."""
        from mapper.solve.makespan.flexible.tabu_kernels import FAR, search, shake

        state = self._shop.linked(self._mode, self._lead)
        if self.visits:
            strength = max(2, round(len(self._mode) * SHAKEN * self._source.random()))
            shaken: tuple[Any, ...] = (*self._shop.arrays, *state, strength, self._source.randrange(2**31))
            shake(*shaken)
        mode, lead = self._mode.copy(), self._lead.copy()
        limits = (FAR, self._target, self._timely(MOVES), PATIENCE, self._source.randrange(2**31))
        everything: tuple[Any, ...] = (*self._shop.arrays, *state, mode, lead, *limits)
        value, made = search(*everything)
        self.visits += made * self._weight
        return self._keep(value, mode, lead)

    def rebuilt(self) -> bool:
        """A turn of iterated greedy search; whether it found a shorter schedule."""
        from mapper.solve.makespan.flexible.rebuild_kernels import rebuild

        state = self._shop.linked(self._mode, self._lead)
        rounds = self._timely(VISITS // self._weight) // 3
        limits = (self._target, rounds, self._source.randrange(2**31))
        everything: tuple[Any, ...] = (*self._shop.arrays, *state, *limits)
        value = rebuild(*everything)
        self.visits += 3 * rounds * self._weight
        return self._keep(value, state[0], state[2])

    def _keep(self, value: int, mode: Ints, lead: Ints) -> bool:
        """Take sequences that are no worse; whether they are better."""
        shorter = value < self._best
        if value <= self._best:
            self._best, self._mode, self._lead = value, mode, lead
        if value < self._incumbent.value:
            self._incumbent.offer(self._shop.solution(mode, lead), "tabu and greedy search")
        return shorter


class Shop:
    """A problem as the kernels take it: rows of predecessors and of followers, and rows of modes."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        before = [sorted({problem.edges[e].source for e in edges}) for edges in problem.inputs]
        after = [sorted({problem.edges[e].sink for e in edges}) for edges in problem.outputs]
        self._modes = [
            [(problem.tasks[i].modes[m].demands[0][0], problem.tasks[i].modes[m].ticks) for m in kept]
            for i, kept in enumerate(problem.possible)
        ]
        flat = [mode for row in self._modes for mode in row]
        self.arrays: tuple[Any, ...] = (
            _begins(before),
            _ints([p for row in before for p in row]),
            _begins(after),
            _ints([p for row in after for p in row]),
            _begins(self._modes),
            _ints([k for k, _ in flat]),
            _ints([t for _, t in flat]),
        )

    def state(self, solution: Solution) -> tuple[Ints, ...]:
        """The mode, machine, and neighbours of each task, and the front of each machine, of a schedule."""
        kept = self._problem.possible
        mode = _ints([kept[i].index(m) for i, m in enumerate(solution.mode)])
        last: dict[int, int] = {}
        lead = np.full(len(mode), -1, dtype=np.int64)
        place = {i: k for k, i in enumerate(self._problem.order)}
        for i in sorted(range(len(mode)), key=lambda i: (solution.start[i], place[i])):
            k = self._modes[i][mode[i]][0]
            lead[i] = last.get(k, -1)
            last[k] = i
        return self.linked(mode, lead)

    def linked(self, mode: Ints, lead: Ints) -> tuple[Ints, ...]:
        """A state from modes and the task before each on its machine."""
        machine = _ints([row[m][0] for row, m in zip(self._modes, mode, strict=True)])
        follow = np.full(len(mode), -1, dtype=np.int64)
        first = np.full(len(self._problem.resources), -1, dtype=np.int64)
        for i, before in enumerate(lead.tolist()):
            if before >= 0:
                follow[before] = i
            else:
                first[machine[i]] = i
        return mode.copy(), machine, lead.copy(), follow, first

    def solution(self, mode: Ints, lead: Ints) -> Solution:
        """The schedule of a state: each task as early as those before it allow."""
        from mapper.solve.makespan.flexible.tabu_kernels import arrange, sweep

        _, _, _, follow, _ = self.linked(mode, lead)
        before_from, before_of, after_from, after_of, mode_from, _, mode_ticks = self.arrays
        order, head = np.empty(len(mode), dtype=np.int64), np.zeros(len(mode), dtype=np.int64)
        ticks = mode_ticks[mode_from[:-1] + mode]
        arrange(before_from, after_from, after_of, lead, follow, order)
        sweep(order, 0, len(mode), 1, before_from, before_of, lead, ticks, head)
        chosen = tuple(self._problem.possible[i][m] for i, m in enumerate(mode.tolist()))
        return Solution(chosen, tuple(head.tolist()), int((head + ticks).max(initial=0)))


def _begins(rows: Sequence[Sequence[Any]]) -> Ints:
    return np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64)


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)
