"""Lower bounds of the four objectives; the largest is named."""

from __future__ import annotations

import math
from dataclasses import replace

from mapper.solve.budget import Budget
from mapper.solve.placement.classes import classify
from mapper.solve.placement.energy_bound import energy_bound
from mapper.solve.placement.forced import Forced, forced
from mapper.solve.placement.linear import Optimum, Solver
from mapper.solve.placement.path_bound import add_limits, latency_bound
from mapper.solve.placement.relaxation import (
    NOTHING,
    PRICED,
    Bound,
    longest_interval,
    price_of_leaving_out,
    relax,
    shares,
)
from mapper.solve.placement.rests import rests_of
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
    r = relax(tables, classify(tables), longest, PRICED * longest)
    price_of_leaving_out(r, 4.0)
    r.program.cost[r.interval] = 1.0
    add_limits(r, budget)
    alone = forced(r)
    solver = Solver(r.program, alone.marks())
    best = solver.solve(budget)
    if best is None:
        return NOTHING
    first = _of(alone, best, longest)
    found = _parametric(alone, solver, budget, first, longest)
    alone.limit(longest)
    r.program.high[r.interval] = 1.0
    return replace(found, relaxation=r, unit=longest)


def _parametric(alone: Forced, solver: Solver, budget: Budget, first: Bound, longest: float) -> Bound:
    """Search the range of intervals, between two single options' loads, that is the first to admit a solution."""
    steps = alone.steps(first.value, longest)
    starts, ends = [first.value, *steps], [*steps, math.inf]
    low, high = 0, len(steps)
    refuted, found = first.value, first
    while low <= high:
        middle = (low + high) // 2
        alone.limit(starts[middle], solver)
        best = solver.solve(budget)
        if best is None:
            return replace(found, value=min(longest, refuted))
        least = _ticks(best.bound * longest)
        if least >= ends[middle]:  # nothing in this range, and less below it, where fewer options are left
            refuted, low = ends[middle], middle + 1
        else:
            found, high = _of(alone, best, longest), middle - 1
    value = min(longest, max(refuted, found.value))
    return replace(found, value=value, name=f"parametric {first.name}" if value > first.value else first.name)


def _of(alone: Forced, best: Optimum, longest: float) -> Bound:
    """The bound that an optimum of the relaxation is."""
    r = alone.relaxation
    placed, rests = shares(r, best.columns), rests_of(r, best, longest)
    return Bound(_ticks(best.bound * longest), "unrelated-machines LP", placed, rests=rests)


def _ticks(value: float) -> float:
    """A bound of whole ticks."""
    return float(max(0, math.ceil(value * (1 - 1e-9) - 1e-6)))
