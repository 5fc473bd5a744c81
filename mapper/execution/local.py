"""Jobs in processes of this machine, each in one of its own, with a guard of its time and memory."""

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
from dataclasses import dataclass, field, replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from pickle import PicklingError
from typing import Any, ClassVar

from mapper.errors import UsageError
from mapper.execution.here import outcome_of
from mapper.execution.jobs import Failure, Guard, Job, Outcome, Status, Watcher, not_begun

LOOK_S = 0.1
"""How often the parent looks whether somebody asked to stop, and what processes take."""
TELL_S = 0.1
"""How often a process tells how it stands at most."""
STOP = "stop"
MEMORY_HINT = "the system kills what takes too much memory: fewer at once (--jobs 1)"
PROC = Path("/proc")
UNSENDABLE = (PicklingError, TypeError, AttributeError, ValueError, RecursionError)
"""What is raised where the value of a job is nothing that a process can send."""


@dataclass(frozen=True)
class Local:
    """Runs at most `jobs` at once. preload: modules that all of them need, loaded once where the system can."""

    jobs: int = 1
    preload: tuple[str, ...] = ()
    elsewhere: ClassVar[bool] = False

    def run(self, jobs: Sequence[Job], guard: Guard, stop: threading.Event, watch: Watcher) -> Iterator[Outcome]:
        """The outcomes, in the order in which jobs end. Raises UsageError for a guard that this system cannot keep."""
        if guard.memory_bytes is not None and not PROC.is_dir():
            raise UsageError("memory is watched through /proc, which this system does not have")
        context, waiting, running = _context(self.preload), deque(jobs), dict[Connection, _Running]()
        told = False
        try:
            while waiting or running:
                while waiting and len(running) < max(1, self.jobs) and not stop.is_set():
                    watch.begun(waiting[0].name)
                    begun = _begun(context, waiting.popleft())
                    running[begun.line] = begun
                if stop.is_set() and not told:
                    told, left = True, list(waiting)
                    waiting.clear()
                    for line in running:
                        with suppress(OSError):  # it has just ended: what it sent is still to be read
                            line.send(STOP)
                    yield from not_begun(left)
                ready = set(wait(list(running), LOOK_S)) if running else set()
                for line, one in list(running.items()):
                    found = one.heard(watch) if line in ready else None
                    found = found or one.beyond(guard)  # of one that tells all the time as well
                    if found is not None:
                        running.pop(line).end()
                        yield found
        finally:
            for one in running.values():
                one.end()


@dataclass
class _Running:
    """A process at work on a job."""

    name: str
    process: BaseProcess
    line: Connection
    began: float = field(default_factory=time.perf_counter)
    peak: int = 0

    def end(self) -> None:
        """Stop it at once: what jobs write must be whole at any time."""
        self.line.close()
        self.process.kill()
        self.process.join()

    def heard(self, watch: Watcher) -> Outcome | None:
        """The outcome, if that is what it sent, or what became of it."""
        try:
            message = self.line.recv()
        except (EOFError, OSError):
            self.process.join()
            return self._crashed(self.process.exitcode or 0)
        if isinstance(message, Outcome):
            return replace(message, peak_bytes=max(message.peak_bytes, self.peak))
        watch.tell(self.name, message)
        return None

    def beyond(self, guard: Guard) -> Outcome | None:
        """The outcome of one that has taken more than its guard lets it."""
        took = time.perf_counter() - self.began
        if guard.memory_bytes is not None:
            self.peak = max(self.peak, _resident(self.process.pid))
            if self.peak > guard.memory_bytes:
                what = f"took {self.peak / 1e6:.0f} MB of at most {guard.memory_bytes / 1e6:.0f} MB"
                return self._ended(Status.MEMORY, what)
        if guard.seconds is not None and took > guard.seconds:
            return self._ended(Status.TIMEOUT, f"was not done after {guard.seconds:g} s")
        return None

    def _crashed(self, code: int) -> Outcome:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return self._ended(Status.CRASHED, f"its process {how}", MEMORY_HINT if code == -signal.SIGKILL else "")

    def _ended(self, status: Status, what: str, hint: str = "") -> Outcome:
        failure = Failure(status.value, what, hint=hint)
        return Outcome(self.name, status, None, failure, time.perf_counter() - self.began, self.peak)


def _resident(pid: int | None) -> int:
    """Bytes of memory that a process and those that it started have; 0 where it has just ended. What processes share
    counts for each of them."""
    folder = PROC / str(pid)
    try:
        pages = (folder / "statm").read_text(encoding="ascii").split()[1]
        threads = list((folder / "task").iterdir())
    except (OSError, IndexError):
        return 0
    own = int(pages) * os.sysconf("SC_PAGE_SIZE")
    return own + sum(_resident(child) for thread in threads for child in _children(thread))


def _children(thread: Path) -> list[int]:
    """The processes that a thread started; none where it has just ended, or the kernel does not tell."""
    try:
        return [int(pid) for pid in (thread / "children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def _context(preload: Sequence[str]) -> BaseContext:
    """How processes begin: from one that has loaded what all of them need, where the system can."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *preload])
    return context


def _begun(context: Any, job: Job) -> _Running:
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, job), daemon=False)
    with deaf():
        process.start()
    theirs.close()
    return _Running(job.name, process, ours)


@contextmanager
def deaf() -> Iterator[None]:
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


@dataclass
class _Line:
    """The watcher of a job in its own process: it sends what it is told, not too often."""

    line: Connection
    said: float = 0.0

    def begun(self, name: str) -> None:
        """Nothing: the parent knows."""

    def tell(self, name: str, what: Any) -> None:
        """Send it, if nothing was sent just before."""
        now = time.monotonic()
        if now - self.said >= TELL_S:
            self.said = now
            self.line.send(what)


def _serve(line: Connection, job: Job) -> None:
    """A process: run the job, tell how it goes, send the outcome."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop = threading.Event()

    def listen() -> None:
        try:
            while line.recv() == STOP:
                stop.set()
        except (EOFError, OSError):
            os._exit(1)  # the parent is gone

    threading.Thread(target=listen, daemon=True).start()
    found = replace(outcome_of(job, stop, _Line(line)), peak_bytes=_own_peak())
    try:
        line.send(found)
    except UNSENDABLE as error:
        failure = Failure(type(error).__name__, f"its result cannot be sent: {error}")
        line.send(replace(found, status=Status.RAISED, value=None, failure=failure))


def _own_peak() -> int:
    """The most bytes of memory that this process has had; 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most if sys.platform == "darwin" else most * 1024)
