"""Improves a schedule by a genetic search over activity lists; every child is justified."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

from mapper.solve.budget import Budget
from mapper.solve.makespan.dispatch import dispatch
from mapper.solve.makespan.justify import justify, serial
from mapper.solve.makespan.problem import Problem, Solution

POOL = 24
"""Schedules kept as parents."""

SECONDS_PER_VISIT = 1.2e-5
"""Deterministic seconds charged for each activity of each child (measured: three placements of about 4 us)."""


def improve(problem: Problem, first: Solution, least: int, budget: Budget) -> Solution:
    """The best schedule found; stops at `least`, when the budget is used, or when it is over."""
    random_source = random.Random(budget.seed)
    pool = [justify(problem, first)]
    best = pool[0]
    cost = SECONDS_PER_VISIT * (len(problem.activities) + 10)
    children = budget.deterministic_seconds // cost
    for n in itertools.count():
        if n >= children or best.makespan <= least or budget.over():
            break
        order = _sample(problem, random_source) if len(pool) < POOL // 2 else _cross(pool, random_source)
        child = justify(problem, _decode(problem, order, n))
        budget.spend("genetic search", cost)
        if child.makespan < best.makespan:
            best = child
            budget.tell(best.makespan, least)
        _enter(pool, child)
    return best


def _decode(problem: Problem, order: Sequence[float], n: int) -> Solution:
    """A schedule from ranks: alternately without needless delay, and each activity in turn at its earliest tick."""
    if problem.elastic or n % 2:
        return dispatch(problem, [-rank for rank in order])
    return serial(problem, order)


def _sample(problem: Problem, random_source: random.Random) -> list[float]:
    """Ranks by latest start, disturbed."""
    span = max(problem.tails, default=0) * random_source.choice((0.1, 0.3, 0.6))
    return [random_source.random() * span - tail for tail in problem.tails]


def _cross(pool: Sequence[Solution], random_source: random.Random) -> list[float]:
    """Ranks of a child: those of one parent before and after two cuts, of another between; then a few are moved."""
    a, b = random_source.sample(range(len(pool)), 2)
    mother, father = _list_of(pool[a]), _list_of(pool[b])
    count = len(mother)
    left, right = sorted((random_source.randint(0, count), random_source.randint(0, count)))
    head = mother[:left]
    taken = set(head)
    middle = [i for i in father if i not in taken][: right - left]
    taken.update(middle)
    ranks = [0.0] * count
    for rank, i in enumerate([*head, *middle, *(i for i in mother if i not in taken)]):
        ranks[i] = rank
    for _ in range(max(1, count // 20)):
        i = random_source.randrange(count)
        ranks[i] += random_source.gauss(0, 0.1 * count)
    return ranks


def _list_of(solution: Solution) -> list[int]:
    return sorted(range(len(solution.start)), key=lambda i: (solution.start[i], solution.end[i], i))


def _enter(pool: list[Solution], child: Solution) -> None:
    """Keep the child unless it is known or worse than all of a full pool; the pool stays sorted by makespan."""
    if any(child == known for known in pool):
        return
    pool.append(child)
    pool.sort(key=lambda s: s.makespan)
    del pool[POOL:]
