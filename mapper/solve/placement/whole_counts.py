"""The relaxation with whole numbers of items per class and option: a better bound, and counts to place by."""

from __future__ import annotations

from dataclasses import replace

from mapper.solve.budget import Budget
from mapper.solve.placement.linear import solve_whole
from mapper.solve.placement.relaxation import Bound, shares

NODES_PER_SECOND = 150
"""Nodes of SCIP's tree for a second of deterministic time."""

COLUMNS_PER_SECOND = 2_000
"""Columns above which, per second of deterministic time, the root alone would take too long."""

TOLERANCE = 2e-6
"""Relative error that SCIP's bound is trusted to stay below."""


def with_whole_counts(found: Bound, budget: Budget, ceiling: float) -> Bound:
    """The bound after branching on the counts, and their best point; ceiling: the value of a feasible solution.

    No row holds the objective below the ceiling: with one, SCIP finds no point and then tells no bound."""
    r, unit = found.relaxation, found.unit
    if (
        r is None
        or found.value >= ceiling * (1 - 1e-9)
        or len(r.program.cost) > COLUMNS_PER_SECOND * budget.deterministic_seconds
    ):
        return found
    program = r.program
    for x in r.short:
        program.high[x] = 0.0
    nodes = max(1, int(NODES_PER_SECOND * budget.deterministic_seconds))
    whole = solve_whole(program, [x for row in r.count for x in row], nodes, budget)
    if whole is None:
        return found
    placed = found.shares if whole.columns is None else shares(r, whole.columns)
    value = min(whole.bound * unit * (1 - TOLERANCE), ceiling)
    if value > found.value:
        return replace(found, value=value, name=f"whole-count {found.name}", shares=placed)
    return replace(found, shares=placed)
