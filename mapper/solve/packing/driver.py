"""Solves a packing problem within a budget: as low as possible, or below a capacity."""

from __future__ import annotations

from dataclasses import dataclass

from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.packing.bound import bound
from mapper.solve.packing.first_fit import first_fit, orders
from mapper.solve.packing.problem import Ints, Problem, Solution


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
    least = bound(problem)
    best = _lowest_first_fit(problem, least, budget)
    height = problem.height(best.offsets)
    return Result(best, height, least, Outcome.OPTIMAL if height == least else Outcome.FEASIBLE)


def fits(problem: Problem, budget: Budget) -> Result:
    """A packing below the capacity; 'infeasible' when proved impossible, 'unknown' when none was found."""
    problem.check()
    if problem.capacity is None:
        raise MapperError("fits needs a capacity; minimise does without")
    least = bound(problem)
    if least > problem.capacity:
        return Result(None, None, least, Outcome.INFEASIBLE)
    best = _lowest_first_fit(problem, problem.capacity, budget)
    height = problem.height(best.offsets)
    if height > problem.capacity:
        return Result(None, None, least, Outcome.UNKNOWN)
    return Result(best, height, least, Outcome.OPTIMAL if height == least else Outcome.FEASIBLE)


def _lowest_first_fit(problem: Problem, enough: int, budget: Budget) -> Solution:
    """The lowest of the first-fit packings; stops at a height that is enough."""
    best: tuple[int, Solution] | None = None
    for _, order in orders(problem):
        solution = in_bytes(problem, first_fit(problem, order))
        height = problem.height(solution.offsets)
        if best is None or height < best[0]:
            best = height, solution
        if best[0] <= enough or budget.over():
            break
    assert best is not None
    return best[1]


def in_bytes(problem: Problem, offsets: Ints) -> Solution:
    """A solution from offsets in units."""
    return Solution(tuple(int(o) * problem.unit for o in offsets.tolist()))
