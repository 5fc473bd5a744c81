"""A lower bound as sharp as a known value asks for, without a search for anything better than that value."""

from __future__ import annotations

import math
from dataclasses import replace

from mapper.solve.budget import Budget
from mapper.solve.placement.bound import lower_bound
from mapper.solve.placement.goal import Goal
from mapper.solve.placement.lp_round import rounded
from mapper.solve.placement.problem import Problem
from mapper.solve.placement.relaxation import Bound
from mapper.solve.placement.repair import mended
from mapper.solve.placement.state import State
from mapper.solve.placement.tables import build
from mapper.solve.placement.whole_counts import with_whole_counts

SHARE = 0.25
"""The part of the budget for whole counts."""

NODES = 10
"""Nodes of the tree of whole counts for a second of deterministic time: a bound that is to stay where it was
mostly does so at the root."""


def proved(problem: Problem, objective: str, budget: Budget, ceiling: float, enough: float) -> Bound:
    """A bound of the objective, at most `ceiling` (ticks or picojoules): that of the relaxation, and where it is
    further from the ceiling than a part `enough`, that of whole counts. These are not asked where rounding the
    relaxation finds a placement so far below the ceiling: no bound comes near it then."""
    problem.check()
    tables = build(problem)
    found = lower_bound(tables, objective, budget, ceiling)
    found = replace(found, value=min(found.value, ceiling))
    wanted = ceiling * (1 - enough)
    if found.value >= wanted or not found.shares or budget.over():
        return found
    goal = Goal(tables, objective, found.value or ceiling)
    placed = mended(tables, goal, rounded(tables, found.shares), budget)
    broken, value, _ = goal.value(State.of(tables, placed.choice))
    if broken == 0 and value < wanted:
        return found
    whole = with_whole_counts(found, budget.part(SHARE), ceiling, NODES)
    if objective in ("throughput", "latency"):
        whole = replace(whole, value=min(float(math.ceil(whole.value - 1e-9)), ceiling))
    return whole
