"""Linear programs whose reported bound holds whatever the solver's tolerances: it is recomputed from the duals."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ortools.linear_solver import pywraplp

from mapper.solve.budget import Budget
from mapper.solve.placement.folding import folded
from mapper.solve.placement.program import Program
from mapper.solve.placement.tables import Floats, Ints

UNSCALED, DEFAULTS = "use_scaling:false use_preprocessing:false", "use_scaling:true use_preprocessing:true"
"""GLOP's parameters for programs that it gives up (status ABNORMAL) in numbers that it scaled, and its own."""

SECONDS_PER_ENTRY = 7e-9
"""Deterministic seconds charged for each entry of the program in each iteration (measured: 6 to 11 ns on programs of
8,000 to 19,000 entries)."""


@dataclass(frozen=True)
class Optimum:
    """A proven lower bound of the program, and the columns and duals the solver ended with."""

    bound: float
    columns: Floats
    duals: Floats


class Solver:
    """GLOP on one program, folded; bounds of columns may change between calls, which start from the last basis.

    marks: columns whose bounds will change, with equal numbers where they will change alike.
    """

    def __init__(self, program: Program, marks: Mapping[int, int] | None = None) -> None:
        self.program, self.fold = program, folded(program, marks)
        small = self.fold.program
        self._glop = pywraplp.Solver.CreateSolver("GLOP")
        infinity = self._glop.infinity()
        self._low, self._high = list(small.low), list(small.high)
        self._columns = [self._glop.NumVar(a, b, "") for a, b in zip(small.low, small.high, strict=True)]
        self._rows = [
            self._glop.Constraint(max(a, -infinity), min(b, infinity))
            for a, b in zip(small.row_low, small.row_high, strict=True)
        ]
        for r, c, w in zip(small.at_row, small.at_column, small.weight, strict=True):
            self._rows[r].SetCoefficient(self._columns[c], w)
        goal = self._glop.Objective()
        for column, cost in zip(self._columns, small.cost, strict=True):
            goal.SetCoefficient(column, cost)
        goal.SetMinimization()
        self._at_row: Ints = np.array(program.at_row, dtype=np.int64)
        self._at_column: Ints = np.array(program.at_column, dtype=np.int64)
        self._weight: Floats = np.array(program.weight)

    def limit(self, column: int, high: float) -> None:
        """Change a column's upper bound."""
        c = self.fold.column_of[column]
        self._high[c] += high - self.program.high[column]
        self.program.high[column] = high
        self._columns[c].SetUb(self._high[c])

    def raise_to(self, column: int, low: float) -> None:
        """Change a column's lower bound."""
        c = self.fold.column_of[column]
        self._low[c] += low - self.program.low[column]
        self.program.low[column] = low
        self._columns[c].SetLb(self._low[c])

    def solve(self, budget: Budget) -> Optimum | None:
        """The optimum with a safe bound, or None when the budget's deadline came first."""
        if budget.over():
            return None
        if budget.deadline is not None:
            self._glop.SetTimeLimit(max(1, int(1000 * (budget.deadline - time.monotonic()))))
        status = self._glop.Solve()
        self._charge(budget)
        if status == pywraplp.Solver.ABNORMAL:
            status = self._solve_as_it_is()
            self._charge(budget)
        if status != pywraplp.Solver.OPTIMAL:
            return None
        duals = np.array([row.dual_value() for row in self._rows])[self.fold.row_of]
        columns = self.fold.unfolded(np.array([column.solution_value() for column in self._columns]))
        return Optimum(self._safe_bound(duals), columns, duals)

    def _charge(self, budget: Budget) -> None:
        budget.spend("glop", self._glop.iterations() * len(self.fold.program.weight) * SECONDS_PER_ENTRY)

    def _solve_as_it_is(self) -> int:
        """Solve again, neither scaled nor preprocessed, what GLOP gave up; its status."""
        self._glop.SetSolverSpecificParametersAsString(UNSCALED)
        status: int = self._glop.Solve()
        self._glop.SetSolverSpecificParametersAsString(DEFAULTS)
        return status

    def _safe_bound(self, duals: Floats) -> float:
        """The Lagrangian bound of the duals (Neumaier and Shcherbina 2004): true for any duals of the right sign."""
        p = self.program
        low, high = np.array(p.row_low), np.array(p.row_high)
        duals = np.where((duals > 0) & np.isinf(low), 0.0, duals)
        duals = np.where((duals < 0) & np.isinf(high), 0.0, duals)
        side = np.where(duals > 0, low, np.where(duals < 0, high, 0.0))
        reduced = np.array(p.cost) - np.bincount(
            self._at_column, self._weight * duals[self._at_row], minlength=len(p.cost)
        )
        ends = np.where(reduced > 0, np.array(p.low), np.array(p.high))
        parts = np.concatenate([duals * side, reduced * ends])
        return float(parts.sum() - 1e-12 * np.abs(parts).sum())
