"""What checks ask: mappings, which are kept, targets, and what models ask of any machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mapper.claims.answers import Answer, figures_of, keep, kept, key_of_question
from mapper.claims.claim import Asked
from mapper.comparison.machines import Machine
from mapper.compiler import compile
from mapper.errors import MapperError
from mapper.hw.load import load_target
from mapper.hw.survey import Survey, survey
from mapper.hw.target import Target
from mapper.hw.what_if import changed
from mapper.inspector import inspect
from mapper.pipeline.pass_ import Progress
from mapper.report.inspection import Inspection

Tell = Callable[[str, str, float | None], None]
"""Somebody who is told how it goes: what is asked, how it stands, which part of it is done."""

INTERRUPTED = "interrupted"


class Unanswered(Exception):
    """Why a check has no answer, and the next step."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.why, self.hint = why, hint


@dataclass
class Bench:
    """Everything that is asked of the compiler for a file of claims, each thing once.

    models: the folder of model files. out: where answers are kept; None: nowhere. here: the folder of the file of
    claims, which targets that are files are relative to. reused, made: how many answers were found there, and made.
    """

    questions: Mapping[str, Asked]
    models: Path
    out: Path | None = None
    here: Path = Path()
    stop: threading.Event = field(default_factory=threading.Event)
    tell: Tell = lambda name, words, done: None
    reused: int = 0
    made: int = 0
    _answers: dict[tuple[str, ...], Answer] = field(default_factory=dict)
    _targets: dict[str, Target] = field(default_factory=dict)
    _surveys: dict[str, Survey] = field(default_factory=dict)
    _seen: dict[str, Inspection] = field(default_factory=dict)

    def target(self, name: str) -> Target:
        """A target of the library, or in a file. Raises TargetError."""
        if name not in self._targets:
            path = self.here / name
            self._targets[name] = load_target(path if name.endswith((".yaml", ".yml")) else name)
        return self._targets[name]

    def survey(self, name: str) -> Survey:
        """What the files of a target say of it: classes of its units, and what its figures rest on."""
        if name not in self._surveys:
            self._surveys[name] = survey(self.here / name if name.endswith((".yaml", ".yml")) else name)
        return self._surveys[name]

    def answer(self, question: str, settings: tuple[str, ...] = ()) -> Answer:
        """What the compiler answers to a question, with more figures of its target changed. Raises Unanswered where
        there is no plan."""
        found = self.asked(question, settings)
        if found.why_not:
            raise Unanswered(f"{question}: {found.why_not}", found.hint)
        return found

    def asked(self, question: str, settings: tuple[str, ...] = ()) -> Answer:
        """The same; that there is no plan is an answer, too. Raises Unanswered where nothing could be asked."""
        key = (question, *settings)
        if key not in self._answers:
            name = "-".join([question, *map(_spelled, settings)])
            self._answers[key] = self._find(name, self.questions[question], settings)
        return self._answers[key]

    def inspected(self, model: str, phases: tuple[str, ...] = (), dims: Mapping[str, int] | None = None) -> Inspection:
        """What a model asks of any machine. Raises Unanswered for one that is not there or has open dims."""
        key = f"{model} {phases} {sorted((dims or {}).items())}"
        if key not in self._seen:
            self._alive()
            self.tell(model, "what it asks of any machine", None)
            found = inspect(self.model(model), phases, dims=dims or {})
            if found.problem:
                raise Unanswered(f"{model}: {found.problem.splitlines()[0]}", "give dims, or phases, to the check")
            self._seen[key] = found
        return self._seen[key]

    def model(self, name: str) -> Path:
        """The file of a model. Raises Unanswered where it is not there."""
        path = self.models / name
        if not path.is_file():
            raise Unanswered(f"no model {name} in {self.models}", "make claims builds all models; or give --models DIR")
        return path

    def _find(self, name: str, asked: Asked, settings: tuple[str, ...]) -> Answer:
        path = self.model(asked.model)
        settings = (*asked.settings, *settings)
        machine = Machine(asked.target, changed(self.target(asked.target), settings), settings)
        key = key_of_question(machine, path, asked.model_dump(mode="json"))
        folder = self.out / name if self.out is not None else None
        known = kept(name, key, folder) if folder is not None else None
        if known is not None:
            self.reused += 1
            return known
        self._alive()
        self.tell(name, f"{asked.model} on {asked.target}", None)
        done = None
        try:
            done = compile(
                path, machine.target, asked.phases, dims=asked.dims, objective=asked.objective, batch=asked.batch,
                pipeline=asked.pipeline, effort=asked.effort, precision=asked.precision, stop=self.stop,
                tell=lambda what: self._progress(name, what),
            )  # fmt: skip
            answer = Answer(name, figures_of(done))
        except MapperError as problem:
            why = "; ".join([problem.message, *problem.details[:1]])
            answer = Answer(name, why_not=why, hint=problem.hint)
        self._alive()  # what a search that was cut short found is no answer
        self.made += 1
        if folder is not None:
            keep(answer, key, done, folder)
        return answer

    def _progress(self, name: str, what: Progress) -> None:
        self.tell(name, "", what.done)

    def _alive(self) -> None:
        if self.stop.is_set():
            raise Unanswered(INTERRUPTED, "run it again: what was answered is kept")


OPERATORS = {"*=": "-times-", "/=": "-over-", "=": "-is-", "*": "any", "?": "one"}
"""Signs of settings as names of folders spell them."""


def _spelled(setting: str) -> str:
    """A setting as a part of the name of a folder; different ones are spelled differently."""
    for sign, word in OPERATORS.items():
        setting = setting.replace(sign, word)
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in setting)
