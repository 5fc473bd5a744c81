"""Lower bounds on a flexible makespan: the critical path, and the load of the resources under the best prices."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from mapper.solve.makespan.bound import largest
from mapper.solve.makespan.flexible.prices import best_prices
from mapper.solve.makespan.flexible.problem import Edge, Problem


def bound(problem: Problem) -> tuple[int, str]:
    """The largest bound and its name."""
    heads, tails = heads_of(problem), tails_of(problem)
    best, name = max(tails, default=0), "critical path"
    for prices, what in _price_lists(problem):
        value = priced_load(problem, prices, heads, tails)
        if value > best:
            best, name = value, what
    return best, name


def _price_lists(problem: Problem) -> list[tuple[Sequence[int], str]]:
    """Each resource alone, and all at the prices of the linear relaxation."""
    count = len(problem.resources)
    alone = [([int(r == k) for r in range(count)], f"load of '{problem.resources[k].name}'") for k in range(count)]
    return [*alone, (best_prices(problem), "load of all resources")]


def priced_load(problem: Problem, prices: Sequence[int], heads: Sequence[int], tails: Sequence[int]) -> int:
    """The largest, over sets of tasks, of: earliest start + priced work/priced capacity + shortest way to the end.

    prices: a whole number per resource, none negative. At every tick the priced amounts held are at most the priced
    capacities; a task's work is that of the mode in which it is least. Holds for any prices.
    """
    capacity = sum(p * r.capacity for p, r in zip(prices, problem.resources, strict=True))
    if not capacity:
        return 0
    users = []
    for i, kept in enumerate(problem.possible):
        modes = [problem.tasks[i].modes[m] for m in kept]
        work = min(m.ticks * sum(prices[r] * a for r, a in m.demands) for m in modes)
        if work:
            users.append((heads[i], work, tails[i] - min(m.ticks for m in modes)))
    return largest(users, capacity)


def heads_of(problem: Problem) -> list[int]:
    """For each task the earliest start that the edges alone allow, everything at its quickest."""
    heads = [0] * len(problem.tasks)
    for i in problem.order:
        heads[i] = max(
            (heads[problem.edges[e].source] + _lag(problem, problem.edges[e]) for e in problem.inputs[i]), default=0
        )
    return heads


def tails_of(problem: Problem) -> list[int]:
    """For each task the shortest time from its start to the end of everything, itself included."""
    tails = [_quickest(problem, i) for i in range(len(problem.tasks))]
    for i in reversed(problem.order):
        for e in problem.outputs[i]:
            edge = problem.edges[e]
            tails[i] = max(tails[i], _lag(problem, edge) + tails[edge.sink])
    return tails


def _quickest(problem: Problem, i: int) -> int:
    return min(problem.tasks[i].modes[m].ticks for m in problem.possible[i])


def _lag(problem: Problem, edge: Edge) -> int:
    """The least time between the starts of an edge's ends."""
    if edge.tiles == 1 and edge.size is None:
        return _quickest(problem, edge.source)
    sources = [problem.tasks[edge.source].modes[m] for m in problem.possible[edge.source]]
    sinks = [problem.tasks[edge.sink].modes[m] for m in problem.possible[edge.sink]]
    lags = []
    for a in sources:
        for b in sinks:
            if problem.reachable(edge, a, b):
                move = problem.transfer(edge, a, b)
                chain = [a.ticks, b.ticks] if move is None else [a.ticks, move.ticks, b.ticks]
                lags.append(sum(lag(x, y, edge.tiles) for x, y in pairwise(chain)))
    return min(lags, default=0)


def lag(before: int, after: int, tiles: int) -> int:
    """The least time between the starts of two stages of the given ticks: one tile after the first starts, and ending
    a tile of the second's after it ends."""
    return max(-(-before // tiles), before + -(-after // tiles) - after)
