"""The best solution so far of a minimisation and the best bound, whoever found them."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from mapper.errors import MapperError
from mapper.solve.budget import Budget

S = TypeVar("S")


class Incumbent(Generic[S]):
    """The best solution with its value and finder, the largest lower bound with its name.

    judge: the value of a solution, after it has verified it; a broken one raises MapperError, so that a fault of a
    search never passes for an answer. Searches of several threads may share one.
    """

    def __init__(self, judge: Callable[[S], float], budget: Budget) -> None:
        self._judge, self._budget = judge, budget
        self._lock = threading.Lock()
        self._solution: S | None = None
        self.value: float = math.inf
        self.by = ""
        self.bound: float = -math.inf
        self.bound_name = ""
        self.history: list[tuple[str, float]] = []

    @property
    def solution(self) -> S:
        """The best solution. Raises MapperError when there is none yet."""
        if self._solution is None:
            raise MapperError("internal: a search was asked for its solution before it had one")
        return self._solution

    @property
    def found(self) -> bool:
        """Whether there is a solution."""
        return self._solution is not None

    @property
    def closed(self) -> bool:
        """Whether the solution is proven to be the best."""
        return self.found and self.value <= self.bound

    @property
    def gap(self) -> float:
        """(value - bound) / value: 0 when closed, infinite without a solution or a bound."""
        if self.closed:
            return 0.0
        if not self.found or self.bound == -math.inf:
            return math.inf
        return (self.value - self.bound) / abs(self.value) if self.value else math.inf

    def offer(self, solution: S, by: str) -> bool:
        """Take a solution if it is better; whether it was. Raises MapperError when it breaks a rule."""
        value = self._judge(solution)
        with self._lock:
            if value >= self.value:
                return False
            if value < self.bound:
                raise MapperError(
                    f"internal: {by} found value {value:g}, below the bound {self.bound:g} of {self.bound_name}"
                )
            self._solution, self.value, self.by = solution, value, by
            self.history.append((by, value))
        self._tell()
        return True

    def raise_bound(self, value: float, name: str) -> bool:
        """Take a bound if it is larger; whether it was. Raises MapperError when the solution is below it."""
        with self._lock:
            if value <= self.bound:
                return False
            if self.found and value > self.value:
                raise MapperError(f"internal: {name} claims bound {value:g}, {self.by} found value {self.value:g}")
            self.bound, self.bound_name = value, name
        self._tell()
        return True

    def _tell(self) -> None:
        self._budget.tell(self.value if self.found else None, self.bound if self.bound > -math.inf else None)
