"""Jobs for tests: processes find them by this module."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from mapper.errors import UsageError
from mapper.execution.worker import Post

_NAMELESS = eval("lambda: None")  # by which name other processes would not find it


def double(number: int, stop: threading.Event, tell: Any) -> int:
    tell(f"at {number}")
    return 2 * number


def refuse(what: str, stop: threading.Event, tell: Any) -> None:
    raise UsageError(f"no {what}", details=["one", "two"], hint="another")


def stumble(what: str, stop: threading.Event, tell: Any) -> None:
    raise KeyError(what)


def leave(code: int, stop: threading.Event, tell: Any) -> None:
    os._exit(code)


def be_killed(number: int, stop: threading.Event, tell: Any) -> None:
    os.kill(os.getpid(), number)


def sleep(seconds: float, stop: threading.Event, tell: Any) -> str:
    return "stopped" if stop.wait(seconds) else "slept"


def chatter(_: None, stop: threading.Event, tell: Any) -> None:
    while True:
        tell("still here")


def never_stop(file: str, stop: threading.Event, tell: Any) -> None:
    Path(file).write_text(str(os.getpid()))
    time.sleep(600)


def hoard(size: int, stop: threading.Event, tell: Any) -> int:
    kept = bytearray(os.urandom(1 << 20) * (size >> 20))
    time.sleep(60)
    return len(kept)


def unsendable(what: str, stop: threading.Event, tell: Any) -> object:
    return threading.Lock() if what == "lock" else _NAMELESS


def interrupt_self(_: None, stop: threading.Event, tell: Any) -> str:
    os.kill(os.getpid(), signal.SIGINT)
    return f"deaf on {sys.platform}"


def second_time(file: str, stop: threading.Event, tell: Any) -> int:
    """The number of times that this was begun; the first time never ends."""
    with Path(file).open("a") as pids:
        pids.write(f"{os.getpid()}\n")
    times = len(Path(file).read_text().split())
    if times == 1:
        time.sleep(600)
    return times


def kill_worker(_: None, stop: threading.Event, tell: Any) -> None:
    """End the process that this one's server of forks belongs to."""
    server = Path("/proc", str(os.getppid()), "stat").read_text()
    os.kill(int(server.rpartition(")")[2].split()[1]), signal.SIGKILL)
    time.sleep(600)


class SlowPost(Post):
    """A post that lets those who ask whether they may begin wait, as a busy machine does."""

    async def begin(self, name: str) -> bool:
        await asyncio.sleep(2)
        return await super().begin(name)
