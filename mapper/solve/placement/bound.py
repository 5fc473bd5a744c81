"""Lower bounds of the four objectives; the largest is named."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from mapper.solve.budget import Budget
from mapper.solve.placement.classes import classify
from mapper.solve.placement.linear import Solver
from mapper.solve.placement.path_bound import latency_bound
from mapper.solve.placement.relaxation import (
    NOTHING,
    Bound,
    Relaxation,
    longest_interval,
    price_of_leaving_out,
    relax,
    shares,
)
from mapper.solve.placement.tables import Tables


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
    longest = min(ceiling, longest_interval(tables.problem))
    if longest <= 0:
        return NOTHING
    r = relax(tables, classify(tables), longest, longest)
    price_of_leaving_out(r, 4.0)
    r.program.cost[r.interval] = 1.0
    solver = Solver(r.program)
    best = solver.solve(budget)
    if best is None:
        return NOTHING
    found = Bound(_ticks(best.bound * longest), "unrelated-machines LP", shares(r, best.columns))
    found = _parametric(r, solver, budget, found, longest)
    for c, row in enumerate(_alone(r)):
        for x, ticks in zip(r.count[c], row, strict=True):
            r.program.high[x] = r.size(c) if ticks <= longest else 0.0
    return replace(found, relaxation=r, unit=longest)


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
            found, high = Bound(least, first.name, shares(r, best.columns)), middle - 1
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
    longest = longest_interval(problem)
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
    price_of_leaving_out(r, 4.0)
    best = Solver(r.program).solve(budget)
    if best is None:
        return NOTHING
    return Bound(max(0.0, best.bound * most), "energy LP", shares(r, best.columns), r, most)


def _ticks(value: float) -> float:
    """A bound of whole ticks."""
    return float(max(0, math.ceil(value * (1 - 1e-9) - 1e-6)))
