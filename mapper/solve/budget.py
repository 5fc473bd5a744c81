"""How much work a search may do, and the way to stop it early."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mapper.solve.work import Work


def silent(best: float | None, bound: float | None) -> None:
    """Tell nobody."""


def unmeasured(part: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Budget:
    """Limits of one search.

    deterministic_seconds: work in the solver's deterministic time. Two runs with the same budget, seed and versions do
    the same, unless `deadline` (a `time.monotonic()` moment) or `stop` (Ctrl-C) ends one early. tell(best, bound) is
    called on improvements, reached(part) with the part (0 to 1) of the work that is done: what is left may turn out not
    to be needed. workers: threads that may search at once, each as fast as it can; None for a search that
    does the same on every machine, whatever its number of cores. work: what has been spent, by all parts of a budget.
    """

    deterministic_seconds: float = 6.0
    seed: int = 0
    deadline: float | None = None
    stop: threading.Event = field(default_factory=threading.Event, compare=False)
    tell: Callable[[float | None, float | None], None] = field(default=silent, compare=False)
    reached: Callable[[float], None] = field(default=unmeasured, compare=False)
    workers: int | None = None
    work: Work = field(default_factory=Work, compare=False, repr=False)

    def spend(self, solver: str, seconds: float) -> None:
        """Charge a solver with so many deterministic seconds."""
        self.work.spend(solver, seconds)

    def over(self) -> bool:
        """Whether somebody asked to stop or the deadline has passed."""
        return self.stop.is_set() or (self.deadline is not None and time.monotonic() >= self.deadline)

    def seconds_left(self) -> float:
        """Seconds until the deadline, not below 0; infinite without one."""
        return math.inf if self.deadline is None else max(self.deadline - time.monotonic(), 0.0)

    def part(self, share: float) -> Budget:
        """The same budget with a share of the deterministic time; what a part has reached is not told."""
        return replace(self, deterministic_seconds=self.deterministic_seconds * share, reached=unmeasured)

    def stretch(self, low: float, high: float) -> Budget:
        """The same budget for the work that lies between two parts of all (0 to 1), the first of which is reached."""
        self.reached(low)
        return replace(self, reached=lambda part: self.reached(low + (high - low) * part))

    def slice(self, share: float) -> Budget:
        """The same budget with a share of the deterministic time and of the time that is left until the deadline."""
        deadline = None if self.deadline is None else time.monotonic() + share * self.seconds_left()
        return replace(self.part(share), deadline=deadline)
