"""Brute force: the best feasible solution of a tiny problem by trying them all."""

from __future__ import annotations

import itertools
from dataclasses import replace

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


def best_latency_in_any_order(problem: Problem) -> float | None:
    """The least latency over all feasible solutions and all orders in which machines may take the items."""
    orders = [order for order in itertools.permutations(range(len(problem.items))) if _topological(problem, order)]
    found: list[float] = []
    for choice in itertools.product(*(range(len(item.options)) for item in problem.items)):
        try:
            verify(problem, Solution(choice))
        except MapperError:
            continue
        for order in orders:
            moved = reordered(problem, order)
            found.append(totals(moved, Solution(tuple(choice[i] for i in order))).latency)
    return min(found, default=None)


def _topological(problem: Problem, order: tuple[int, ...]) -> bool:
    place = {i: k for k, i in enumerate(order)}
    return all(net.source < 0 or all(place[net.source] < place[s] for s in net.sinks) for net in problem.nets)


def reordered(problem: Problem, order: tuple[int, ...]) -> Problem:
    """The same problem with its items in another order."""
    place = {i: k for k, i in enumerate(order)} | {-1: -1}
    nets = tuple(
        replace(net, source=place[net.source], sinks=tuple(sorted(place[s] for s in net.sinks))) for net in problem.nets
    )
    ties = tuple(tuple(place[i] for i in tie) for tie in problem.ties)
    return replace(problem, items=tuple(problem.items[i] for i in order), nets=nets, ties=ties)
