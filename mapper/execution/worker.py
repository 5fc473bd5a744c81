"""What a worker of a cluster does: a job in a process of its own, so that whatever becomes of it is an outcome."""

from __future__ import annotations

import asyncio
import platform
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from mapper.execution.jobs import Guard, Job, Outcome, Status
from mapper.execution.local import Local
from mapper.versions import code, versions

TELL_S = 0.5
"""How often a worker tells how its job stands at most: all of them tell one process."""
DELIVER_S = 1.0
"""How long the last word of a job may take to arrive."""


class Post:
    """An actor between those who wait for jobs and those who work on them: what begins, how it stands, when to stop."""

    def __init__(self) -> None:
        self._begun: set[str] = set()
        self._news: list[tuple[str, Any]] = []
        self._stopped = asyncio.Event()

    async def begin(self, name: str) -> bool:
        """Whether a job may begin: not once all were stopped."""
        if self._stopped.is_set():
            return False
        self._begun.add(name)
        return True

    async def tell(self, name: str, what: Any) -> None:
        """Keep how a job stands until somebody asks."""
        self._news.append((name, what))

    async def take(self) -> tuple[set[str], list[tuple[str, Any]]]:
        """The jobs that have begun, and what was told since the last time."""
        news, self._news = self._news, []
        return self._begun, news

    async def stop(self) -> set[str]:
        """Tell all that run; no other job begins. The jobs that had begun."""
        self._stopped.set()
        return self._begun

    async def stopped(self) -> None:
        """Returns once somebody stops."""
        await self._stopped.wait()


@dataclass(frozen=True)
class Stranger:
    """A worker whose results would not be those of the machine that asks. node: its machine; what: how it differs."""

    node: str
    what: str


@dataclass(frozen=True)
class Sources:
    """What results depend on besides the job."""

    versions: dict[str, str] = field(default_factory=versions)
    code: str = field(default_factory=code)

    def differs(self, other: Sources) -> str:
        """How another differs in words; '' where it does not."""
        names = [name for name in self.versions if self.versions[name] != other.versions.get(name)]
        words = [f"{name} {other.versions.get(name)} instead of {self.versions[name]}" for name in names]
        if not words and self.code != other.code:
            words = ["other sources of mapper under the same version"]
        return ", ".join(words)


def work(
    job: Job, guard: Guard, preload: tuple[str, ...], post: Any, stopped: list[Any], sources: Sources
) -> Outcome | Stranger:
    """The outcome of a job, which runs in a process beside this one. stopped: holds what is ready once all are to stop
    (in a list, as Ray would wait for it)."""
    differs = sources.differs(Sources())
    if differs:
        return Stranger(platform.node(), differs)
    if not post.begin.remote(job.name).future().result():
        return Outcome(job.name, Status.STOPPED)
    reporter = _Reporter(post)
    with _no_main():
        (outcome,) = Local(1, preload).run([job], guard, _set_once(stopped[0]), reporter)
    reporter.deliver()
    return outcome


def _set_once(ready: Any) -> threading.Event:
    """An event that is set once something on the cluster is ready."""
    event = threading.Event()
    ready.future().add_done_callback(lambda _: event.set())
    return event


class _Reporter:
    """A watcher that passes on what it is told, not too often."""

    def __init__(self, post: Any) -> None:
        self._post, self._last, self._said = post, None, -TELL_S

    def begun(self, name: str) -> None:
        """Nothing: who may begin has told so."""

    def tell(self, name: str, what: Any) -> None:
        """Pass it on, if nothing was just before."""
        now = time.monotonic()
        if now - self._said >= TELL_S:
            self._said = now
            self._last = self._post.tell.remote(name, what)

    def deliver(self) -> None:
        """Wait a little for the last word to arrive."""
        if self._last is not None:
            wait([self._last.future()], timeout=DELIVER_S)


@contextmanager
def _no_main() -> Iterator[None]:
    """Processes that begin here do not load this one's main module, which is Ray's own and slow to load."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
