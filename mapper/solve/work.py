"""How much work searches have done, in units that are the same on every machine."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping

GRAIN = 10**12
"""Parts of a deterministic second that are counted: whole numbers, so that the order of charges does not matter."""

DIGITS = 6
"""Decimals that are told."""


class Work:
    """A counter that every solver charges with what it spends, by its name; searches of several threads may share one.

    The unit is the deterministic second of `Budget`: about what a core of 2024 does in a second, counted in steps of
    the solver (iterations, nodes, outlooks), never by a clock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent: Counter[str] = Counter()

    def spend(self, solver: str, seconds: float) -> None:
        """Charge a solver with so many deterministic seconds."""
        with self._lock:
            self._spent[solver] += round(seconds * GRAIN)

    @property
    def by_solver(self) -> Mapping[str, float]:
        """Deterministic seconds by the solver's name, the names in order; those that spent nothing are left out."""
        with self._lock:
            return {name: round(n / GRAIN, DIGITS) for name, n in sorted(self._spent.items()) if n}

    @property
    def seconds(self) -> float:
        """Deterministic seconds of all solvers."""
        with self._lock:
            return round(self._spent.total() / GRAIN, DIGITS)
