"""A case solved on another machine: the files there must be those that are meant, and its plan comes back with it."""

from __future__ import annotations

import platform
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mapper.errors import MapperError
from mapper.execution.jobs import Tell
from mapper.regress.record import Ended, Record
from mapper.regress.solving import MappingTask, answered, kept
from mapper.versions import versions


@dataclass(frozen=True)
class Brought:
    """A record, and the files of its plan by name, to be kept by whoever asked."""

    record: Record
    files: Mapping[str, str] = field(default_factory=dict)

    def kept(self, plans: Path) -> Record:
        """The record, once its plan is in a folder of its key."""
        return kept(self.record, self.files, plans / self.record.key)


def bring(task: Any, stop: threading.Event, tell: Tell) -> Brought:
    """A task's record and plan. It is refused where model, target or whatever else it needs is not here what it is
    where the task was made: the record would be kept under an address that is not its own."""
    strange = _strange(task)
    if strange:
        case = task.case
        return Brought(Record(case.name, task.key, Ended.REFUSED, {}, {}, versions(), case.about, reason=strange))
    if isinstance(task, MappingTask):
        return Brought(*answered(task, stop, tell))
    return Brought(task.run(stop, tell))


def _strange(task: Any) -> str:
    """Why the task cannot be run here; '' where it can."""
    try:
        same = task.key_here() == task.key
    except MapperError as error:
        return f"on {platform.node()}: {error.message}"
    return (
        ""
        if same
        else f"on {platform.node()}: model files, target files or plug-ins are not those of the machine that asks"
    )
