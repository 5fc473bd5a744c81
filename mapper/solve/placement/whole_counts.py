"""The relaxation with whole numbers of items per class and option: a better bound, and counts to place by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mapper.solve.budget import Budget
from mapper.solve.placement.folding import folded
from mapper.solve.placement.linear import solve_whole
from mapper.solve.placement.program import Program
from mapper.solve.placement.relaxation import Bound, shares
from mapper.solve.placement.tables import Floats

NODES_PER_SECOND = 150
"""Nodes of SCIP's tree for a second of deterministic time."""

COLUMNS_PER_SECOND = 3_000
"""Columns above which, per second of deterministic time, the root alone would take too long (measured: 2,200 columns
take 0.5 s, 6,300 take 10 to 40 s)."""

TOLERANCE = 2e-6
"""Relative error that SCIP's bound is trusted to stay below."""


def with_whole_counts(found: Bound, budget: Budget, ceiling: float) -> Bound:
    """The bound after branching on the counts, and their best point; ceiling: the value of a feasible solution.

    First on sums over alike units, which is quick, then on each unit's. No row holds the objective below the ceiling:
    with one, SCIP finds no point and then tells no bound."""
    r = found.relaxation
    if r is None:
        return found
    for x in r.short:
        r.program.high[x] = 0.0
    counts = [x for row in r.count for x in row]
    fold = folded(r.program)
    sums = sorted({int(fold.column_of[x]) for x in counts})
    found = _branched(found, fold.program, sums, fold.unfolded, budget.part(0.5), ceiling)
    if len(fold.program.cost) == len(r.program.cost):
        return found
    return _branched(found, r.program, counts, None, budget.part(0.5), ceiling)


def _branched(
    found: Bound,
    program: Program,
    whole: list[int],
    unfold: Callable[[Floats], Floats] | None,
    budget: Budget,
    ceiling: float,
) -> Bound:
    """The bound after branching on some columns of one program, where there is anything to gain and it is not too
    large."""
    r, seconds = found.relaxation, 2 * budget.deterministic_seconds
    if r is None or found.value >= ceiling * (1 - 1e-9) or len(program.cost) > COLUMNS_PER_SECOND * seconds:
        return found
    nodes = max(1, int(NODES_PER_SECOND * budget.deterministic_seconds))
    answer = solve_whole(program, whole, nodes, budget)
    if answer is None:
        return found
    placed = found.shares
    if answer.columns is not None:
        placed = shares(r, answer.columns if unfold is None else unfold(answer.columns))
    value = min(answer.bound * found.unit * (1 - TOLERANCE), ceiling)
    if value <= found.value:
        return replace(found, shares=placed)
    name = found.name if found.name.startswith("whole-count") else f"whole-count {found.name}"
    return replace(found, value=value, name=name, shares=placed)
