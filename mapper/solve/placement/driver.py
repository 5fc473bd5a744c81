"""The search for a placement: constructions, bounds, descent, exact search, under one budget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mapper.errors import Infeasible
from mapper.solve.budget import Budget
from mapper.solve.placement.bound import NOTHING, Bound, lower_bound
from mapper.solve.placement.descent import Descent, Neighbours, neighbours
from mapper.solve.placement.goal import Goal, Value
from mapper.solve.placement.greedy import balanced, fastest, heaviest_first
from mapper.solve.placement.lp_round import rounded
from mapper.solve.placement.problem import Problem, Solution, totals, verify
from mapper.solve.placement.problem import objective as objective_of
from mapper.solve.placement.state import State
from mapper.solve.placement.tables import Tables, build

STEPS_PER_SECOND = 6000
"""Outlooks the descent may take for a second of deterministic time."""


@dataclass(frozen=True)
class Result:
    """A feasible placement, its value, a value none can undercut and whose argument that is, and who found it.

    status: 'optimal' (value and bound meet), 'feasible', or 'interrupted' (stop or deadline). history: the value
    after each method that improved it.
    """

    solution: Solution
    value: float
    bound: float
    bound_name: str
    status: str
    method: str
    history: tuple[tuple[str, float], ...]


class _Search:
    """The best placement so far and where it came from."""

    def __init__(self, tables: Tables, goal: Goal, budget: Budget) -> None:
        self.tables, self.goal, self.budget = tables, goal, budget
        self.best: Solution | None = None
        self.value: Value = (math.inf, math.inf, math.inf)
        self.method = "none"
        self.bound: Bound = NOTHING
        self.history: list[tuple[str, float]] = []

    def offer(self, solution: Solution, method: str) -> Value:
        """Keep a placement if it is the best so far; its value is returned."""
        value = self.goal.value(State.of(self.tables, solution.choice))
        if value < self.value:
            self.best, self.value, self.method = solution, value, method
            if value[0] == 0:
                self.history.append((method, value[1]))
                self.budget.tell(value[1], self.bound.value or None)
        return value

    @property
    def closed(self) -> bool:
        return self.value[0] == 0 and self.value[1] <= self.bound.value * (1 + 1e-9)


def solve(problem: Problem, objective: str, budget: Budget, starts: Sequence[Solution] = ()) -> Result:
    """The best placement found within the budget, never worse than a feasible start.

    Raises Infeasible when there is none.
    """
    problem.check()
    tables = build(problem)
    search = _Search(tables, Goal(tables, objective, 1.0), budget)
    for start in starts:
        search.offer(start, "start")
    search.offer(fastest(tables), "fastest")
    search.goal = Goal(tables, objective, search.value[1])
    search.offer(balanced(tables, search.goal), "balanced")
    search.offer(balanced(tables, search.goal, heaviest_first(tables)), "heaviest first")
    search.bound = lower_bound(tables, objective, budget, search.value[1] if search.value[0] == 0 else math.inf)
    search.goal = Goal(tables, objective, search.bound.value or search.value[1])
    if search.bound.shares:
        search.offer(rounded(tables, search.bound.shares), "LP rounding")
    _descend(search, neighbours(tables))
    if search.best is None or search.value[0] > 0:
        raise Infeasible("no placement fits")
    value = objective_of(problem, totals(problem, search.best), objective)
    verify(problem, search.best)
    status = "optimal" if search.closed else "interrupted" if budget.over() else "feasible"
    bound = min(search.bound.value, value)
    return Result(search.best, value, bound, search.bound.name, status, search.method, tuple(search.history))


def _descend(search: _Search, near: Neighbours) -> None:
    assert search.best is not None
    descent = Descent(search.tables, search.goal, near, search.best, search.budget.seed)
    descent.run(int(search.budget.deterministic_seconds * STEPS_PER_SECOND), search.budget, search.bound.value)
    search.offer(Solution(tuple(descent.best_choice)), "descent")
