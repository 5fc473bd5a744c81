"""Linear programs with whole columns, by SCIP: the same answer in every run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from mapper.solve.budget import Budget
from mapper.solve.placement.program import Program
from mapper.solve.placement.tables import Floats

if TYPE_CHECKING:
    from ortools.math_opt.python import mathopt

T = TypeVar("T")

ROUNDS_AT_ROOT = 10
"""Rounds of cutting planes before SCIP branches: later ones take long and raise the bound little."""

RELATIVE_GAP = 1e-7

SECONDS_PER_ENTRY = 4e-8
"""Deterministic seconds charged for each entry of the program in each iteration of its simplex method (measured, with
presolve and cuts: 39 to 45 ns)."""

LOOKS_S = 0.05
"""Seconds between two looks at whether somebody asked to stop."""


@dataclass(frozen=True)
class Whole:
    """An integer program's lower bound (to SCIP's tolerance) and its best point, if any."""

    bound: float
    columns: Floats | None


def solve_whole(program: Program, whole: Sequence[int], nodes: int, budget: Budget) -> Whole | None:
    """SCIP with some columns whole numbers, for so many nodes of its tree; None when it has nothing to say.

    The model goes through MathOpt, which keeps its rows in order: the older interface of OR-Tools gives SCIP the terms
    of a row in the order of a table of addresses, another one in each process, and SCIP's point is then another too.
    """
    from ortools.math_opt.python import mathopt

    if budget.over():
        return None
    model, limits = _model(program, whole), _limits(nodes, budget)
    result = _unless_stopped(lambda: mathopt.solve(model, mathopt.SolverType.GSCIP, params=limits), budget)
    if result is not None:
        entries = len(set(zip(program.at_row, program.at_column, strict=True)))
        budget.spend("scip", result.solve_stats.simplex_iterations * entries * SECONDS_PER_ENTRY)
    reasons = mathopt.TerminationReason
    told = (reasons.OPTIMAL, reasons.FEASIBLE, reasons.NO_SOLUTION_FOUND)
    if result is None or result.termination.reason not in told:
        return None
    if not result.has_primal_feasible_solution():
        return Whole(result.dual_bound(), None)
    values = {x.id: value for x, value in result.variable_values().items()}
    point = np.array([values[k] for k in range(len(program.cost))])
    chosen = np.array(sorted(set(whole)), dtype=np.int64)
    point[chosen] = np.round(point[chosen])
    return Whole(result.dual_bound(), point)


def _model(program: Program, whole: Sequence[int]) -> mathopt.Model:
    """The program with some columns whole numbers; columns and rows are numbered as there."""
    from ortools.math_opt import model_pb2
    from ortools.math_opt.python import mathopt

    columns, rows = len(program.cost), len(program.row_low)
    proto = model_pb2.ModelProto()
    integers = np.zeros(columns, dtype=bool)
    integers[list(whole)] = True
    proto.variables.ids.extend(range(columns))
    proto.variables.lower_bounds.extend(program.low)
    proto.variables.upper_bounds.extend(program.high)
    proto.variables.integers.extend(integers.tolist())
    proto.objective.linear_coefficients.ids.extend(k for k, cost in enumerate(program.cost) if cost)
    proto.objective.linear_coefficients.values.extend(cost for cost in program.cost if cost)
    proto.linear_constraints.ids.extend(range(rows))
    proto.linear_constraints.lower_bounds.extend(program.row_low)
    proto.linear_constraints.upper_bounds.extend(program.row_high)
    terms: dict[tuple[int, int], float] = {}
    for r, c, weight in zip(program.at_row, program.at_column, program.weight, strict=True):
        terms[r, c] = weight
    for (r, c), weight in sorted(terms.items()):
        proto.linear_constraint_matrix.row_ids.append(r)
        proto.linear_constraint_matrix.column_ids.append(c)
        proto.linear_constraint_matrix.coefficients.append(weight)
    return mathopt.Model.from_model_proto(proto)


def _limits(nodes: int, budget: Budget) -> mathopt.SolveParameters:
    from ortools.math_opt.python import mathopt
    from ortools.math_opt.solvers.gscip import gscip_pb2

    own = gscip_pb2.GScipParameters(silence_output=True)
    own.int_params["separating/maxroundsroot"] = ROUNDS_AT_ROOT
    own.int_params["randomization/randomseedshift"] = budget.seed % 1_000_000
    left = None if budget.deadline is None else timedelta(seconds=max(0.001, budget.deadline - time.monotonic()))
    return mathopt.SolveParameters(
        node_limit=nodes, relative_gap_tolerance=RELATIVE_GAP, time_limit=left, threads=1, gscip=own
    )


def _unless_stopped(work: Callable[[], T], budget: Budget) -> T | None:
    """What `work` returns, which cannot be ended early; None soon after somebody asked to stop: it then goes on beside
    what follows, and is waited for when the program ends."""
    pool = ThreadPoolExecutor(1)
    try:
        answer = pool.submit(work)
        while not budget.stop.is_set():
            try:
                return answer.result(timeout=LOOKS_S)
            except TimeoutError:
                continue
        return None
    finally:
        pool.shutdown(wait=False)
