"""Jobs one after the other in this process: for debuggers, and for a single one. Nothing guards them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from mapper.errors import UsageError
from mapper.execution.jobs import Guard, Job, Outcome, Status, Watcher, failure_of, not_begun


@dataclass(frozen=True, slots=True)
class Here:
    """Runs jobs in this process. Raises UsageError where a guard is wanted: no process can end itself and go on."""

    elsewhere: ClassVar[bool] = False

    def run(self, jobs: Sequence[Job], guard: Guard, stop: threading.Event, watch: Watcher) -> Iterator[Outcome]:
        """The outcomes, in the order of the jobs."""
        if guard != Guard():
            raise UsageError("jobs in this process have no guard of time or memory", hint="run them in processes")
        for i, job in enumerate(jobs):
            if stop.is_set():
                yield from not_begun(jobs[i:])
                return
            watch.begun(job.name)
            yield outcome_of(job, stop, watch)


def outcome_of(job: Job, stop: threading.Event, watch: Watcher) -> Outcome:
    """A job's outcome, whatever it raises but for what ends the process."""
    began = time.perf_counter()
    try:
        value = job.call(job.arguments, stop, lambda what: watch.tell(job.name, what))
    except Exception as error:  # the outcome tells it
        return Outcome(job.name, Status.RAISED, failure=failure_of(error), seconds=time.perf_counter() - began)
    return Outcome(job.name, Status.DONE, value, seconds=time.perf_counter() - began)
