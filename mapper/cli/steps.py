"""Lines about steps that are running: live on a terminal, now and then a plain line elsewhere, none if quiet."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from mapper.errors import plain
from mapper.report.units import bar, shorten

BETWEEN_S = 2.0
"""Seconds between two plain lines, at least: where there is no terminal, a step that is over sooner has no line."""
A_SECOND = 3
"""How often the live lines are drawn."""
MOST = 8
"""So many steps have a live line of their own; the others are counted."""
NAME, WORDS, BAR = 12, 92, 14
"""Columns of a line."""
COLUMNS = 2 + NAME + WORDS + 10
"""All columns of a line: its margin, name, words and time."""
LONGEST, FEW = 40, 10
"""Columns of the longest name that is not shortened, and of the fewest words that a time left may leave room for."""
WIDE = 100
"""Columns of a terminal that has room for bars."""
SURE = 0.05
"""Part of a step that must be done before what is left of it says anything about time."""


@dataclass(frozen=True)
class Standing:
    """How a step stands: since when it runs, what there is to say, which part of it is done (0 to 1)."""

    began: float
    words: str
    done: float | None = None

    def left_s(self, now: float) -> float | None:
        """Seconds until it is over if it goes on at its pace; None as long as too little is done to say."""
        if self.done is None or self.done < SURE:
            return None
        return (now - self.began) * (1 - self.done) / self.done


class Stderr(Console):
    """Standard error. The cursor stays visible, so that nothing has to be mended when the process is killed."""

    def __init__(self) -> None:
        super().__init__(stderr=True, highlight=False, soft_wrap=True)

    def show_cursor(self, show: bool = True) -> bool:
        """Leave the cursor as it is."""
        return False


class Steps:
    """The steps that are running now, by name. live: tell nothing where there is no terminal. until: when the clock
    ends them at the latest."""

    def __init__(
        self,
        quiet: bool = False,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        live: bool = False,
        until: float = math.inf,
    ) -> None:
        self.until = until
        self.console, self.clock = console or Stderr(), clock
        self.quiet = quiet or (live and not self.console.is_terminal)
        self._running: dict[str, Standing] = {}
        self._live: Live | None = None
        self._said = clock()

    def tell(self, name: str, words: str, done: float | None = None) -> None:
        """How a step stands; it begins when it is told of first, and again when less is done than before: that is the
        next search of a series."""
        if self.quiet:
            return
        known = self._running.get(name)
        if known is not None and known.done is not None and done is not None and done < known.done:
            known = None
        self._running[name] = Standing(known.began if known else self.clock(), words, done)
        if self.console.is_terminal:
            if self._live is None:
                self._live = Live(
                    console=self.console,
                    get_renderable=self._drawn,
                    refresh_per_second=A_SECOND,
                    transient=True,
                    redirect_stdout=False,
                )
                self._live.start()
        elif words and self.clock() - max(self._said, self._running[name].began) >= BETWEEN_S:
            self._said = self.clock()
            self.console.print(self._line(name, self._said))

    def over(self, name: str) -> None:
        """A step has ended, one way or the other."""
        self._running.pop(name, None)
        if not self._running and self._live is not None:
            self._live.stop()
            self._live = None

    def clear(self) -> None:
        """No step is running any more."""
        for name in list(self._running):
            self.over(name)

    def counted(self, name: str) -> Callable[[str, int, int], None]:
        """A function that is told of a loop's work: what it is, how many are done, of how many."""

        def count(what: str, done: int, total: int) -> None:
            self.tell(name, f"{what} {done} of {total}" if total else what, done / total if total else None)

        return count

    @contextmanager
    def step(self, name: str, words: str = "") -> Iterator[None]:
        """A block that is a step."""
        self.tell(name, words)
        try:
            yield
        finally:
            self.over(name)

    def _drawn(self) -> Group:
        now = self.clock()
        names = list(self._running)
        lines = [self._line(name, now) for name in names[:MOST]]
        if len(names) > MOST:
            lines.append(Text(f"  {'':<{NAME}}and {len(names) - MOST} more"))
        return Group(*lines)

    def _line(self, name: str, now: float) -> Text:
        """A line no wider than the console, so that live lines can be drawn over."""
        standing = self._running.get(name)
        if standing is None:  # it ended while this was drawn
            return Text("")
        words = plain(standing.words)
        if standing.done is not None and self.console.is_terminal and self.console.width >= WIDE:
            words = f"{bar(standing.done, BAR)}  {words}"
        known = min(self.console.width, COLUMNS) if self.console.is_terminal else COLUMNS
        passed = now - standing.began
        left = standing.left_s(now) if passed >= 1.0 else None
        head, took = f"  {shorten(plain(name), LONGEST):<{NAME - 1}} ", f"{passed:8.1f} s"
        tail = "" if left is None else f"  up to {spoken_s(min(left, self.until - now))} left"
        room = known - len(head) - len(took)
        if room - len(tail) < FEW:
            tail = ""
        room = max(0, room - len(tail))
        text = f"{head}{shorten(words, room, end=True) if room else '':<{room}}{tail}{took}"
        return Text(shorten(text, known, end=True), no_wrap=True, overflow="ellipsis")


def spoken_s(seconds: float) -> str:
    """A time that is left: 8 s, 4 min, 2 h."""
    if seconds < 99.5:
        return f"{max(1.0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5940 else f"{seconds / 3600:.0f} h"
