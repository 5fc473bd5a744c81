"""Questions answered by forks of this process, which share what it has loaded, found and compiled.

For many short questions by one closure; jobs that may take too much, or crash, belong to `mapper.execution.local`.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from mapper.errors import MapperError

LESS_OFTEN = 50_000
"""How many more objects a worker makes than it frees before it looks for cycles: plans and problems have none, and one
answer makes some hundred thousand."""

_Found = TypeVar("_Found")

WAIT_S = 0.2
"""How often somebody looks whether the user wants it to end."""


def spread(
    one: Callable[[int], _Found], many: int, workers: int, stop: threading.Event, lanes: int = 1
) -> Iterator[tuple[int, _Found]]:
    """(position, what was found) of so many questions, each by `one`, in the order in which they are done. Ends early
    where it is stopped. What `one` keeps for later questions stays in the process that it runs in: those that may use
    what another keeps had better be in one lane, which is every so many-th question; each worker has a lane of its own
    as long as there is something left in it."""
    if min(workers, many) < 2 or "fork" not in multiprocessing.get_all_start_methods():
        for i in range(many):
            if stop.is_set():
                return
            yield i, one(i)
        return
    yield from _side_by_side(one, many, workers, stop, lanes)


def _side_by_side(
    one: Callable[[int], _Found], many: int, workers: int, stop: threading.Event, lanes: int
) -> Iterator[tuple[int, _Found]]:
    # a fork has what its parent has loaded and compiled; it starts before anything else of this process runs
    context = multiprocessing.get_context("fork")
    turns, results = context.Array("i", lanes), context.Queue()
    crew = [
        context.Process(target=_work, args=(one, _turns(k, many, turns), results, stop, os.getpid()), daemon=True)
        for k in range(min(workers, many))
    ]
    for process in crew:
        process.start()
    try:
        left = many
        while left and not stop.is_set():
            try:
                i, found = results.get(timeout=WAIT_S)
            except queue.Empty:
                if not stop.is_set() and not any(process.is_alive() for process in crew):
                    raise MapperError(f"the workers ended with {left} questions left", hint="try --workers 1") from None
                continue
            if isinstance(found, BaseException):
                raise found
            left -= 1
            yield i, found
    finally:
        for process in crew:
            process.terminate()
        for process in crew:
            process.join()


def _turns(worker: int, many: int, turns: Any) -> Iterator[int]:
    """The questions that a worker takes: the next of its lane, then of others. turns: how many of each lane are taken,
    shared by all workers."""
    lanes = len(turns)
    for lane in ((worker + k) % lanes for k in range(lanes)):
        while True:
            with turns.get_lock():
                i = lane + turns[lane] * lanes
                turns[lane] += 1
            if i >= many:
                break
            yield i


def _work(one: Callable[[int], object], mine: Iterator[int], results: Any, stop: threading.Event, parent: int) -> None:
    """Find whatever is next until nothing is left, or the parent is gone; it is the parent that hears of signals. stop
    is this process's own copy: set where a signal came before those below were put right."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.freeze()  # the objects of the parent stay: to look through them again and again finds nothing
    gc.set_threshold(LESS_OFTEN)
    for i in mine:
        if os.getppid() != parent or stop.is_set():
            return
        try:
            results.put((i, one(i)))
        except Exception as error:
            results.put((i, error))
            return
