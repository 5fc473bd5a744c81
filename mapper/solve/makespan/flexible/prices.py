"""Prices of resources at which the cheapest modes of all tasks cost most: the dual of spreading work over machines."""

from __future__ import annotations

from ortools.linear_solver import pywraplp

from mapper.solve.makespan.flexible.problem import Problem

SCALE = 10**6
"""Prices are whole numbers of millionths, so that what they prove is exact whatever the solver rounded."""

MOST_MODES = 200_000
"""Modes up to which the linear program is worth its time; equal prices above."""


def best_prices(problem: Problem) -> list[int]:
    """A whole price per resource, none negative.

    Linear program: maximise the sum of the tasks' costs, each at most that of any of its modes at the prices, the
    capacities together worth 1 (Lenstra, Shmoys, Tardos, 1990, for unrelated machines).
    """
    if sum(map(len, problem.possible)) > MOST_MODES:
        return [SCALE] * len(problem.resources)
    solver = pywraplp.Solver.CreateSolver("GLOP")
    prices = [solver.NumVar(0.0, solver.infinity(), "") for _ in problem.resources]
    costs = []
    for i, kept in enumerate(problem.possible):
        cost = solver.NumVar(0.0, solver.infinity(), "")
        for m in kept:
            mode = problem.tasks[i].modes[m]
            solver.Add(cost <= sum((float(mode.ticks * a) * prices[r] for r, a in mode.demands), start=0.0 * cost))
        costs.append(cost)
    worth = sum((float(r.capacity) * p for r, p in zip(problem.resources, prices, strict=True)), start=0.0)
    if not costs or not any(r.capacity for r in problem.resources):
        return [0] * len(problem.resources)
    solver.Add(worth <= 1.0)
    solver.Maximize(sum(costs))
    if solver.Solve() != pywraplp.Solver.OPTIMAL:
        return [SCALE] * len(problem.resources)
    found = [p.solution_value() for p in prices]
    top = max(found, default=0.0)
    return [round(SCALE * max(p, 0.0) / top) if top > 0 else 0 for p in found]
