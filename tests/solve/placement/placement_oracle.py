"""Brute force: the best feasible solution of a tiny problem by trying them all."""

from __future__ import annotations

import itertools

from mapper.errors import MapperError
from mapper.solve.placement.problem import Problem, Solution, objective, totals, verify


def best(problem: Problem, names: tuple[str, ...]) -> dict[str, float] | None:
    """The least value of each objective over all feasible solutions, or None without any."""
    found: dict[str, float] = {}
    for choice in itertools.product(*(range(len(item.options)) for item in problem.items)):
        solution = Solution(choice)
        try:
            verify(problem, solution)
        except MapperError:
            continue
        t = totals(problem, solution)
        for name in names:
            value = objective(problem, t, name)
            found[name] = min(found.get(name, value), value)
    return found or None
