"""Several searches at once, each in a thread of its own; the compiled ones and CP-SAT run truly side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor


class Ended(threading.Event):
    """Set by a search that ends those beside it, and when the whole search is to stop: the `stop` of their budget."""

    def __init__(self, outer: threading.Event) -> None:
        super().__init__()
        self._outer = outer

    def is_set(self) -> bool:
        """Whether a search has ended the others, or somebody asked to stop."""
        return super().is_set() or self._outer.is_set()


def at_once(works: Sequence[Callable[[], None]], ended: threading.Event) -> None:
    """Do all of the works; the first error of one, in their order, is raised when all have ended.

    ended: set when a work fails and on Ctrl-C, so that those that look at it need not go on to their deadline: an
    `Ended`, or the `stop` of the whole search, which an error ends anyway.
    """

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException:
            ended.set()
            raise

    if len(works) == 1:
        works[0]()
        return
    with ThreadPoolExecutor(len(works)) as pool:
        try:
            for done in [pool.submit(run, work) for work in works]:
                done.result()
        except BaseException:  # Ctrl-C reaches the main thread only, and the pool waits for its threads
            ended.set()
            raise
