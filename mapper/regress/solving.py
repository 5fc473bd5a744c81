"""One case solved, in whatever process: read, compiled, checked, its plan kept."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from mapper.comparison.machines import Machine, machines
from mapper.errors import Infeasible, InvalidPlan, MapperError
from mapper.execution.jobs import Tell
from mapper.regress.cases import MappingCase
from mapper.regress.digests import Digests, address, program
from mapper.regress.metrics import metrics_of, placed_of, timings_of
from mapper.regress.record import Ended, Record
from mapper.versions import machine, versions


@dataclass(frozen=True)
class MappingTask:
    """A mapping to find. models: the folder of model files; targets: of target files. plans: where plans are kept, each
    in a folder named by its key."""

    case: MappingCase
    key: str
    models: Path
    targets: Path
    plans: Path

    def files(self) -> list[Path]:
        """The model files."""
        return [self.models / name for name in self.case.workload.files]

    def run(self, stop: threading.Event, tell: Tell) -> Record:
        """Its record."""
        return solve(self, stop, tell)

    def key_here(self) -> str:
        """Its key by the files that are here now. Raises MapperError where they are not."""
        return task_of(self.case, self.models, self.targets, self.plans, Digests()).key


def solve(task: MappingTask, stop: threading.Event, tell: Tell) -> Record:
    """The record of a case, whatever goes wrong with it; its plan is kept if it has one."""
    return kept(*answered(task, stop, tell), task.plans / task.key)


def kept(record: Record, files: Mapping[str, str], folder: Path) -> Record:
    """The record, once the files of its plan are in a folder; without an answer where they cannot be."""
    try:
        if files:
            from mapper.emit.files import write_folder_atomically

            write_folder_atomically(folder, files)
    except (MapperError, OSError) as error:
        return Record(
            record.case, record.key, Ended.REFUSED, {}, {}, record.versions, record.about, "", "", _words(error)
        )
    return record


def answered(task: MappingTask, stop: threading.Event, tell: Tell) -> tuple[Record, Mapping[str, str]]:
    """The record of a case, whatever goes wrong with it, and the files of its plan; none where it has no plan."""
    record = Record(
        task.case.name, task.key, Ended.FOUND, versions=versions(), about=task.case.about, machine=machine()
    )
    try:
        return _solved(task, record, stop, tell)
    except MemoryError:
        return replace(record, ended=Ended.MEMORY, reason="not enough memory"), {}
    except Infeasible as error:  # of a search that was stopped early it tells nothing that lasts
        ended = Ended.STOPPED if stop.is_set() else Ended.INFEASIBLE
        return replace(record, ended=ended, reason=_words(error)), {}
    except InvalidPlan as error:
        return replace(record, ended=Ended.BROKEN, reason=_words(error)), {}
    except (MapperError, OSError) as error:
        return replace(record, ended=Ended.REFUSED, reason=_words(error)), {}
    except Exception as error:  # a fault of the program is what the regression is there to tell
        return replace(record, ended=Ended.BROKEN, reason=f"{type(error).__name__}: {error}"), {}


def _solved(task: MappingTask, record: Record, stop: threading.Event, tell: Tell) -> tuple[Record, Mapping[str, str]]:
    from mapper.compiler import compile as compile_plan  # lazy: where nothing is left to solve, none is loaded
    from mapper.cost.check import check
    from mapper.ir.serial import to_json

    workload, asked = task.case.workload, task.case.asked
    done = compile_plan(
        task.files(),
        target_of(task.case, task.targets),
        workload.phases,
        settings=asked.settings,
        dims=workload.dims,
        expect=workload.expect,
        mix=workload.mix or None,
        connect=tuple(workload.connect.items()),
        objective=asked.objective,
        inflight=asked.inflight,
        batch=asked.batch,
        pipeline=asked.pipeline,
        effort=asked.effort,
        seed=asked.seed,
        precision=asked.precision,
        stop=stop,
        tell=tell,
    )
    if stop.is_set():
        return replace(record, ended=Ended.STOPPED, reason="stopped before its search was over"), {}
    done = replace(done, known=check(done.plan))
    text = to_json(done.plan)
    summary = done.summary
    found = replace(
        record,
        metrics=metrics_of(done.plan, summary),
        timings=timings_of(summary),
        plan=hashlib.sha256(text.encode()).hexdigest(),
        placed=placed_of(done.plan),
    )
    return found, {"plan.json": text, "summary.json": json.dumps(summary, indent=1)}


def _words(error: BaseException) -> str:
    if not isinstance(error, MapperError):
        return str(error)
    return "; ".join([error.message, *(d.strip() for d in error.details[:3])])


def target_of(case: MappingCase, folder: Path) -> str | Path:
    """The target of a case, as `load_target` takes it."""
    return folder / case.target if case.target.endswith((".yaml", ".yml")) else case.target


def machine_of(case: MappingCase, folder: Path) -> Machine:
    """The target of a case, with its settings. Raises MapperError."""
    return _machine(str(target_of(case, folder)), tuple(case.asked.settings))


@cache
def _machine(target: str, settings: tuple[str, ...]) -> Machine:
    return machines([target], settings)[0]


def task_of(case: MappingCase, models: Path, targets: Path, plans: Path, digests: Digests) -> MappingTask:
    """The case as a task. Raises MapperError where a model file is gone, or for a target that is none."""
    files = [digests.of(models / name) for name in case.workload.files]
    for name, digest in zip(case.workload.files, files, strict=True):
        if not digest:
            raise MapperError(f"no model file {models / name}")
    return MappingTask(case, _key(case, files, machine_of(case, targets).digest), models, targets, plans)


def _key(case: MappingCase, files: Sequence[str], target: str) -> str:
    """The content address of all that the record depends on: bytes of the model files, the whole target, what is asked,
    versions, those of plug-ins, too. files, target: their digests."""
    data: dict[str, Any] = {
        "files": files,
        "workload": case.workload.model_dump(),
        "target": target,
        "asked": case.asked.model_dump(),
        **program(),
    }
    return address(data)
