"""Targets asked side by side, each by a process of its own: what one of them comes to grief over, no other notices."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Protocol

from mapper.comparison.answers import MISSING, Answer, Broken, declined
from mapper.comparison.solving import Task, Tell, solve
from mapper.errors import MapperError
from mapper.execution import jobs
from mapper.execution.here import Here
from mapper.execution.jobs import Executor, Guard, Job, Outcome, Status
from mapper.execution.local import Local


class Watcher(jobs.Watcher, Protocol):
    """Somebody who is told how a comparison goes: a target begins, its search stands so, and it has answered."""

    def ended(self, answer: Answer) -> None:
        """It has answered."""


def ask(tasks: Sequence[Task], at_once: int, stop: threading.Event, watch: Watcher) -> list[Answer]:
    """Ask so many targets at once at most; a single one in this process. When `stop` is set, those that run end with
    the best they have, the others are not begun; when this ends early, so do they. Raises MapperError where an answer
    cannot be kept: no other one could."""
    executor: Executor = Here() if at_once < 2 else Local(at_once, _modules(tasks))
    found: dict[str, Answer] = {}
    for outcome in executor.run([Job(t.machine.name, _solved, t) for t in tasks], Guard(), stop, watch):
        answer = _answer(outcome)
        found[answer.target] = answer
        if outcome.status is not Status.STOPPED:
            watch.ended(answer)
    return [found[task.machine.name] for task in tasks]


def _solved(task: Any, stop: threading.Event, tell: Tell) -> Answer:
    return solve(task, stop, tell)


def _modules(tasks: Sequence[Task]) -> tuple[str, ...]:
    """What all tasks need loaded."""
    steps = tasks[0].question.pipeline.passes if tasks else ()
    return (__name__, *sorted({type(step).__module__ for step in steps}))


def _answer(outcome: Outcome) -> Answer:
    """The answer that the end of a job is. Raises what was raised: an answer's own errors are answers."""
    if outcome.status is Status.DONE:
        assert isinstance(outcome.value, Answer)
        return outcome.value
    if outcome.status is Status.STOPPED:
        return Answer(outcome.name, MISSING, whole=False)
    assert outcome.failure is not None
    failure = outcome.failure
    if outcome.status is Status.RAISED:
        bug = f"internal error: {failure.kind}: " if failure.trace and failure.kind != OSError.__name__ else ""
        raise MapperError(bug + failure.message, details=failure.details, hint=failure.hint)
    return declined(outcome.name, Broken(failure.message, hint=failure.hint), outcome.seconds)
