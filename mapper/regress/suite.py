"""The file of cases: models with their phases, matrices of what is asked of them, single cases, scores."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mapper.hw.marks import read
from mapper.hw.validate import validate


class _Format(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Workload(_Format):
    """A model, or several, with what a request runs of them; all as the options of `mapper compile`."""

    file: str | list[str]
    phases: list[str] = []
    dims: dict[str, int] = {}
    expect: dict[str, int] = {}
    mix: dict[str, int] = {}
    connect: dict[str, str] = {}

    @property
    def files(self) -> list[str]:
        """The model files as they are written."""
        return [self.file] if isinstance(self.file, str) else list(self.file)


class Asked(_Format):
    """How a mapping is asked for; all as the options of `mapper compile`."""

    objective: str = "throughput"
    pipeline: str = "default"
    precision: str | None = None
    batch: int | Literal["auto"] | None = None
    inflight: int | None = None
    effort: str = "default"
    seed: int = Field(default=0, ge=0)
    settings: list[str] = Field(default=[], alias="set")


class Tolerance(_Format):
    """How far a metric may be from what was accepted and still be the same: a part of it, or so much in its own unit,
    whichever is more."""

    relative: float = Field(default=0.0, ge=0.0)
    absolute: float = Field(default=0.0, ge=0.0)


def of_case(own: Mapping[str, Tolerance], suite: Mapping[str, Tolerance]) -> dict[str, Tolerance]:
    """The tolerances of a case, in the order in which they are asked: its own, then the suite's for what these do not
    mean. Both by metric or pattern."""
    left = {metric: t for metric, t in suite.items() if not any(fnmatchcase(metric, pattern) for pattern in own)}
    return {**own, **left}


class Matrix(_Format):
    """Every model on every target, asked in every way. models and targets may be patterns; a target may be a file.

    exclude: cases that are left out, each by what they have in common, as {model: bert, target: "edge-*"}.
    """

    models: list[str] = Field(min_length=1)
    targets: list[str] = Field(min_length=1)
    objectives: list[str] = []
    pipelines: list[str] = []
    precisions: list[str] = []
    batches: list[int | Literal["auto"]] = []
    efforts: list[str] = []
    seeds: list[Annotated[int, Field(ge=0)]] = []
    sets: list[list[str]] = []
    exclude: list[dict[str, str]] = []
    tags: list[str] = []


class Single(Asked):
    """A case by itself."""

    model: str
    target: str
    name: str = ""
    tags: list[str] = []
    tolerances: dict[str, Tolerance] = {}


class Score(_Format):
    """Numbers that a command prints as one JSON object.

    command: the program and its words, run in the folder of the file; `python` is the one that runs mapper, {NAME} is
    the path that `data` has under that name. data: files and folders that may not be everywhere: where one is not, the
    score is skipped. inputs: others that the command reads; what they contain tells whether it must run again, as what
    data contain does. better: by pattern, whether more or less of a number is better; all others fail nothing.
    """

    command: list[str | int | float] = Field(min_length=1)
    data: dict[str, str] = {}
    inputs: list[str] = []
    better: dict[str, Literal["more", "less"]] = {}
    tolerances: dict[str, Tolerance] = {}
    tags: list[str] = []


class Suite(_Format):
    """The whole file. defaults: of all cases that do not say otherwise. tolerances: by metric, of all cases. scores: by
    name."""

    schema_: Literal[1] = Field(alias="schema")
    name: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*$", max_length=255)
    models: dict[str, Workload] = {}
    defaults: Asked = Asked()
    tolerances: dict[str, Tolerance] = {}
    matrix: list[Matrix] = []
    cases: list[Single] = []
    scores: dict[str, Score] = {}


def read_suite(path: Path) -> Suite:
    """The suite in a file. Raises MapperError with file:line:column for what is wrong with it."""
    return validate(Suite, read(path), f"the cases in {path.name}")
