"""Solves a packing problem within a budget: as low as possible, or below a capacity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.packing.bound import bound
from mapper.solve.packing.cpsat import pack_below, pack_low
from mapper.solve.packing.depth_first import LIMIT, Verdict, search
from mapper.solve.packing.first_fit import first_fit, orders
from mapper.solve.packing.problem import Ints, Problem, Solution
from mapper.solve.packing.reorder import reorder

REORDER_SHARE = 0.15
"""Part of the budget for moving buffers in the first-fit order."""

DEPTH_FIRST_SHARES = (0.05, 0.2)
"""Parts of the budget for each depth-first search: short ones in all orders first."""

CPSAT_SHARE = 0.005
"""Part of the budget for CP-SAT: on these models a deterministic second takes it about 60 s (measured)."""


@dataclass(frozen=True, slots=True)
class Result:
    """A packing with its height in bytes (None when none was found), a lower bound, and how the search ended."""

    solution: Solution | None
    height: int | None
    bound: int
    status: Outcome


def minimise(problem: Problem, budget: Budget) -> Result:
    """The lowest packing found. The capacity is not looked at: compare `height` with it."""
    problem.check()
    if not problem.items:
        return Result(Solution(()), 0, 0, Outcome.OPTIMAL)
    least = bound(problem)
    best, order = _lowest_first_fit(problem, least, budget)
    if _height(problem, best) > least and not budget.over():
        best = reorder(problem, order, best, least // problem.unit, budget.part(REORDER_SHARE))
    if _height(problem, best) > least and len(problem.items) <= LIMIT and not budget.over():
        best, least = _lower(problem, best, least, budget.part(1.0 - REORDER_SHARE))
    height = _height(problem, best)
    budget.tell(height, least)
    return Result(in_bytes(problem, best), height, least, Outcome.OPTIMAL if height == least else Outcome.FEASIBLE)


def fits(problem: Problem, budget: Budget) -> Result:
    """A packing below the capacity; 'infeasible' when proved impossible, 'unknown' when none was found."""
    problem.check()
    if problem.capacity is None:
        raise MapperError("fits needs a capacity; minimise does without")
    if not problem.items:
        return Result(Solution(()), 0, 0, Outcome.OPTIMAL)
    least = bound(problem)
    if least > problem.capacity:
        return Result(None, None, least, Outcome.INFEASIBLE)
    best, order = _lowest_first_fit(problem, problem.capacity, budget)
    if _height(problem, best) > problem.capacity:
        verdict, found = _below(problem, problem.capacity, order, best, budget)
        if found is None:
            return Result(None, None, least, verdict)
        best = found
    height = _height(problem, best)
    return Result(in_bytes(problem, best), height, least, Outcome.OPTIMAL if height == least else Outcome.FEASIBLE)


def _below(problem: Problem, capacity: int, order: Ints, best: Ints, budget: Budget) -> tuple[Outcome, Ints | None]:
    """A packing below the capacity by reordering, depth-first searches and CP-SAT in turn, or why there is none."""
    best = reorder(problem, order, best, capacity // problem.unit, budget.part(REORDER_SHARE))
    if _height(problem, best) <= capacity:
        return Outcome.FEASIBLE, best
    if len(problem.items) > LIMIT:
        return Outcome.UNKNOWN, None
    for share in DEPTH_FIRST_SHARES:
        for _, by in orders(problem):
            if budget.over():
                return Outcome.UNKNOWN, None
            verdict, found = search(problem, by, capacity, budget.part(share))
            if verdict is Verdict.FOUND:
                return Outcome.FEASIBLE, found
            if verdict is Verdict.NONE_EXISTS:
                return Outcome.INFEASIBLE, None
    offsets, answer = pack_below(problem, capacity, budget.part(CPSAT_SHARE))
    return answer.outcome, None if offsets is None else np.array(offsets, dtype=np.int64)


def _lower(problem: Problem, best: Ints, least: int, budget: Budget) -> tuple[Ints, int]:
    """Lower offsets and a higher bound: heights between the two are asked for by bisection until one is not answered.

    A depth-first search that ends without a packing proves that its height is too low.
    """
    asked = least
    while not budget.over():
        verdict, found = _search_all(problem, asked, budget.part(1 / 6))
        if verdict is Verdict.FOUND:
            best = found
        elif verdict is Verdict.NONE_EXISTS:
            least = asked + 1
        else:
            break
        if _height(problem, best) <= least:
            return best, least
        asked = (least + _height(problem, best) - 1) // 2
    offsets, answer = pack_low(problem, best, least, budget.part(CPSAT_SHARE))
    if answer.bound is not None:
        least = max(least, round(answer.bound))
    return (best if offsets is None else np.array(offsets, dtype=np.int64)), least


def _search_all(problem: Problem, capacity: int, budget: Budget) -> tuple[Verdict, Ints]:
    """The first answer of depth-first searches in each order."""
    tried = [by for _, by in orders(problem)]
    for by in tried:
        verdict, found = search(problem, by, capacity, budget.part(1 / len(tried)))
        if verdict is not Verdict.GAVE_UP:
            break
    return verdict, found


def _lowest_first_fit(problem: Problem, enough: int, budget: Budget) -> tuple[Ints, Ints]:
    """The lowest of the first-fit packings, and its order; stops at a height that is enough."""
    best: tuple[int, Ints, Ints] | None = None
    for _, order in orders(problem):
        offsets = first_fit(problem, order)
        height = _height(problem, offsets)
        if best is None or height < best[0]:
            best = height, offsets, order
        if best[0] <= enough or budget.over():
            break
    assert best is not None
    return best[1], best[2]


def _height(problem: Problem, offsets: Ints) -> int:
    return problem.height(in_bytes(problem, offsets).offsets)


def in_bytes(problem: Problem, offsets: Ints) -> Solution:
    """A solution from offsets in units."""
    return Solution(tuple(int(o) * problem.unit for o in offsets.tolist()))
