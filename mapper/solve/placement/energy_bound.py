"""The bound of the energy: a relaxation whose idle power is paid for as long as some resource is forced to be busy."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

from mapper.solve.budget import Budget
from mapper.solve.placement.classes import classify
from mapper.solve.placement.forced import Forced, forced
from mapper.solve.placement.linear import Optimum, Solver
from mapper.solve.placement.path_bound import add_limits
from mapper.solve.placement.relaxation import (
    NOTHING,
    Bound,
    Relaxation,
    longest_interval,
    price_of_leaving_out,
    relax,
    rules,
    shares,
)
from mapper.solve.placement.rests import rests_of
from mapper.solve.placement.tables import Tables

PROGRAMS = 24
"""Linear programs solved at most: a range of intervals is halved while it holds the least of them."""


def energy_bound(tables: Tables, budget: Budget, ceiling: float) -> Bound:
    """The relaxation with energy and idle power as objective, the least over ranges of the interval.

    In a range no option is left whose forced load is above its end, and idle power is paid from its start on.
    """
    problem = tables.problem
    idle, longest = problem.idle_pj_per_tick, longest_interval(problem)
    if idle > 0:
        longest = min(longest, ceiling / idle * (1 + 1e-9) + 1.0)
    most = float(sum(int(row[:, -2].max()) for row in tables.rows)) + idle * longest + 1.0
    r = _program(tables, most, longest)
    add_limits(r, budget)
    alone = forced(r)
    ranges = _Ranges(
        alone, Solver(r.program, alone.marks()), most, max(1.0, longest), [0.0, *alone.steps(0.0, longest)]
    )
    first = ranges.solve(0, len(ranges.starts) - 1, budget)
    if first is None:
        return NOTHING
    rest = _branched(ranges, first, budget, ceiling) if idle > 0 else [first]
    least = min(rest, key=lambda part: part.bound, default=None)
    value = ceiling if least is None else min(least.bound, ceiling)
    shown = least or first
    ranges.keep(rest or [first])
    name = "energy LP" if value <= first.bound else "energy LP by intervals"
    best = shown.optimum
    return Bound(max(0.0, value), name, shares(r, best.columns), r, most, rests_of(r, best, most))


def _program(tables: Tables, most: float, longest: float) -> Relaxation:
    problem, scale = tables.problem, max(1.0, longest)
    interval_counts = problem.idle_pj_per_tick > 0 or any(x.quantity == "throughput" for x in problem.limits)
    with_loads = relax if interval_counts else rules  # rows that bind nothing make GLOP slow
    r = with_loads(tables, classify(tables), scale, longest)
    for c, items in enumerate(r.classes.items):
        for x, option in zip(r.count[c], problem.items[items[0]].options, strict=True):
            r.program.cost[x] = option.cost / most
    for net, sent in r.legs.items():
        for leg, x in sent.items():
            r.program.cost[x] = problem.transfers[net.size][leg].cost / most
    r.program.cost[r.interval] = problem.idle_pj_per_tick * scale / most
    price_of_leaving_out(r, 4.0)
    return r


@dataclass(frozen=True)
class _Part:
    """A range of steps, both ends included, and its relaxation's optimum."""

    first: int
    last: int
    bound: float
    optimum: Optimum


@dataclass(frozen=True)
class _Ranges:
    """The relaxation, restricted to ranges of the interval that start at `starts` (ticks)."""

    alone: Forced
    solver: Solver
    most: float
    scale: float
    starts: list[float]

    def solve(self, first: int, last: int, budget: Budget) -> _Part | None:
        """The relaxation with the interval from the start of `first` to the end of `last`."""
        self.alone.limit(self.starts[last], self.solver)
        self.solver.raise_to(self.alone.relaxation.interval, self.starts[first] / self.scale * (1 - 1e-12))
        found = self.solver.solve(budget)
        return None if found is None else _Part(first, last, found.bound * self.most, found)

    def cut(self, part: _Part) -> int | None:
        """The step at which to halve a range so that both halves exclude its optimum; None where none does."""
        r = self.alone.relaxation
        interval = part.optimum.columns[r.interval] * self.scale
        used = [
            row[0]
            for columns, rows in zip(r.count, self.alone.loads, strict=True)
            for x, row in zip(columns, rows, strict=True)
            if part.optimum.columns[x] > 1e-6
        ]
        worst = max(used, default=0)
        between = [k for k in range(part.first + 1, part.last + 1) if interval * (1 + 1e-9) < self.starts[k] <= worst]
        return between[len(between) // 2] if between else None

    def keep(self, parts: list[_Part]) -> None:
        """Leave the program restricted to the parts together."""
        r = self.alone.relaxation
        self.alone.limit(self.starts[max(part.last for part in parts)])
        r.program.low[r.interval] = self.starts[min(part.first for part in parts)] / self.scale * (1 - 1e-12)


def _branched(ranges: _Ranges, first: _Part, budget: Budget, ceiling: float) -> list[_Part]:
    """The ranges that may hold a solution below the ceiling, the least halved again and again."""
    heap, solved, done = [(first.bound, 0, first)], 1, list[_Part]()
    while heap and solved < PROGRAMS:
        _, _, part = heapq.heappop(heap)
        cut = ranges.cut(part)
        if cut is None:  # the least of all: no other matters
            done.append(part)
            break
        for a, b in ((part.first, cut - 1), (cut, part.last)):
            half = ranges.solve(a, b, budget)
            solved += 1
            if half is None:
                return [*(p for _, _, p in heap), *done, part]
            if half.bound < ceiling or math.isinf(ceiling):
                heapq.heappush(heap, (half.bound, solved, half))
    return [*(p for _, _, p in heap), *done]
