"""Flexible job shops (each mode one machine for itself, nothing travels): iterated tabu search, a thread per worker."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent
from mapper.solve.makespan.evolve import Ints
from mapper.solve.makespan.flexible.problem import Problem, Solution
from mapper.solve.makespan.threads import at_once

PATIENCE = 3000
"""Moves without a shorter schedule after which the search starts anew from a shaken one."""

VISITS = 2_000_000
"""Tasks times moves between two looks at the clock: about a third of a second."""

SHAKEN = 0.05
"""Up to this share of the tasks is moved at random before a search starts anew."""

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


def tabu(problem: Problem, incumbent: Incumbent[Solution], budget: Budget) -> None:
    """Tabu search from the incumbent, again and again from its best schedule shaken, until the budget is used."""
    from mapper.solve.makespan.flexible import tabu_kernels

    shop = Shop(problem)
    moves = budget.deterministic_seconds / (SECONDS_PER_VISIT * (len(problem.tasks) + 50))

    def work(worker: int) -> None:
        source = random.Random(budget.seed * 1_000_003 + worker)
        best, state = incumbent.value, shop.state(incumbent.solution)
        mode, lead = state[0].copy(), state[2].copy()
        made, chunk = 0, max(PATIENCE, VISITS // (len(mode) + 50))
        while made < moves and not incumbent.closed and not budget.over():
            new_mode, new_lead = mode.copy(), lead.copy()
            limits = (round(max(incumbent.bound, 0)), chunk, PATIENCE, source.randrange(2**31))
            everything: tuple[Any, ...] = (*shop.arrays, *state, new_mode, new_lead, tabu_kernels.FAR, *limits)
            value, count = tabu_kernels.search(*everything)
            made += count
            if value <= best:
                best, mode, lead = value, new_mode, new_lead
                if value < incumbent.value:
                    incumbent.offer(shop.solution(mode, lead), "tabu search")
            state = shop.linked(mode, lead)
            strength = max(2, round(len(mode) * SHAKEN * source.random()))
            shaken: tuple[Any, ...] = (*shop.arrays, *state, strength, source.randrange(2**31))
            tabu_kernels.shake(*shaken)

    at_once([partial(work, worker) for worker in range(budget.workers or 1)])


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
        from mapper.solve.makespan.flexible.tabu_kernels import arrange, reach

        _, _, _, follow, _ = self.linked(mode, lead)
        before_from, before_of, after_from, after_of, mode_from, _, mode_ticks = self.arrays
        order, head = np.empty(len(mode), dtype=np.int64), np.zeros(len(mode), dtype=np.int64)
        ticks = mode_ticks[mode_from[:-1] + mode]
        arrange(before_from, after_from, after_of, lead, follow, order)
        for i in order.tolist():
            head[i] = reach(i, before_from, before_of, lead, ticks, head)
        chosen = tuple(self._problem.possible[i][m] for i, m in enumerate(mode.tolist()))
        return Solution(chosen, tuple(head.tolist()), int((head + ticks).max(initial=0)))


def _begins(rows: Sequence[Sequence[Any]]) -> Ints:
    return np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64)


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)
