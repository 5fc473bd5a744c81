"""Jobs: what is run, what guards it, and how each ended. Knows nothing of what jobs are about."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from mapper.errors import MapperError, UsageError

Tell = Callable[[Any], None]
"""Takes how a job stands: whatever its watcher understands, and a process can send."""

Call = Callable[[Any, threading.Event, Tell], Any]
"""What a job does: a function of a module, so that other processes find it, of its arguments, an event that is set when
it should end with the best it has, and somebody to tell how it stands. Arguments and result must be picklable."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to run. name: unlike those of all others that are run with it."""

    name: str
    call: Call
    arguments: Any = None


@dataclass(frozen=True, slots=True)
class Guard:
    """What each job may take at most: seconds by the wall clock, bytes of resident memory. None: as much as there is.

    Raises UsageError for a guard that nothing passes.
    """

    seconds: float | None = None
    memory_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.seconds is not None and not self.seconds > 0:
            raise UsageError(f"a job that may take {self.seconds:g} s cannot even begin", hint="give seconds above 0")
        if self.memory_bytes is not None and self.memory_bytes <= 0:
            raise UsageError(
                f"a job that may take {self.memory_bytes} bytes cannot even begin", hint="give more than 0"
            )


class Status(StrEnum):
    """How a job ended: with a value; with an error of its own; its process was gone; it took longer, or more memory,
    than its guard lets it; or it was not begun, as somebody wanted all to end."""

    DONE = "done"
    RAISED = "raised"
    CRASHED = "crashed"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Failure:
    """What a job raised, in words that any process can hand on. kind: the name of the class; trace: empty for errors
    that are meant for users."""

    kind: str
    message: str
    details: tuple[str, ...] = ()
    hint: str = ""
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended. value: what it returned, where it is done. failure: why it is not. seconds: from its start, by
    the wall clock. peak_bytes: the most resident memory that was seen of its process; 0 where nobody looked."""

    name: str
    status: Status
    value: Any = None
    failure: Failure | None = None
    seconds: float = 0.0
    peak_bytes: int = 0


class Watcher(Protocol):
    """Somebody who is told how jobs go."""

    def begun(self, name: str) -> None:
        """A job begins."""

    def tell(self, name: str, what: Any) -> None:
        """How it stands."""


class Nobody:
    """A watcher that is told and does nothing."""

    def begun(self, name: str) -> None:
        """Nothing."""

    def tell(self, name: str, what: Any) -> None:
        """Nothing."""


class Executor(Protocol):
    """Who runs jobs: the outcomes are the same, whoever it is, but for seconds and memory."""

    @property
    def elsewhere(self) -> bool:
        """Whether jobs may run on other machines, which see other files."""

    def run(self, jobs: Sequence[Job], guard: Guard, stop: threading.Event, watch: Watcher) -> Iterator[Outcome]:
        """The outcome of every job, in the order in which they end. Once `stop` is set no other job is begun, and those
        that run are told to end with the best they have. Whoever no longer wants outcomes closes the iterator: what
        runs is then ended at once."""


def failure_of(error: BaseException) -> Failure:
    """An error as it is told to others."""
    if isinstance(error, MapperError):
        return Failure(type(error).__name__, error.message, tuple(error.details), error.hint)
    import traceback

    trace = "".join(traceback.format_exception(error))
    return Failure(type(error).__name__, str(error), trace=trace)


def not_begun(jobs: Sequence[Job]) -> Iterator[Outcome]:
    """The outcomes of jobs that nobody begins any more."""
    for job in jobs:
        yield Outcome(job.name, Status.STOPPED)
