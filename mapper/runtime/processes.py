"""One process per place, each at the other end of a socket; whatever happens, none of them stays."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mapper.errors import MapperError
from mapper.runtime.channel import Channel
from mapper.runtime.jobs import Done, Job, Setup, Unfit
from mapper.runtime.local import failure
from mapper.runtime.memory import Memory, unnamed

LOG_LINES = 5
LOOK_S = 2e-4
"""To wake a sleeping core of a virtual machine takes about 0.1 ms: a step of 0.3 ms is then one of 0.2 ms."""
PATIENCE_S = 0.5
"""How long a worker whose socket is closed may take to end, for its exit code."""


class Worker:
    """A process that serves one place; what it prints goes to a log without a name."""

    def __init__(self, place: int, setup: Setup, memory: Memory) -> None:
        self.place, self.setup = place, setup
        self.running: dict[int, int] = {}  # step by job
        self.ready = False
        ours, theirs = socket.socketpair()
        with theirs, ExitStack() as undo:
            self.channel = Channel(ours)
            undo.callback(self.channel.close)
            self.log = unnamed("mapper-log")
            undo.callback(os.close, self.log)
            self.process = _started(theirs.fileno(), memory.descriptor, self.log)
            undo.pop_all()

    def end(self) -> None:
        """Stop it at once: it holds nothing that would have to be saved."""
        self.process.kill()
        self.process.wait()
        self.channel.close()
        os.close(self.log)

    def log_tail(self) -> list[str]:
        """The last lines that it printed."""
        size = os.fstat(self.log).st_size
        text = os.pread(self.log, 1 << 14, max(0, size - (1 << 14))).decode("utf-8", "replace")
        return [line for line in text.splitlines() if line.strip()][-LOG_LINES:]

    def died(self) -> MapperError:
        """What became of it."""
        try:
            code = self.process.wait(timeout=PATIENCE_S)
            how = (
                f"was killed by signal {-code} ({_signal(-code)})"
                if code < 0
                else f"ended by itself (exit code {code})"
            )
        except subprocess.TimeoutExpired:
            code, how = 0, "hung up"
        names = [Path(self.setup.pieces[self.setup.steps[s].piece]).name for s in self.running.values()]
        idle = " while it had nothing to do" if self.ready else " before it was ready"
        doing = f" while it had to run {names[0]}" if names else idle
        hint = "the system kills what takes too much memory: fewer requests at once (--inflight)" if code == -9 else ""
        log = [f"log: {line}" for line in self.log_tail()]
        return MapperError(f"the worker of {self.setup.label} {how}{doing}", details=log, hint=hint)


def _started(end: int, memory: int, log: int) -> subprocess.Popen[bytes]:
    """The process of a worker. end, memory, log: descriptors. Raises OSError where there are no more of them."""
    folder = str(Path(__file__).resolve().parents[2])  # so that the worker is of this very version
    path = os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [
            sys.executable,
            "-P",  # -m would look for modules in the working directory first
            "-m",
            "mapper.runtime.worker",
            str(end),
            str(memory),
            str(os.getpid()),
        ],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=(end, memory),
        env=os.environ | {"PYTHONPATH": path},
    )


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


class Workers:
    """Runs jobs in processes, one for each setup. They live as long as the block does."""

    def __init__(self, setups: Sequence[Setup], memory: Memory) -> None:
        self._setups, self._memory = setups, memory
        self._workers: list[Worker] = []
        self._selector = selectors.DefaultSelector()
        self.providers: Sequence[Sequence[str]] = ()

    def __enter__(self) -> Workers:
        try:
            for place, setup in enumerate(self._setups):
                worker = self._new(place, setup)
                self._workers.append(worker)
                self._selector.register(worker.channel.end, selectors.EVENT_READ, worker)
            for worker in self._workers:
                self._send(worker, ["setup", asdict(worker.setup)])
            self.providers = self._ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _new(self, place: int, setup: Setup) -> Worker:
        try:
            return Worker(place, setup, self._memory)
        except OSError as error:
            raise MapperError(
                f"no worker for {setup.label}: {error.strerror or error}",
                details=[f"{place} of {len(self._setups)} workers were started"],
                hint="--workers none runs all in this process",
            ) from None

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        self._selector.close()

    @property
    def processes(self) -> list[int]:
        """Ids of the processes, by place."""
        return [worker.process.pid for worker in self._workers]

    def _ready(self) -> list[list[str]]:
        found: dict[int, list[str]] = {}
        while len(found) < len(self._workers):
            for worker, (_, providers) in self._messages():
                found[worker.place] = providers
                worker.ready = True
        return [found[worker.place] for worker in self._workers]

    def submit(self, place: int, job: Job) -> None:
        """Have it run after what was submitted before."""
        worker = self._workers[place]
        worker.running[job.id] = job.step
        self._send(worker, ["run", *job])

    def store(self, place: int, job: int, offsets: Sequence[int]) -> None:
        """Where outputs of an unfit run go."""
        self._send(self._workers[place], ["store", job, list(offsets)])

    def results(self) -> Sequence[Done | Unfit]:
        """What ended since the last time; waits for one at least."""
        found: list[Done | Unfit] = []
        while not found:
            for worker, (kind, number, _, *rest) in self._messages():
                if kind == "Done":
                    worker.running.pop(number)
                    found.append(Done(number, worker.place, *rest))
                else:
                    start, end, outputs = rest
                    told = tuple((code, tuple(shape), size) for code, shape, size in outputs)
                    found.append(Unfit(number, worker.place, start, end, told))
        return found

    def _messages(self) -> list[tuple[Worker, Any]]:
        """What workers sent, after a wait. Raises MapperError for a failure and for a worker that is gone."""
        found = []
        for key, _ in self._awaited():
            worker: Worker = key.data
            try:
                messages = worker.channel.receive()
            except EOFError:
                raise worker.died() from None
            for message in messages:
                if message[0] == "failed":
                    _, piece, step, text = message
                    raise failure(piece, worker.setup.label if step >= 0 else "", text, worker.log_tail())
                found.append((worker, message))
        return found

    def _awaited(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Sockets with something to read; it looks for a moment before it sleeps. Others on its core go first."""
        end = time.monotonic() + LOOK_S
        while not (found := self._selector.select(0)) and time.monotonic() < end:
            os.sched_yield()
        return found or self._selector.select()

    def _send(self, worker: Worker, message: Any) -> None:
        try:
            worker.channel.send(message)
        except OSError:
            raise worker.died() from None
