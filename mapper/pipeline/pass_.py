"""The pass: one step from a plan to a plan."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar

from mapper.ir.plan import Plan
from mapper.solve.budget import Budget


class Effort(StrEnum):
    """How much deterministic work the searches may do."""

    QUICK = "quick"
    DEFAULT = "default"
    MAX = "max"

    @property
    def deterministic_seconds(self) -> float:
        """Budget of one search in the solver's deterministic time, about seconds on one core of 2024."""
        return {Effort.QUICK: 1.0, Effort.DEFAULT: 4.0, Effort.MAX: 60.0}[self]


@dataclass(frozen=True, slots=True)
class Progress:
    """How a search stands: best value and bound so far, in the objective's unit."""

    step: str
    best: float | None = None
    bound: float | None = None


def _silent(progress: Progress) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Context:
    """What a pass may use besides the plan: never global state.

    deadline is a `time.monotonic()` moment or None; searches stop there and keep their best. stop: set to end them at
    once (Ctrl-C).
    """

    seed: int = 0
    effort: Effort = Effort.DEFAULT
    deadline: float | None = None
    stop: threading.Event = field(default_factory=threading.Event, compare=False)
    tell: Callable[[Progress], None] = field(default=_silent, compare=False)

    def budget(self, step: str = "") -> Budget:
        """The budget of a whole search under this effort; progress is told under the step's name, if it has one."""
        quiet = Budget(self.effort.deterministic_seconds, self.seed, self.deadline, self.stop)
        if not step:
            return quiet
        return replace(quiet, tell=lambda best, bound: self.tell(Progress(step, best, bound)))


class Pass(ABC):
    """Subclasses are frozen dataclasses: their fields are the pass's options."""

    name: ClassVar[str]
    requires: ClassVar[tuple[str, ...]] = ()
    """Plan fields it reads."""
    provides: ClassVar[tuple[str, ...]]
    """Plan fields it sets; later decisions go stale."""
    proof: ClassVar[str] = "bounds"
    """The pass that proves a bound over all that this one may decide, if it places."""

    @abstractmethod
    def run(self, plan: Plan, ctx: Context) -> Plan:
        """A new plan, made with dataclasses.replace; a pass keeps no state of its own."""
