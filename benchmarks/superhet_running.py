"""Answers of the study side by side: machines that are asked, and changes of their plans, kept when they are found."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.superhet_cases import Wishes
from mapper.comparison.answers import MISSING, NAME, PLAN, Answer, Broken, declined, kept
from mapper.comparison.machines import APART, Machine, key_of, program
from mapper.comparison.solving import Reading, Task, solve
from mapper.emit.files import write_atomically
from mapper.errors import MapperError
from mapper.execution.here import Here
from mapper.execution.jobs import Executor, Guard, Job, Nobody, Outcome, Status, Tell
from mapper.execution.local import Local
from mapper.hw.what_if import parse_change
from mapper.ir.serial import load
from mapper.question import Question
from mapper.whatif.answers import Asker

Say = Callable[[str], None]

PATIENCE = 0.05
"""A gap of this size is near enough for a what-if."""

OPEN = 0.2
"""A plan with a larger gap is asked from where its tasks lie only: each change placed anew takes minutes, and what that
brings the plan itself may bring, too."""

ASKED_BY = tuple(name for name in APART if name != "mapper/whatif")
"""Code that no what-if depends on."""


def run(jobs: Sequence[Job], at_once: int, stop: threading.Event, say: Say) -> dict[str, Any]:
    """What jobs return, by their names, those that failed or were not begun left out; a line for each that ends."""
    modules = ("benchmarks.superhet_running", "passes.pipelines")
    executor: Executor = Here() if at_once < 2 else Local(at_once, modules)
    given: dict[str, Any] = {}
    for outcome in executor.run(jobs, Guard(), stop, Nobody()):
        if outcome.status is not Status.STOPPED:
            say(f"  {outcome.name}: {_told(outcome)} ({outcome.seconds:.0f} s)")
        given[outcome.name] = outcome.value if outcome.status is Status.DONE else _broken(outcome)
    return {name: value for name, value in given.items() if value is not None}


def _told(outcome: Outcome) -> str:
    value = outcome.value
    if isinstance(value, Answer):
        return f"{value.row['throughput_per_s']:.4g} requests/s" if value.found else str(value.row.get("reason", ""))
    return json.dumps(value) if outcome.failure is None else outcome.failure.message


def _broken(outcome: Outcome) -> Answer | None:
    """The answer of a machine whose process broke; of a what-if there is none."""
    if outcome.failure is None or outcome.name.endswith(WISHES):
        return None
    error = Broken(outcome.failure.message, hint=outcome.failure.hint)
    return declined(outcome.name.rpartition("/")[2], error, outcome.seconds)


@dataclass(frozen=True)
class Answers:
    """The machines of a case: those whose answer lies in its folder, by the same code, and those to be asked."""

    case: str
    question: Question
    reading: Reading
    machines: Sequence[Machine]
    asked: Mapping[str, Any]
    folder: Path

    @cached_property
    def known(self) -> dict[str, Answer]:
        """The answers that lie in the folder, by machine."""
        found = {m.name: kept(m.name, key_of(m, self.asked), self.folder / m.name) for m in self.machines}
        return {name: answer for name, answer in found.items() if answer is not None}

    def tasks(self) -> list[Job]:
        """A job for each machine that has no answer."""
        open_ = [m for m in self.machines if m.name not in self.known]
        tasks = [Task(m, self.question, self.reading, self.folder / m.name, key_of(m, self.asked)) for m in open_]
        return [Job(f"{self.case}/{task.machine.name}", solved, task) for task in tasks]

    def found(self, given: Mapping[str, Any]) -> list[Answer]:
        """The answer of every machine, with what the jobs gave; those that were not asked are missing."""
        return [
            self.known.get(m.name) or given.get(f"{self.case}/{m.name}") or Answer(m.name, MISSING, whole=False)
            for m in self.machines
        ]


def solved(task: Any, stop: threading.Event, tell: Tell) -> Answer:
    """The answer of a machine, kept in its folder."""
    return solve(task, stop, tell)


WISHES = "/what-if"
"""How the names of jobs end that ask what changes bring."""


@dataclass(frozen=True)
class Wished:
    """Changes of a plan's target that are asked. row: the plan's row in the study. prefix: before names of parts."""

    case: str
    row: dict[str, Any]
    folder: Path
    wishes: Wishes
    prefix: str

    @property
    def name(self) -> str:
        """The name of the job."""
        return f"{self.case}/{self.row['target']}{WISHES}"

    @property
    def file(self) -> Path:
        """Where the answers are kept: beside the plan."""
        return self.folder / self.row["target"] / "asked.json"

    @cached_property
    def of(self) -> str:
        """What the answers hang on: the plan, and the code."""
        answer = json.loads((self.file.parent / NAME).read_text(encoding="utf-8"))
        return json.dumps([answer["plan_sha256"], program(ASKED_BY)], sort_keys=True)

    @cached_property
    def known(self) -> dict[str, float | None]:
        """The answers that lie beside the plan, by the names of the wishes."""
        try:
            found = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        same = found.get("of") == self.of
        return {
            n: found["answers"][k] for n, c in self.wishes.items() if same and (k := " ".join(c)) in found["answers"]
        }

    @property
    def patience(self) -> float:
        """The gap at which nothing is placed anew. Plans of several chips (of a prefix) are folded: from where their
        tasks lie no search goes on."""
        return PATIENCE if self.prefix or (self.row.get("gap") or 0.0) <= OPEN else 1.0

    @property
    def missing(self) -> Wishes:
        """The wishes without an answer."""
        return {name: changes for name, changes in self.wishes.items() if name not in self.known}

    def job(self) -> Job:
        """What asks the others."""
        return Job(self.name, answered, self)


def answered(wished: Any, stop: threading.Event, tell: Tell) -> dict[str, float | None]:
    """By how many times each wish makes the objective better, in their order; None where there is no plan, or no such
    figure. Each is kept when it is found; ends early when `stop` is set."""
    found: dict[str, float | None] = dict(wished.known)
    asker = Asker(load(wished.file.parent / PLAN), stop=stop, patience=wished.patience)
    for name, changes in wished.missing.items():
        times = _times(asker, changes, wished.prefix)
        if stop.is_set():
            break  # a search that was cut short tells too little
        found[name] = times
        answers = {" ".join(wished.wishes[n]): found[n] for n in wished.wishes if n in found}
        write_atomically(wished.file, json.dumps({"of": wished.of, "answers": answers}, indent=1) + "\n")
    return {name: found[name] for name in wished.wishes if name in found}


def _times(asker: Asker, changes: Sequence[str], prefix: str) -> float | None:
    parsed = [parse_change(text) for text in changes]
    try:
        found = asker.answer([replace(c, name=_inside(c.name, prefix)) for c in parsed])
    except MapperError:
        return None
    return 1.0 + found.gain if found.after is not None else None


def _inside(name: str, prefix: str) -> str:
    """The name of a figure of a part that lies in a chip of a system."""
    if "." not in name or not prefix:
        return name
    return name.replace("link.", f"link.{prefix}") if name.startswith("link.") else prefix + name
