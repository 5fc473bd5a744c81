"""Targets asked side by side, each by a process of its own: what one of them comes to grief over, no other notices."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from mapper.comparison.answers import MISSING, Answer, Broken, declined
from mapper.comparison.solving import Task, solve
from mapper.errors import MapperError
from mapper.pipeline.pass_ import Progress

LOOK_S = 0.2
"""How often the parent looks whether somebody asked to stop."""
TELL_S = 0.1
"""How often a process tells of its progress at most."""
STOP = "stop"
MEMORY = "the system kills what takes too much memory: fewer at once (--jobs 1)"


class Watcher(Protocol):
    """Somebody who is told how a comparison goes."""

    def begun(self, target: str) -> None:
        """A target is being asked."""

    def tell(self, target: str, progress: Progress) -> None:
        """How its search stands."""

    def ended(self, answer: Answer) -> None:
        """It has answered."""


def run_here(tasks: Sequence[Task], stop: threading.Event, watch: Watcher) -> list[Answer]:
    """Ask one target after the other in this process."""
    found = []
    for task in tasks:
        name = task.machine.name
        if stop.is_set():
            found.append(Answer(name, MISSING, whole=False))
            continue
        watch.begun(name)
        answer = solve(task, stop, lambda progress, name=name: watch.tell(name, progress))  # type: ignore[misc]
        watch.ended(answer)
        found.append(answer)
    return found


def run_side_by_side(tasks: Sequence[Task], jobs: int, stop: threading.Event, watch: Watcher) -> list[Answer]:
    """Ask at most `jobs` targets at once. When `stop` is set, those that run end with the best they have, the others
    are not begun; when this ends early, so do they."""
    context = _context(tasks)
    waiting, running = deque(tasks), dict[Connection, _Asked]()
    found: dict[str, Answer] = {}
    told = False
    try:
        while waiting or running:
            while waiting and len(running) < jobs and not stop.is_set():
                watch.begun(waiting[0].machine.name)
                asked = _started(context, waiting.popleft())
                running[asked.line] = asked
            if stop.is_set() and not told:
                told = True
                found |= {t.machine.name: Answer(t.machine.name, MISSING, whole=False) for t in waiting}
                waiting.clear()
                for line in running:
                    with suppress(OSError):  # it has just ended: what it sent is still to be read
                        line.send(STOP)
            ready = set(wait(list(running), LOOK_S))
            for line in [line for line in running if line in ready]:
                answer = _heard(running[line], watch)
                if answer is not None:
                    found[answer.target] = answer
                    running.pop(line).end()
                    watch.ended(answer)
    finally:
        for asked in running.values():
            asked.end()
    return [found[task.machine.name] for task in tasks]


@dataclass(frozen=True)
class _Asked:
    """A process at work on a task."""

    name: str
    process: BaseProcess
    line: Connection
    began: float

    def end(self) -> None:
        """Stop it at once: what it wrote is whole."""
        self.line.close()
        self.process.kill()
        self.process.join()


def _context(tasks: Sequence[Task]) -> BaseContext:
    """How processes begin: from one that has loaded what all of them need, where the system can."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    steps = tasks[0].question.pipeline.passes if tasks else ()
    context.set_forkserver_preload([__name__, *sorted({type(step).__module__ for step in steps})])
    return context


def _started(context: Any, task: Task) -> _Asked:
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, task), daemon=True)
    with _deaf():
        process.start()
    theirs.close()
    return _Asked(task.machine.name, process, ours, time.perf_counter())


@contextmanager
def _deaf() -> Iterator[None]:
    """What is started here never hears Ctrl-C, not even while it loads: this process does, and says what to do."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # when it begins, in what starts a process, it unblocks SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _heard(asked: _Asked, watch: Watcher) -> Answer | None:
    """The answer, if that is what a process sent, or what became of it."""
    try:
        message = asked.line.recv()
    except (EOFError, OSError):
        asked.process.join()
        code = asked.process.exitcode or 0
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        hint = MEMORY if code == -signal.SIGKILL else ""
        return declined(asked.name, Broken(f"its process {how}", hint=hint), time.perf_counter() - asked.began)
    if isinstance(message, Progress):
        watch.tell(asked.name, message)
        return None
    if isinstance(message, MapperError | OSError):
        raise message
    assert isinstance(message, Answer)
    return message


def _serve(line: Connection, task: Task) -> None:
    """A process: solve the task, tell how it goes, send the answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop = threading.Event()

    def listen() -> None:
        try:
            while line.recv() == STOP:
                stop.set()
        except (EOFError, OSError):
            os._exit(1)  # the parent is gone

    threading.Thread(target=listen, daemon=True).start()
    said = 0.0

    def tell(progress: Progress) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= TELL_S:
            said = now
            line.send(progress)

    try:
        line.send(solve(task, stop, tell))
    except (MapperError, OSError) as problem:  # its folder cannot be written: no other one's can
        line.send(problem)
