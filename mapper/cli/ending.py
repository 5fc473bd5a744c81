"""Signals that end a command: it cleans up first, and soon."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
GRACE_S = 0.7
"""How long a block that may be ended at once has to clean up."""
TWICE_S = 0.5
"""Signals so soon after the first are the same wish: timeout(1) tells its child, and then the whole group."""


class Ended(KeyboardInterrupt):
    """A signal that ends the command. left: what is there of its work."""

    def __init__(self, number: int, left: str) -> None:
        super().__init__(number)
        self.number, self.left = number, left

    def __str__(self) -> str:
        word = "interrupted" if self.number == signal.SIGINT else f"ended by {signal.Signals(self.number).name}"
        return f"{word}: {self.left}"


@contextmanager
def ended_by_signals(left: str = "nothing was written", *, at_once: bool = False) -> Iterator[None]:
    """A block that Ctrl-C, SIGTERM and a terminal that hangs up end with Ended, so that it cleans up; more of them do
    not disturb that. What the caller had ignored stays ignored.

    at_once: the process may end without cleaning up, where that does not come about soon: a signal is seen only when
    foreign code returns, and a large model runs for long. Then nothing may be left that the system does not take back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    heard = [n for n in numbers if signal.getsignal(n) not in (signal.SIG_IGN, None)]

    def end(number: int, _: FrameType | None) -> None:
        for other in heard:
            signal.signal(other, signal.SIG_IGN)
        raise Ended(number, left)

    with ExitStack() as undo:
        if at_once:
            _watch(heard, left, undo)
        for number in heard:
            undo.callback(signal.signal, number, signal.getsignal(number))
            signal.signal(number, end)
        yield


@dataclass
class Stop:
    """Whether a command is to end with what it has: by which signal, 0 for none."""

    event: threading.Event = field(default_factory=threading.Event)
    number: int = 0

    @property
    def code(self) -> int:
        """The exit code of a command that told what it had."""
        return 128 + self.number if self.number else 0


@contextmanager
def stopped_by_signals(left: str, tell: Callable[[], None] = lambda: None) -> Iterator[Stop]:
    """A block that the first signal asks to end with what it has, and a second ends at once with Ended. tell: is called
    at the first. left: what there is of the work at the second."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    heard = [n for n in numbers if signal.getsignal(n) not in (signal.SIG_IGN, None)]

    first = 0.0

    def end(number: int, _: FrameType | None) -> None:
        nonlocal first
        if stop.number:
            if time.monotonic() - first < TWICE_S:
                return
            for other in heard:
                signal.signal(other, signal.SIG_IGN)
            raise Ended(number, left)
        stop.number, first = number, time.monotonic()
        stop.event.set()
        tell()

    with ExitStack() as undo:
        for number in heard:
            undo.callback(signal.signal, number, signal.getsignal(number))
            signal.signal(number, end)
        yield stop


def _watch(heard: list[int], left: str, undo: ExitStack) -> None:
    """A thread that ends the process some time after a signal, unless the block has ended by then."""
    ours, theirs = (undo.enter_context(end) for end in socket.socketpair())
    theirs.setblocking(False)
    over = threading.Event()
    undo.callback(over.set)
    before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    undo.callback(signal.set_wakeup_fd, before)

    def watch() -> None:
        number = 0
        while number not in heard:
            got = _received(ours)
            if not got:
                return
            number = got[0]
        if not over.wait(GRACE_S):
            sys.stderr.write(f"{Ended(number, left)}\n")
            os._exit(128 + number)

    threading.Thread(target=watch, daemon=True).start()


def _received(end: socket.socket) -> bytes:
    """The number of a signal; nothing when the block is over."""
    try:
        return end.recv(1)
    except OSError:
        return b""
