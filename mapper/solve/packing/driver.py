"""Solves a packing problem within a budget: as low as possible, or below a capacity."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.packing.bound import bound
from mapper.solve.packing.decide import UNKNOWN, Answer, Decision
from mapper.solve.packing.depth_first import Verdict
from mapper.solve.packing.first_fit import lowest_first_fit
from mapper.solve.packing.infeasible import Core, no_order, overload
from mapper.solve.packing.problem import Ints, Problem, Solution
from mapper.solve.packing.reorder import reorder
from mapper.solve.packing.sections import components

FIRST_SHARE = 0.05
"""Part of the budget for a first attempt at the bound: a few buffers are done with it."""

REORDER_SHARE = 0.1
"""Part of the budget for moving buffers in the first-fit order."""

SOON_SHARE = 0.15
"""Part of the budget for the first look at all components that are too high."""

ASK_SHARE = 0.3
"""Part of what is left of the budget (work and time) for each question whether a height can be reached."""

CLOSE_ENOUGH = 1e-4
"""A part of the height: what could not be decided this close below it is not asked again."""

LIVE_LOAD = "live load"
"""The name of the bound that is the most that is live at once."""


@dataclass(frozen=True, slots=True)
class Result:
    """A packing with its height in bytes (None when none was found), a lower bound, and how the search ended.

    by: what found the packing or the proof. core: buffers that cannot fit together, when it is infeasible. start: the
    height of first fit, largest buffers first, where the search began.
    """

    solution: Solution | None
    height: int | None
    bound: int
    bound_name: str
    status: Outcome
    by: str
    core: Core | None = None
    start: int | None = None


def minimise(problem: Problem, budget: Budget, near: float = 0.0) -> Result:
    """The lowest packing found. The capacity is not looked at: compare `height` with it.

    near: the part of the bound by which first fit may miss it and still be taken without a search.
    """
    problem = replace(problem, capacity=None)
    problem.check()
    least = bound(problem)
    enough = int(least * (1.0 + near))
    packing = _Packing(problem, least, enough, budget)
    if packing.height <= enough:
        return packing.result()
    if not budget.over():
        packing.ask(packing.least, budget.slice(FIRST_SHARE), hurry=True)
    if not packing.enough and not budget.over():
        packing.reorder(budget.slice(REORDER_SHARE))
    if not packing.enough and not budget.over():
        packing.lower(budget.part(1.0 - FIRST_SHARE - REORDER_SHARE))
    return packing.result()


def fits(problem: Problem, budget: Budget) -> Result:
    """A packing below the capacity; 'infeasible' when proved impossible, 'unknown' when none was found."""
    problem.check()
    if problem.capacity is None:
        raise MapperError("fits needs a capacity; minimise does without")
    least = bound(problem)
    if least > problem.capacity:
        return Result(None, None, least, LIVE_LOAD, Outcome.INFEASIBLE, LIVE_LOAD, overload(problem))
    packing = _Packing(problem, least, problem.capacity, budget)
    if packing.height <= problem.capacity:
        return packing.result()
    answer, part = packing.ask(problem.capacity, budget)
    if answer.verdict is Verdict.FOUND:
        return packing.result()
    if answer.verdict is Verdict.GAVE_UP:
        return Result(None, None, least, LIVE_LOAD, Outcome.UNKNOWN, "")
    core = no_order(problem, tuple(part.tolist()))
    return Result(None, None, problem.capacity + 1, answer.by, Outcome.INFEASIBLE, answer.by, core)


class _Packing:
    """The best packing so far, in bytes, with the bound; its components are searched one by one.

    enough: the height at which first fit may stop trying orders.
    """

    def __init__(self, problem: Problem, least: int, enough: int, budget: Budget) -> None:
        self.problem, self.budget, self.least = problem, budget, least
        self.bound_name = LIVE_LOAD
        self.sizes = np.array([item.size for item in problem.items], dtype=np.int64)
        start = lowest_first_fit(problem, enough, budget)
        self.by, self.order, self.start = f"first fit by {start.name}", start.order, start.by_size
        self.offsets = start.offsets * problem.unit
        self._parts: list[tuple[Ints, Problem]] | None = None
        self._tell()

    @property
    def height(self) -> int:
        """The bytes that the packing reaches."""
        return int((self.offsets + self.sizes).max(initial=0))

    @property
    def enough(self) -> bool:
        """Whether no packing is lower."""
        return self.height <= self.least

    @property
    def parts(self) -> list[tuple[Ints, Problem]]:
        """The components: their buffers, and the problem that these are."""
        if self._parts is None:
            self._parts = [(m, self.problem.part(m.tolist())) for m in components(self.problem)]
        return self._parts

    def above(self, height: int) -> list[tuple[Ints, Problem]]:
        """The components that reach above a height."""
        tops = self.offsets + self.sizes
        return [(members, part) for members, part in self.parts if tops[members].max() > height]

    def reorder(self, budget: Budget) -> None:
        """Move buffers in the order of first fit."""
        high = self.above(self.least)
        places = np.empty(len(self.order), dtype=np.int64)
        places[self.order] = np.arange(len(self.order))
        for k, (members, part) in enumerate(high):
            if budget.over():
                return
            order = np.argsort(places[members])
            offsets = self.offsets[members] // part.unit
            found = reorder(part, order, offsets, self.least, budget.slice(1 / (len(high) - k)))
            self._take(members, part, found, "reorder")

    def lower(self, budget: Budget) -> None:
        """Ask for the bound, then by bisection between it, or what could not be decided, and the height."""
        asked, floor = self.least, self.least - 1
        while not self.enough and not budget.over():
            answer, _ = self.ask(asked, budget.slice(ASK_SHARE))
            budget = budget.part(1.0 - ASK_SHARE)
            if answer.verdict is Verdict.NONE_EXISTS:
                self.least, self.bound_name = asked + 1, answer.by
                self._tell()
            undecided = answer.verdict is Verdict.GAVE_UP
            floor = asked if undecided else max(floor, self.least - 1)
            if floor >= self.least and self.height - floor <= max(1.0, CLOSE_ENOUGH * self.height):
                return
            asked = max(self.least, (floor + self.height) // 2)

    def ask(self, capacity: int, budget: Budget, *, hurry: bool = False) -> tuple[Answer, Ints]:
        """Whether all components fit below a capacity; with NONE_EXISTS one that does not. Those that fit are kept.

        hurry: only by the search that finds most packings soon.
        """
        none = np.zeros(0, dtype=np.int64)
        waiting = [(m, part, Decision(part, capacity, budget.seed)) for m, part in self.above(capacity)]
        answer = Answer(Verdict.FOUND)
        shares = ((1.0, True),) if hurry else ((SOON_SHARE, True), (1.0 - SOON_SHARE, False))
        for share, soon in shares:
            phase = budget.slice(share) if soon else budget.part(share)
            undecided = []
            for k, (members, part, decision) in enumerate(waiting):
                own = phase.slice(1 / (len(waiting) - k))
                answer = UNKNOWN if budget.over() else decision.soon(own) if soon else decision.later(own)
                if answer.verdict is Verdict.NONE_EXISTS:
                    return answer, members
                if answer.offsets is not None:
                    self._take(members, part, answer.offsets, answer.by)
                else:
                    undecided.append((members, part, decision))
            waiting = undecided
        return (UNKNOWN if waiting else Answer(Verdict.FOUND, answer.by)), none

    def _take(self, members: Ints, part: Problem, offsets: Ints, by: str) -> None:
        tops = offsets * part.unit + self.sizes[members]
        if tops.max() < (self.offsets + self.sizes)[members].max():
            self.offsets[members] = offsets * part.unit
            self.by = by
            self._tell()

    def _tell(self) -> None:
        self.budget.tell(self.height, min(self.least, self.height))

    def result(self) -> Result:
        """The best packing as a result."""
        height = self.height
        status = Outcome.OPTIMAL if height <= self.least else Outcome.FEASIBLE
        solution = Solution(tuple(self.offsets.tolist()))
        return Result(solution, height, self.least, self.bound_name, status, self.by, start=self.start)
