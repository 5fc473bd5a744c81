"""A worker process: runs the pieces of one place on shared memory until its coordinator hangs up or is gone."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import sys
import threading
from typing import Any

from mapper.runtime.channel import Channel
from mapper.runtime.jobs import Bound, Job, Setup, StepLine
from mapper.runtime.memory import Memory
from mapper.runtime.sessions import Runner, StepFailed

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Serve. arguments: descriptors of the socket and of the memory, process id of the coordinator."""
    end, memory, parent = map(int, arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C at the terminal is the coordinator's
    _die_with(parent)
    channel = Channel(socket.socket(fileno=end))
    threading.Thread(target=_watch, args=(end,), daemon=True).start()
    try:
        _serve(channel, Memory(memory))
    except (EOFError, BrokenPipeError, ConnectionError):  # what else fails is printed to the log
        return 0
    return 1


def _die_with(parent: int) -> None:
    """End when the coordinator ends, also in the middle of a long run: asked of the kernel where it can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _watch(end: int) -> None:
    """The same by a thread, for other systems: the socket hangs up with its other end."""
    poll = select.poll()
    poll.register(end, getattr(select, "POLLRDHUP", 0))
    poll.poll()
    os._exit(1)


def _serve(channel: Channel, memory: Memory) -> None:
    runner: Runner | None = None
    while True:
        for kind, *rest in channel.receive():
            try:
                if kind == "setup":
                    runner = Runner(_setup(rest[0]), memory)
                    _stay_on(runner.setup.cores)
                    channel.send(["ready", runner.open()])
                elif runner is not None:
                    found = runner.run(_job(rest)) if kind == "run" else runner.store(*rest)
                    channel.send([type(found).__name__, *found])
            except StepFailed as error:
                channel.send(["failed", error.piece, error.step, error.text])


def _setup(data: dict[str, Any]) -> Setup:
    steps = tuple(StepLine(s["piece"], tuple(s["inputs"]), tuple(s["outputs"])) for s in data["steps"])
    return Setup(**data | {"steps": steps, "pieces": tuple(data["pieces"]), "cores": tuple(data["cores"])})


def _job(rest: list[Any]) -> Job:
    number, step, inputs, outputs = rest
    return Job(number, step, tuple(Bound(*b) for b in inputs), tuple(Bound(*b) for b in outputs))


def _stay_on(cores: tuple[int, ...]) -> None:
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
