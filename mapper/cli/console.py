"""What the terminal shows while something works: a live line on a terminal, plain lines elsewhere, nothing if quiet."""

from __future__ import annotations

import signal
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from types import FrameType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from mapper.errors import plain
from mapper.ir.plan import Objective, Plan
from mapper.pipeline.instruments import Silent
from mapper.pipeline.pass_ import Pass, Progress
from mapper.report.units import percent, si


class Show(Silent):
    """Tells what each pass did, and how a search stands while it runs."""

    def __init__(self, quiet: bool, objective: Objective) -> None:
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self.quiet = quiet
        self.objective = objective
        self._live: Live | None = None
        self._said = 0.0
        self._graph: dict[str, float] = {}

    def line(self, step: str, words: str, seconds: float | None = None) -> None:
        """One finished step."""
        if self.quiet:
            return
        took = "" if seconds is None else f"{seconds:8.1f} s"
        self.console.print(Text(f"  {step:<12}{plain(words)[:92]:<92}{took}".rstrip()))

    def note(self, words: str) -> None:
        """A warning, whole, in as many lines as it takes."""
        for line in textwrap.wrap(f"note: {words}", 92, subsequent_indent="      ", break_on_hyphens=False):
            self.line("", line)

    def before(self, step: Pass, plan: Plan) -> None:
        if not self.quiet and self.console.is_terminal and (step.name.startswith("place") or step.name == "schedule"):
            self._live = Live(Text(f"  {step.name:<12}searching ..."), console=self.console, transient=True)
            self._live.start()

    def after(self, step: Pass, plan: Plan, seconds: float) -> None:
        self._stop()
        if "graph" in step.provides:
            self._graph[step.name] = self._graph.get(step.name, 0.0) + seconds
        else:
            if self._graph:
                self.line("fuse", _fused(plan), sum(self._graph.values()))
                self._graph = {}
            self.line(*_told(step, plan), seconds)

    def failed(self, step: Pass, plan: Plan, error: BaseException) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def tell(self, progress: Progress) -> None:
        """How a search stands; at most a few times a second."""
        now = time.monotonic()
        if self.quiet or now - self._said < (0.2 if self._live else 2.0):
            return
        self._said = now
        text = f"  {progress.step:<12}{self._standing(progress)}"
        if self._live is not None:
            self._live.update(Text(text))
        elif progress.best is not None:
            self.console.print(Text(text))

    def _standing(self, progress: Progress) -> str:
        words = []
        if progress.best is not None:
            words.append(f"best {self._value(progress.best)}")
        if progress.bound:
            words.append(f"bound {self._value(progress.bound)}")
        if progress.best and progress.bound:
            words.append(f"gap {percent(max(0.0, 1 - progress.bound / progress.best))}")
        return "   ".join(words)

    def _value(self, value: float) -> str:
        if self.objective is Objective.THROUGHPUT:
            return f"{si(1 / (value * 1e-12))} req/s" if value else "-"
        if self.objective is Objective.EDP:
            return si(value * 1e-24, "J s")
        return si(value * 1e-12, "J" if self.objective is Objective.ENERGY else "s")


def _fused(plan: Plan) -> str:
    counts: dict[str, int] = {}
    for op in plan.graph.ops:
        counts[op.kind] = counts.get(op.kind, 0) + 1
    named = sorted(((n, k) for k, n in counts.items() if k not in ("view", "elementwise")), reverse=True)
    return f"{len(plan.graph.ops)} ops: " + ", ".join(f"{n} {kind}" for n, kind in named[:5])


def _told(step: Pass, plan: Plan) -> tuple[str, str]:
    match step.name:
        case "partition":
            classes = len({c.repeat for c in plan.clusters or ()})
            words = f"{_count(plan.clusters, 'cluster')} of {classes} class{'es' if classes > 1 else ''}"
            layers = [f"{len(b.instances)} equal blocks of {len(b.instances[0])}" for b in plan.blocks or ()]
            return "cluster", ", ".join([words, *layers[:3]])
        case "options":
            kinds = _count({u.kind for u in plan.target.units}, "unit kind")
            return "cost", f"{_count(plan.options, 'option')} on {kinds} in {_count(plan.phases, 'phase')}"
        case "schedule":
            return "schedule", f"{len(plan.schedule or ())} tasks, moves and casts"
        case "memory":
            return (
                "memory",
                f"{_count(plan.memory, 'buffer')}, {plan.inflight} request{'s' * (plan.inflight != 1)} in flight",
            )
        case "judge":
            return "judge", "replayed"
    if step.name.startswith("place"):
        return "place", f"by {plan.search.method}" if plan.search else "placed"
    return step.name, ""


def _count(things: Sized | None, one: str) -> str:
    number = len(things or ())
    return f"{number} {one}" + ("s" if number != 1 else "")


@contextmanager
def stop_on_interrupt(show: Show) -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets, to keep the best plan so far; a second one interrupts at once."""
    stop = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        if not show.quiet:
            sys.stderr.write("\n  stopping: keeping the best plan so far (again to quit at once)\n")

    before: Any = None
    main_thread = threading.current_thread() is threading.main_thread()
    if main_thread:
        before = signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        if main_thread:
            signal.signal(signal.SIGINT, before)
