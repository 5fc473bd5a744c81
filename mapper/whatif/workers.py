"""Questions answered by several processes at once."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from mapper.errors import MapperError
from mapper.hw.what_if import Change
from mapper.whatif.answers import Answer, Asker

WAIT_S = 0.2
"""How often somebody looks whether the user wants it to end."""


def answered(asker: Asker, asked: Sequence[tuple[Change, ...]], workers: int) -> Iterator[tuple[int, Answer]]:
    """(position, answer) of each question, in the order in which answers come; the answers are the same for any number
    of workers. Ends early where the asker's context is stopped. Answers carry no plan."""
    if not asked:
        return
    _ = asker.known, asker.enough, asker.before  # once, before there are several of it
    if workers < 2 or "fork" not in multiprocessing.get_all_start_methods():
        for i, changes in enumerate(asked):
            if asker.context.stop.is_set():
                return
            yield i, replace(asker.answer(changes), plan=None)
        return
    yield from _side_by_side(asker, asked, workers)


def _side_by_side(asker: Asker, asked: Sequence[tuple[Change, ...]], workers: int) -> Iterator[tuple[int, Answer]]:
    # a fork has what its parent has loaded and compiled; it starts before anything else of this process runs
    context = multiprocessing.get_context("fork")
    turn, results = context.Value("i", 0), context.Queue()
    crew = [
        context.Process(target=_work, args=(asker, asked, turn, results, os.getpid()), daemon=True)
        for _ in range(workers)
    ]
    for one in crew:
        one.start()
    try:
        left = len(asked)
        while left and not asker.context.stop.is_set():
            try:
                i, found = results.get(timeout=WAIT_S)
            except queue.Empty:
                if not any(one.is_alive() for one in crew):
                    raise MapperError(f"the workers ended with {left} questions left", hint="try --workers 1") from None
                continue
            if isinstance(found, BaseException):
                raise found
            left -= 1
            yield i, found
    finally:
        for one in crew:
            one.terminate()
        for one in crew:
            one.join()


def _work(asker: Asker, asked: Sequence[tuple[Change, ...]], turn: Any, results: Any, parent: int) -> None:
    """Answer whatever is next until nothing is left, or the parent is gone; it is the parent that hears of Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while os.getppid() == parent:
        with turn.get_lock():
            i = turn.value
            turn.value += 1
        if i >= len(asked):
            return
        try:
            results.put((i, replace(asker.answer(asked[i]), plan=None)))
        except Exception as error:
            results.put((i, error))
            return
