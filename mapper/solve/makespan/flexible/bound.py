"""Lower bounds on a flexible makespan: the critical path, and the load of the resources under the best prices."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from mapper.solve.makespan.bound import largest
from mapper.solve.makespan.flexible.prices import best_prices
from mapper.solve.makespan.flexible.problem import Edge, Mode, Problem


def bound(problem: Problem) -> tuple[int, str]:
    """The largest bound and its name."""
    heads, tails = heads_of(problem), tails_of(problem)
    ways = [way_after(problem, i, tails) for i in range(len(problem.tasks))]
    best, name = max(tails, default=0), "critical path"
    for prices, what in _price_lists(problem):
        value = priced_load(problem, prices, heads, ways)
        if value > best:
            best, name = value, what
    return best, name


def _price_lists(problem: Problem) -> list[tuple[Sequence[int], str]]:
    """Each resource alone, and all at the prices of the linear relaxation."""
    count = len(problem.resources)
    alone = [([int(r == k) for r in range(count)], f"load of '{problem.resources[k].name}'") for k in range(count)]
    return [*alone, (best_prices(problem), "load of all resources")]


def priced_load(problem: Problem, prices: Sequence[int], heads: Sequence[int], ways: Sequence[int]) -> int:
    """The largest, over sets of tasks, of: earliest start + priced work/priced capacity + shortest way to the end.

    heads: earliest starts; ways: least times from a task's end to the end of everything, in whatever mode it runs.
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
            users.append((heads[i], work, ways[i]))
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


def way_after(problem: Problem, i: int, tails: Sequence[int]) -> int:
    """The shortest time from a task's end to the end of everything: that of the mode in which it is least, for a slow
    mode may spare a transfer that a quick one needs."""
    ways = []
    edges = [problem.edges[e] for e in problem.outputs[i]]
    for m in problem.possible[i]:
        mode = problem.tasks[i].modes[m]
        lags = [_lag_of(problem, edge, mode) for edge in edges]
        reached = [lag + tails[edge.sink] for lag, edge in zip(lags, edges, strict=True) if lag is not None]
        if len(reached) == len(edges):
            ways.append(max(0, max(reached, default=0) - mode.ticks))
    return min(ways, default=0)


def _quickest(problem: Problem, i: int) -> int:
    return min(problem.tasks[i].modes[m].ticks for m in problem.possible[i])


def _lag(problem: Problem, edge: Edge) -> int:
    """The least time between the starts of an edge's ends."""
    if edge.tiles == 1 and edge.size is None:
        return _quickest(problem, edge.source)
    source = problem.tasks[edge.source]
    lags = [_lag_of(problem, edge, source.modes[m]) for m in problem.possible[edge.source]]
    return min((lag for lag in lags if lag is not None), default=0)


def _lag_of(problem: Problem, edge: Edge, source: Mode) -> int | None:
    """The least time between the starts of an edge's ends when its source takes a mode; None when no mode of the sink
    can read that."""
    if edge.tiles == 1 and edge.size is None:
        return source.ticks
    lags = []
    for m in problem.possible[edge.sink]:
        sink = problem.tasks[edge.sink].modes[m]
        if problem.reachable(edge, source, sink):
            move = problem.transfer(edge, source, sink)
            chain = [source.ticks, sink.ticks] if move is None else [source.ticks, move.ticks, sink.ticks]
            lags.append(sum(lag(x, y, edge.tiles) for x, y in pairwise(chain)))
    return min(lags, default=None)


def lag(before: int, after: int, tiles: int) -> int:
    """The least time between the starts of two stages of the given ticks: one tile after the first starts, and ending
    a tile of the second's after it ends."""
    return max(-(-before // tiles), before + -(-after // tiles) - after)
