"""List schedules of disturbed ranks: HEFT and PEFT again and again, each time a little different."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial

from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent
from mapper.solve.makespan.flexible.listing import listed
from mapper.solve.makespan.flexible.problem import Problem, Solution
from mapper.solve.makespan.flexible.ranks import optimistic_costs, upward_ranks

SECONDS_PER_MODE = 1e-5
"""Deterministic seconds charged for each mode and each edge of each schedule (measured)."""

NOISE = (0.0, 0.1, 0.3)
"""Ranks are multiplied by one plus or minus up to one of these; so is the weight of the optimistic costs."""


def sample(problem: Problem, incumbent: Incumbent[Solution], budget: Budget) -> None:
    """Schedules of disturbed ranks until the budget is used; in every other one, modes look ahead as in PEFT."""
    source = random.Random(budget.seed)
    ranks, costs = upward_ranks(problem), optimistic_costs(problem)
    cost = SECONDS_PER_MODE * (sum(map(len, problem.possible)) + len(problem.edges) + 1)
    count, spent = 0, 0.0
    while spent < budget.deterministic_seconds and not incumbent.closed and not budget.over():
        noise = source.choice(NOISE)
        ahead = source.random() if count % 2 else 0.0
        disturbed = [rank * (1 + noise * source.uniform(-1, 1)) for rank in ranks]
        found = listed(problem, disturbed, partial(_outlook, costs, ahead))
        if found is not None:
            incumbent.offer(found, "list schedules")
        count, spent = count + 1, spent + cost
        budget.spend("list schedules", cost)


def _outlook(costs: Sequence[Sequence[float]], ahead: float, i: int, m: int, end: int) -> tuple[float, ...]:
    return (end + ahead * costs[i][m],)
