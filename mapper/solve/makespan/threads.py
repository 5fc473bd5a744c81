"""Several searches at once, each in a thread of its own; the compiled ones and CP-SAT run truly side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor


def at_once(works: Sequence[Callable[[], None]]) -> None:
    """Do all of the works; the first error of one, in their order, is raised when all have ended."""
    if len(works) == 1:
        works[0]()
        return
    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(work) for work in works]:
            done.result()
