"""The relaxation with whole numbers of items per class and option: a better bound, and counts to place by."""

from __future__ import annotations

from dataclasses import replace

from mapper.solve.budget import Budget
from mapper.solve.placement.folding import folded
from mapper.solve.placement.relaxation import Bound, shares
from mapper.solve.placement.scip import solve_whole

NODES_PER_SECOND = 150
"""Nodes of SCIP's tree for a second of deterministic time."""

COLUMNS_PER_SECOND = 3_000
"""Columns above which, per second of deterministic time, the root alone would take too long (measured: 2,200 columns
take 0.5 s, 6,300 take 10 to 40 s)."""

TOLERANCE = 2e-6
"""Relative error that SCIP's bound is trusted to stay below."""


def with_whole_counts(found: Bound, budget: Budget, ceiling: float, rate: int = NODES_PER_SECOND) -> Bound:
    """The bound after branching on the counts, and their best point; ceiling: the value of a feasible solution; rate:
    nodes for a second of deterministic time.

    Where each unit's counts are too many, those of alike units are branched on together. No row holds the objective
    below the ceiling: with one, SCIP finds no point to place by."""
    r = found.relaxation
    if r is None or found.value >= ceiling * (1 - 1e-9):
        return found
    for x in r.short:
        r.program.high[x] = 0.0
    most = COLUMNS_PER_SECOND * budget.deterministic_seconds
    nodes = max(1, int(rate * budget.deterministic_seconds))
    counts = [x for row in r.count for x in row]
    if len(r.program.cost) <= most:
        whole = solve_whole(r.program, counts, nodes, budget)
        point = None if whole is None else whole.columns
    else:
        fold = folded(r.program)
        if len(fold.program.cost) > most:
            return found
        whole = solve_whole(fold.program, sorted({int(fold.column_of[x]) for x in counts}), nodes, budget)
        point = None if whole is None or whole.columns is None else fold.unfolded(whole.columns)
    if whole is None:
        return found
    placed = found.shares if point is None else shares(r, point)
    value = min(whole.bound * found.unit * (1 - TOLERANCE), ceiling)
    if value > found.value:
        return replace(found, value=value, name=f"whole-count {found.name}", shares=placed)
    return replace(found, shares=placed)
