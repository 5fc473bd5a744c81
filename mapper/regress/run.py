"""A run: every case that is not known yet is solved by an executor, each record is safe as soon as it is there."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from mapper.errors import MapperError
from mapper.execution import jobs
from mapper.execution.jobs import Call, Executor, Guard, Job, Outcome, Status, Tell
from mapper.hw.plugins import modules
from mapper.regress.cases import Case, MappingCase
from mapper.regress.digests import Digests
from mapper.regress.elsewhere import Brought, bring
from mapper.regress.history import History, Run
from mapper.regress.record import Ended, Record
from mapper.regress.scores import ScoreCase
from mapper.regress.scoring import Absent, score_task
from mapper.regress.solving import task_of
from mapper.versions import PACKAGES, code, versions

CODE_DIGITS = 12
"""Of the digest of mapper's own code, as a run tells it to people."""

PRELOADED = ("mapper.regress.run", "mapper.compiler", "mapper.solve.placement.driver", "numba")

_ENDED = {Status.TIMEOUT: Ended.TIMEOUT, Status.MEMORY: Ended.MEMORY, Status.STOPPED: Ended.STOPPED}


@dataclass(frozen=True)
class Folders:
    """Where a run finds models, and targets and data of scores (the folder of the suite), and where it keeps plans."""

    models: Path
    targets: Path
    plans: Path


def preloaded() -> tuple[str, ...]:
    """The modules that all cases' processes need: what they are copies of has loaded them. Plug-ins of others are left
    to each case: one that is broken must end no more than that."""
    own = [name for name in modules("passes", "unit_models", "kinds") if name.partition(".")[0] in PACKAGES]
    return (*PRELOADED, *own)


class Task(Protocol):
    """A case, ready to be run in any process. key: the content address of all that its record depends on."""

    @property
    def case(self) -> Case: ...
    @property
    def key(self) -> str: ...
    def run(self, stop: threading.Event, tell: Tell) -> Record:
        """Its record, whatever goes wrong with it."""

    def key_here(self) -> str:
        """Its key by the files that are here now. Raises MapperError where they are not."""


class Watcher(jobs.Watcher, Protocol):
    """Somebody who is told how a run goes: a case begins, its search stands so, and it has ended."""

    def ended(self, record: Record, known: bool) -> None:
        """It has ended. known: its record is of an earlier run."""


def run_cases(
    suite: str,
    some: Sequence[Case],
    history: History,
    executor: Executor,
    folders: Folders,
    guard: Guard,
    stop: threading.Event,
    watch: Watcher,
    again: bool = False,
) -> tuple[Run, tuple[Record, ...]]:
    """The run, and the records of all cases in their order. again: what is known is solved anew as well.

    A case that crashes, takes too long or cannot be read is a record like any other. Every record is in the history
    before the next one is told of: whoever is killed goes on from there.
    """
    tasks, refused = _tasks(some, folders)
    known = {} if again else history.lasting([task.key for task in tasks])
    kept = {key: record for key, record in known.items() if _is_kept(record, folders.plans)}
    run = history.begin(suite, json.dumps({**versions(), "code": code()[:CODE_DIGITS]}, sort_keys=True))
    records: dict[str, Record] = {}
    first = [*refused, *(replace(kept[t.key], case=t.case.name) for t in tasks if t.key in kept)]
    history.add(run, *first)
    for record in first:
        watch.ended(record, known=record.lasting)
        records[record.case] = record
    left = [task for task in tasks if task.key not in kept]
    left.sort(key=lambda task: not isinstance(task.case, ScoreCase))  # scores take longest: no core waits for them
    for record in _solved(left, executor, folders.plans, guard, stop, watch):
        if record.ended is not Ended.STOPPED:
            history.add(run, record)
        watch.ended(record, known=False)
        records[record.case] = record
    return run, tuple(records[case.name] for case in some)


def _tasks(some: Sequence[Case], folders: Folders) -> tuple[list[Task], list[Record]]:
    """The cases as tasks, and the records of those whose target is none, or whose model or data are gone."""
    digests, tasks, refused = Digests(), list[Task](), list[Record]()
    for case in some:
        try:
            tasks.append(_task(case, folders, digests))
        except MapperError as error:
            words = "; ".join([error.message, *([error.hint] if error.hint else [])])
            ended = Ended.SKIPPED if isinstance(error, Absent) else Ended.REFUSED
            refused.append(Record(case.name, "", ended, versions=versions(), about=case.about, reason=words))
    return tasks, refused


def _task(case: Case, folders: Folders, digests: Digests) -> Task:
    """Raises MapperError for a case that cannot be asked."""
    if isinstance(case, ScoreCase):
        return score_task(case, folders.targets, digests)
    assert isinstance(case, MappingCase)
    return task_of(case, folders.models, folders.targets, folders.plans, digests)


def _is_kept(record: Record, plans: Path) -> bool:
    """Whether the plan of a record is still there, to be compared with others."""
    return not record.plan or (plans / record.key / "plan.json").is_file()


def _solved(
    tasks: Sequence[Task], executor: Executor, plans: Path, guard: Guard, stop: threading.Event, watch: Watcher
) -> Iterator[Record]:
    by_name = {task.case.name: task for task in tasks}
    call: Call = bring if executor.elsewhere else _job
    some = [Job(name, call, task) for name, task in by_name.items()]
    for outcome in executor.run(some, guard, stop, watch):
        yield _record(by_name[outcome.name], outcome, plans)


def _job(task: Any, stop: threading.Event, tell: Tell) -> Record:
    found: Record = task.run(stop, tell)
    return found


def _record(task: Task, outcome: Outcome, plans: Path) -> Record:
    """The record that the end of a job is. plans: where a plan that it brought is kept."""
    spent = {"case_s": outcome.seconds, "peak_memory_bytes": float(outcome.peak_bytes)}
    if outcome.status is Status.DONE:
        record: Record = outcome.value.kept(plans) if isinstance(outcome.value, Brought) else outcome.value
        return replace(record, timings={**record.timings, **spent})
    words = "" if outcome.failure is None else outcome.failure.message
    ended = _ENDED.get(outcome.status, Ended.BROKEN)
    return Record(
        task.case.name, task.key, ended, timings=spent, versions=versions(), about=task.case.about, reason=words
    )
