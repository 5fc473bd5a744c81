"""Large-neighbourhood search: some items are placed anew by CP-SAT, the others stay."""

from __future__ import annotations

import random

from mapper.solve import cpsat
from mapper.solve.budget import Budget
from mapper.solve.placement.cpsat_model import OutOfRange, model_of
from mapper.solve.placement.descent import Neighbours
from mapper.solve.placement.goal import Goal, Value
from mapper.solve.placement.problem import Solution
from mapper.solve.placement.state import State
from mapper.solve.placement.tables import Tables

FIRST_SIZE = 24
"""Items freed at first; the number follows what CP-SAT can finish."""

ROUND_SECONDS = 0.25
"""Deterministic seconds of one neighbourhood."""


class Neighbourhoods:
    """The search from one feasible placement."""

    def __init__(self, tables: Tables, goal: Goal, near: Neighbours, start: Solution, seed: int) -> None:
        self.best_choice = list(start.choice)
        self.best: Value = goal.value(State.of(tables, start.choice))
        self._tables, self._goal, self._near = tables, goal, near
        self._random = random.Random(seed)
        self._size = float(FIRST_SIZE)
        self._turn = 0

    def run(self, seconds: float, budget: Budget, good_enough: float) -> None:
        """Search for so many deterministic seconds; ends early when the budget is over or a value is good enough."""
        left = seconds
        while left > 0 and not budget.over() and self.best[1] > good_enough:
            free = self._pick()
            try:
                model = model_of(self._tables, self._goal.objective, self.best_choice, free, hint=True)
            except OutOfRange:
                return
            share = Budget(
                min(ROUND_SECONDS, left), budget.seed + self._turn, budget.deadline, budget.stop, work=budget.work
            )
            answer = cpsat.solve(model.model, share)
            left -= answer.deterministic_seconds + 0.02
            budget.reached(min(1.0, 1 - left / seconds))
            finished = answer.outcome is cpsat.Outcome.OPTIMAL
            self._size = min(self._size * 1.15, len(self.best_choice)) if finished else max(self._size * 0.85, 4.0)
            if answer.found:
                choice = model.read(answer.solver, self.best_choice)
                value = self._goal.value(State.of(self._tables, choice))
                if value[:2] <= self.best[:2]:
                    self.best, self.best_choice = value, choice

    def _pick(self) -> list[int]:
        """The next items to free, of one kind after the other: random, in a row, of one class, by hottest resource."""
        self._turn += 1
        count, size = len(self.best_choice), round(self._size)
        first = self._random.randrange(count)
        match self._turn % 4:
            case 0:
                wanted = self._random.sample(range(count), min(size, count))
            case 1:
                wanted = [(first + k) % count for k in range(size)]
            case 2:
                mates = list(self._near.mates[first])
                self._random.shuffle(mates)
                others = self._random.sample(range(count), min(size, count))
                wanted = mates[: (size + 1) // 2] + others
            case _:
                hot = self._hot()
                self._random.shuffle(hot)
                wanted = hot[: (size + 1) // 2] + self._random.sample(range(count), min(size, count))
        freed = dict.fromkeys(j for i in wanted for j in (i, *self._near.twins[i]))
        return sorted(list(freed)[: max(size, 2)])

    def _hot(self) -> list[int]:
        """Items that load the busiest shared resource."""
        state = State.of(self._tables, self.best_choice)
        if not self._tables.columns:
            return []
        column = int(state.row[:-2].argmax())
        return [i for i, o in enumerate(self.best_choice) if self._tables.rows[i][o, column] > 0]
