"""Decides whether buffers fit below a capacity: depth-first search and CP-SAT in turn, or beside each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.packing.cpsat import pack_below
from mapper.solve.packing.depth_first import LIMIT, Verdict
from mapper.solve.packing.problem import Ints, Problem
from mapper.solve.packing.restarts import Restarts
from mapper.solve.threads import Ended, at_once

CPSAT_SHARE = 0.4
"""Part of the budget that CP-SAT has, when it cannot run beside the depth-first search."""

CPSAT_RATE = 60.0
"""Seconds that CP-SAT takes on these models for one of its deterministic seconds (measured)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a search ended, who ended it, and the offsets in units if it found a packing."""

    verdict: Verdict
    by: str = ""
    offsets: Ints | None = None


UNKNOWN = Answer(Verdict.GAVE_UP)


class Decision:
    """The question whether buffers, all of a size and connected in time, fit below a capacity in bytes."""

    def __init__(self, problem: Problem, capacity: int, seed: int) -> None:
        self._problem, self._capacity = problem, capacity
        self._hopeless = bool((problem.highest(capacity) < 0).any())
        small = len(problem.items) <= LIMIT and not self._hopeless
        self._restarts = Restarts(problem, capacity, seed) if small else None

    def soon(self, budget: Budget) -> Answer:
        """The answer of a depth-first search: most packings that it finds at all, it finds soon."""
        if self._hopeless:
            return Answer(Verdict.NONE_EXISTS, "size")
        if self._restarts is None:
            return UNKNOWN
        verdict = self._restarts.search(budget)
        return Answer(verdict, "depth first", self._restarts.offsets if verdict is Verdict.FOUND else None)

    def later(self, budget: Budget) -> Answer:
        """The answer of CP-SAT or of the search continued; for too many buffers the model alone takes many seconds."""
        if self._restarts is None:
            return self.soon(budget)
        if budget.workers is not None and budget.workers > 1:
            return self._beside(budget, budget.workers)
        answer = self._cpsat(budget.slice(CPSAT_SHARE))
        if answer.verdict is not Verdict.GAVE_UP or budget.over():
            return answer
        return self.soon(budget.part(1.0 - CPSAT_SHARE))

    def _cpsat(self, budget: Budget) -> Answer:
        offsets, answer = pack_below(self._problem, self._capacity, budget.part(1 / CPSAT_RATE))
        if offsets is not None:
            return Answer(Verdict.FOUND, "cp-sat", np.array(offsets, dtype=np.int64))
        return Answer(Verdict.NONE_EXISTS, "cp-sat") if answer.outcome is Outcome.INFEASIBLE else UNKNOWN

    def _beside(self, budget: Budget, workers: int) -> Answer:
        """Both at once, in threads of their own (neither holds the interpreter); the first that ends ends both."""
        ended = Ended(budget.stop)
        shared = replace(budget, stop=ended, workers=workers - 1)
        answers: list[Answer] = []

        def run(search: Callable[[Budget], Answer]) -> None:
            answer = search(shared)
            if answer.verdict is not Verdict.GAVE_UP:
                answers.append(answer)
            ended.set()

        at_once([partial(run, self._cpsat), partial(run, self.soon)], ended)
        return answers[0] if answers else UNKNOWN
