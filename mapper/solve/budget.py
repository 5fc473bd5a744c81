"""How much work a search may do, and the way to stop it early."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


def silent(best: float | None, bound: float | None) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Budget:
    """Limits of one search.

    deterministic_seconds: work in the solver's deterministic time. Two runs with the same budget, seed and versions do
    the same, unless `deadline` (a `time.monotonic()` moment) or `stop` (Ctrl-C) ends one early. tell(best, bound) is
    called on improvements.
    """

    deterministic_seconds: float = 6.0
    seed: int = 0
    deadline: float | None = None
    stop: threading.Event = field(default_factory=threading.Event, compare=False)
    tell: Callable[[float | None, float | None], None] = field(default=silent, compare=False)

    def over(self) -> bool:
        """Whether somebody asked to stop or the deadline has passed."""
        return self.stop.is_set() or (self.deadline is not None and time.monotonic() >= self.deadline)

    def part(self, share: float) -> Budget:
        """The same budget with a share of the deterministic time."""
        return Budget(self.deterministic_seconds * share, self.seed, self.deadline, self.stop, self.tell)
