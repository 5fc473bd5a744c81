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
from mapper.solve.placement.known import Proof
from mapper.solve.placement.recalled import Recalled
from mapper.solve.work import Work


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
    """How a search stands: best value and bound so far, in the judge's units (seconds or joules of a request).

    done: the part (0 to 1) of its work that is done, at most: what is left may turn out not to be needed. doing: what
    it is at, in a few words.
    """

    step: str
    best: float | None = None
    bound: float | None = None
    done: float | None = None
    doing: str = ""


def _silent(progress: Progress) -> None:
    """Tell nobody."""


class Telling:
    """What a step has told of itself so far: news come one by one, and are told together."""

    def __init__(self, step: str, tell: Callable[[Progress], None]) -> None:
        self._now, self._tell = Progress(step), tell

    def found(self, best: float | None, bound: float | None) -> None:
        """Another best value or bound, in the judge's units."""
        self._say(replace(self._now, best=best, bound=bound))

    def reached(self, part: float) -> None:
        """So much of the work is done; never less than before."""
        self._say(replace(self._now, done=max(part, self._now.done or 0.0)))

    def doing(self, words: str) -> None:
        """What it is at."""
        self._say(replace(self._now, doing=words))

    def _say(self, news: Progress) -> None:
        self._now = news
        self._tell(news)


def _unheeded(proof: Proof) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Context:
    """What a pass may use besides the plan: never global state.

    deadline is a `time.monotonic()` moment or None; searches stop there and keep their best. stop: set to end them at
    once (Ctrl-C). known: bounds of like placement problems that somebody proved before; learn: who is told of one.
    recalled: what searches under this context found, which need not search the same again. work: what its searches
    spent; what is recalled, or known, spends nothing.
    """

    seed: int = 0
    effort: Effort = Effort.DEFAULT
    deadline: float | None = None
    stop: threading.Event = field(default_factory=threading.Event, compare=False)
    tell: Callable[[Progress], None] = field(default=_silent, compare=False)
    known: tuple[Proof, ...] = ()
    learn: Callable[[Proof], None] = field(default=_unheeded, compare=False)
    recalled: Recalled = field(default_factory=Recalled, compare=False, repr=False)
    work: Work = field(default_factory=Work, compare=False, repr=False)

    def budget(self, step: str = "") -> Budget:
        """The budget of a whole search under this effort; progress is told under the step's name, if it has one."""
        quiet = Budget(self.effort.deterministic_seconds, self.seed, self.deadline, self.stop, work=self.work)
        if not step:
            return quiet
        telling = Telling(step, self.tell)
        return replace(quiet, tell=telling.found, reached=telling.reached)


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
