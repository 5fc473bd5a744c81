"""What the terminal shows while something works: a live line on a terminal, plain lines elsewhere, nothing if quiet."""

from __future__ import annotations

import signal
import textwrap
import threading
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from types import FrameType
from typing import Any

from rich.console import Console
from rich.text import Text

from mapper.cli.ending import Ended
from mapper.cli.steps import LONGEST, NAME, Steps
from mapper.errors import plain
from mapper.ir.plan import Objective, Plan
from mapper.pipeline.instruments import Silent
from mapper.pipeline.pass_ import Pass, Progress
from mapper.report.units import percent, shorten, si

WIDTH = 104
"""Columns of a finished step and its words."""


class Show(Silent):
    """Tells what each pass did, and how each step stands while it runs."""

    def __init__(self, quiet: bool, objective: Objective, steps: Steps | None = None) -> None:
        self.steps = steps or Steps(quiet)
        self.quiet = quiet
        self.objective = objective
        self._graph: dict[str, float] = {}
        self._running = ""

    @property
    def console(self) -> Console:
        """Where it is told."""
        return self.steps.console

    def line(self, step: str, words: str, seconds: float | None = None) -> None:
        """One finished step."""
        if self.quiet:
            return
        took = "" if seconds is None else f"{seconds:8.1f} s"
        name = shorten(plain(step), LONGEST)
        room = max(NAME, len(name) + 1)
        words = shorten(plain(words), WIDTH - room, end=True)
        self.console.print(Text(f"  {name:<{room}}{words:<{WIDTH - room}}{took}".rstrip()))

    def note(self, words: str) -> None:
        """A warning, whole, in as many lines as it takes."""
        for line in textwrap.wrap(f"note: {words}", 92, subsequent_indent="      ", break_on_hyphens=False):
            self.line("", line)

    def before(self, step: Pass, plan: Plan) -> None:
        self._running = _label(step)
        self.steps.tell(self._running, "searching ..." if self._running == "place" else "")

    def after(self, step: Pass, plan: Plan, seconds: float) -> None:
        self._ended()
        if "graph" in step.provides:
            self._graph[step.name] = self._graph.get(step.name, 0.0) + seconds
        else:
            if self._graph:
                self.line("fuse", _fused(plan), sum(self._graph.values()))
                self._graph = {}
            self.line(*_told(step, plan), seconds)

    def failed(self, step: Pass, plan: Plan, error: BaseException) -> None:
        self._ended()

    def _ended(self) -> None:
        self.steps.clear()
        self._running = ""

    def tell(self, progress: Progress) -> None:
        """How a search stands."""
        words = standing(progress, self.objective)
        self.steps.tell(self._running or progress.step, words or "searching ...", progress.done)


def standing(progress: Progress, objective: Objective) -> str:
    """How a search stands in words: best value, bound and gap as far as they are known, and what it is at."""
    words = []
    if progress.best is not None:
        words.append(f"best {_value(progress.best, objective)}")
    if progress.bound:
        words.append(f"bound {_value(progress.bound, objective)}")
    if progress.best and progress.bound:
        words.append(f"gap {percent(max(0.0, 1 - progress.bound / progress.best))}")
    return "   ".join([*words, *([progress.doing] if progress.doing else [])])


def _value(value: float, objective: Objective) -> str:
    """A value of an objective in the judge's units, as people say it."""
    if objective is Objective.THROUGHPUT:
        return f"{si(1 / value)} req/s" if value else "-"
    if objective is Objective.EDP:
        return si(value, "J s")
    return si(value, "J" if objective is Objective.ENERGY else "s")


def _fused(plan: Plan) -> str:
    counts: dict[str, int] = {}
    for op in plan.graph.ops:
        counts[op.kind] = counts.get(op.kind, 0) + 1
    named = sorted(((n, k) for k, n in counts.items() if k not in ("view", "elementwise")), reverse=True)
    return f"{len(plan.graph.ops)} ops: " + ", ".join(f"{n} {kind}" for n, kind in named[:5])


LABELS = {"partition": "cluster", "options": "cost"}
"""What steps are called that pass names do not tell."""


def _label(step: Pass) -> str:
    """What a step is called while it runs and when it is done."""
    if "graph" in step.provides:
        return "fuse"
    return "place" if step.name.startswith("place") else LABELS.get(step.name, step.name)


def _told(step: Pass, plan: Plan) -> tuple[str, str]:
    """What a finished step is called, and what it did."""
    label = _label(step)
    match step.name:
        case "partition":
            classes = len({c.repeat for c in plan.clusters or ()})
            words = f"{_count(plan.clusters, 'cluster')} of {classes} class{'es' if classes > 1 else ''}"
            layers = [f"{len(b.instances)} equal blocks of {len(b.instances[0])}" for b in plan.blocks or ()]
            return label, ", ".join([words, *layers[:3]])
        case "options":
            kinds = _count({u.kind for u in plan.target.units}, "unit kind")
            return label, f"{_count(plan.options, 'option')} on {kinds} in {_count(plan.phases, 'phase')}"
        case "schedule":
            return label, f"{len(plan.schedule or ())} tasks, moves and casts"
        case "memory":
            return (
                label,
                f"{_count(plan.memory, 'buffer')}, {plan.inflight} request{'s' * (plan.inflight != 1)} in flight",
            )
        case "judge":
            return label, "replayed"
    if label == "place":
        return label, f"by {plan.search.method}" if plan.search else "placed"
    return label, ""


def _count(things: Sized | None, one: str) -> str:
    number = len(things or ())
    return f"{number} {one}" + ("s" if number != 1 else "")


@contextmanager
def stop_on_interrupt(
    show: Show, meaning: str = "keeping the best plan so far", left: str = "nothing was written"
) -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets, to keep what there is so far; a second one interrupts at once. left: what
    there is then."""
    stop = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise Ended(number, left)
        stop.set()
        if not show.quiet:
            show.console.print(Text(f"\n  stopping: {meaning} (again to quit at once)"))

    before: Any = None
    main_thread = threading.current_thread() is threading.main_thread()
    if main_thread:
        before = signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        show.steps.clear()
        if main_thread:
            signal.signal(signal.SIGINT, before)
