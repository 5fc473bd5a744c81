"""Lower bounds of the four objectives; the largest is named."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mapper.solve.budget import Budget
from mapper.solve.placement.classes import classify
from mapper.solve.placement.critical import critical_path
from mapper.solve.placement.linear import Optimum, Solver
from mapper.solve.placement.problem import Problem
from mapper.solve.placement.relaxation import Relaxation, relax
from mapper.solve.placement.tables import Floats, Tables


@dataclass(frozen=True)
class Bound:
    """A value no solution can undercut, the argument's name, and per item the share of each option in the
    relaxation (empty where there is none)."""

    value: float
    name: str
    shares: tuple[Floats, ...] = ()


NOTHING = Bound(0.0, "none")


def lower_bound(tables: Tables, objective: str, budget: Budget, ceiling: float = math.inf) -> Bound:
    """The largest bound of the objective. ceiling: the value of any feasible solution."""
    match objective:
        case "throughput":
            return throughput_bound(tables, budget, ceiling)
        case "latency":
            return latency_bound(tables, budget)
        case "energy":
            return energy_bound(tables, budget, ceiling)
    energy, latency = energy_bound(tables, budget, math.inf), latency_bound(tables, budget)
    return Bound(energy.value * latency.value, f"{energy.name} x {latency.name}", latency.shares or energy.shares)


def throughput_bound(tables: Tables, budget: Budget, ceiling: float) -> Bound:
    """Lenstra, Shmoys and Tardos 1990: the least interval whose relaxation, without the options that alone exceed
    it, has a solution. Loads are whole ticks, so it is rounded up."""
    longest = min(ceiling, _longest(tables.problem))
    if longest <= 0:
        return NOTHING
    r = relax(tables, classify(tables), longest, longest)
    _price_of_leaving_out(r, 4.0)
    r.program.cost[r.interval] = 1.0
    solver = Solver(r.program)
    best = solver.solve(budget)
    if best is None:
        return NOTHING
    found = Bound(_ticks(best.bound * longest), "unrelated-machines LP", _shares(r, best))
    return _parametric(r, solver, budget, found, longest)


def _parametric(r: Relaxation, solver: Solver, budget: Budget, first: Bound, longest: float) -> Bound:
    """Search the range of intervals, between two single options' loads, that is the first to admit a solution."""
    alone = _alone(r)
    steps = sorted({float(t) for row in alone for t in row if first.value < t <= longest})
    starts, ends = [first.value, *steps], [*steps, math.inf]
    low, high = 0, len(steps)
    refuted, found = first.value, first
    while low <= high:
        middle = (low + high) // 2
        for c, row in enumerate(alone):
            for x, ticks in zip(r.count[c], row, strict=True):
                solver.limit(x, r.size(c) if ticks <= starts[middle] else 0.0)
        best = solver.solve(budget)
        if best is None:
            return Bound(refuted, first.name, first.shares)
        least = _ticks(best.bound * longest)
        if least >= ends[middle]:  # nothing in this range, and less below it, where fewer options are left
            refuted, low = ends[middle], middle + 1
        else:
            found, high = Bound(least, first.name, _shares(r, best)), middle - 1
    value = min(longest, max(refuted, found.value))
    return Bound(value, f"parametric {first.name}" if value > first.value else first.name, found.shares)


def _alone(r: Relaxation) -> list[list[int]]:
    """The largest load of one resource that each option of each class brings by itself."""
    rows = []
    for items in r.classes.items:
        first = items[0]
        dense = r.tables.rows[first][:, :-2].max(axis=1, initial=0)
        sparse = r.tables.private_ticks[first].max(axis=1, initial=0)
        rows.append(np.maximum(dense, sparse).tolist())
    return rows


def energy_bound(tables: Tables, budget: Budget, ceiling: float) -> Bound:
    """The relaxation with energy and idle power as objective."""
    problem = tables.problem
    longest = _longest(problem)
    if problem.idle_pj_per_tick > 0:
        longest = min(longest, ceiling / problem.idle_pj_per_tick * (1 + 1e-9) + 1.0)
    most = float(sum(int(row[:, -2].max()) for row in tables.rows)) + problem.idle_pj_per_tick * longest + 1.0
    scale = max(1.0, longest)
    r = relax(tables, classify(tables), scale, longest)
    for c, items in enumerate(r.classes.items):
        for x, option in zip(r.count[c], problem.items[items[0]].options, strict=True):
            r.program.cost[x] = option.cost / most
    for net, sent in r.legs.items():
        for leg, x in sent.items():
            r.program.cost[x] = problem.transfers[net.size][leg].cost / most
    r.program.cost[r.interval] = problem.idle_pj_per_tick * scale / most
    _price_of_leaving_out(r, 4.0)
    best = Solver(r.program).solve(budget)
    if best is None:
        return NOTHING
    return Bound(max(0.0, best.bound * most), "energy LP", _shares(r, best))


def latency_bound(tables: Tables, budget: Budget) -> Bound:
    """Each phase's critical path."""
    path = critical_path(tables)
    return Bound(float(sum(c * e for c, e in zip(tables.problem.calls, path.ends, strict=True))), "critical path")


def _price_of_leaving_out(r: Relaxation, price: float) -> None:
    """What leaving an item out costs: more than any solution, so no solution is cut off."""
    for x in r.short:
        r.program.cost[x] = price


def _longest(problem: Problem) -> float:
    """An interval that no solution exceeds."""
    items = sum(max(sum(t for _, t in o.loads) for o in item.options) for item in problem.items)
    legs = 0
    for net in problem.nets:
        most = max((sum(t for _, t in m.loads) for m in problem.transfers[net.size].values()), default=0)
        legs += most * (len(net.sinks) + len(net.ends))
    return float(items + legs)


def _ticks(value: float) -> float:
    """A bound of whole ticks."""
    return float(max(0, math.ceil(value * (1 - 1e-9) - 1e-6)))


def _shares(r: Relaxation, best: Optimum) -> tuple[Floats, ...]:
    """Per item, the share of each option."""
    shares: list[Floats] = [np.zeros(0)] * len(r.tables.problem.items)
    for c, items in enumerate(r.classes.items):
        row = np.maximum(best.columns[r.count[c]], 0.0) / len(items)
        for i in items:
            shares[i] = row
    return tuple(shares)
