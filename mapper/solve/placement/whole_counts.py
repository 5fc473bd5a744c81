"""The relaxation with whole numbers of items per class and option: a better bound, and counts to place by."""

from __future__ import annotations

from mapper.solve.budget import Budget
from mapper.solve.placement.linear import solve_whole
from mapper.solve.placement.relaxation import Bound, Relaxation, shares

NODES_PER_SECOND = 40
"""Nodes of SCIP's tree for a second of deterministic time."""

LARGEST = 8_000
"""Columns above which the root alone would take too long."""

TOLERANCE = 2e-6
"""Relative error that SCIP's bound is trusted to stay below."""


def with_whole_counts(r: Relaxation, found: Bound, unit: float, budget: Budget, ceiling: float) -> Bound:
    """The bound after branching on the counts; `unit` is the worth of 1 in the program's objective."""
    program = r.program
    if found.value >= ceiling * (1 - 1e-9) or len(program.cost) > LARGEST:
        return found
    for x in r.short:
        program.high[x] = 0.0
    counts = [x for row in r.count for x in row]
    nodes = max(1, int(NODES_PER_SECOND * budget.deterministic_seconds))
    whole = solve_whole(program, counts, nodes, budget)
    if whole is None:
        return found
    placed = found.shares if whole.columns is None else shares(r, whole.columns)
    value = min(whole.bound * unit * (1 - TOLERANCE), ceiling)
    if value > found.value:
        return Bound(value, f"whole-count {found.name}", placed)
    return Bound(found.value, found.name, placed)
