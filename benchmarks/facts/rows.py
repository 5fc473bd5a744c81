"""Rows of published end-to-end figures, and what is answered to each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measured.points import records

FILES = ("end_to_end_llm.csv", "end_to_end_cim.csv")


@dataclass(frozen=True, slots=True)
class Fact:
    """A row: `columns` are its cells as they stand in the file."""

    file: str
    columns: dict[str, str]

    @property
    def name(self) -> str:
        """What the row is about, as its first column says."""
        return self.columns["target"]

    @property
    def tier(self) -> str:
        """Who says so: measured, vendor, seed, or what the row has in place of that."""
        return self.columns.get("tier") or self.columns.get("kind") or ""

    @property
    def numbers(self) -> tuple[float, ...]:
        """The number that each part of the value begins with ("63.17 prefill; 22.0 per token"), where it does."""
        parts = self.columns["value"].replace("/", ";").split(";")
        found = (part.split()[0] for part in parts if part.split())
        return tuple(float(word) for word in found if word.replace(".", "", 1).isdecimal())


@dataclass(frozen=True, slots=True)
class Answer:
    """A published figure beside ours. how: what ours is made by. limit: the most that the error may be, as a part; None
    where no bar covers it. fitted: whether a constant has seen the row or others of its model or device. ends: ours at
    both ends of what the row does not say and we assume, told beside the error, which is that of `ours`. note: why
    there is no bar, or no check."""

    what: str
    target: str
    published: float
    ours: float
    how: str
    limit: float | None = None
    fitted: bool = False
    ends: tuple[float, float] | None = None
    note: str = ""

    @property
    def error(self) -> float:
        """Relative error of ours."""
        return self.ours / self.published - 1

    @property
    def left_open(self) -> bool:
        """Whether what is published lies between the ends of what its row leaves open."""
        return self.ends is not None and min(self.ours, *self.ends) <= self.published <= max(self.ours, *self.ends)

    @property
    def beyond(self) -> bool:
        """Whether it is further from what is published than its bar."""
        return self.limit is not None and abs(self.error) > self.limit


@dataclass(frozen=True, slots=True)
class Uncovered:
    """Why there is no answer to a row."""

    why: str


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows that are answered in one way. names: which rows, by their names. answers: what is found, one for each figure
    of the row; it may raise MapperError, which then is why there is no answer."""

    names: frozenset[str]
    answers: Callable[[Fact], Iterable[Answer | Uncovered]]


def facts(folder: Path) -> Iterator[Fact]:
    """All rows of the files that the folder has."""
    for file in FILES:
        for row in records(folder / file):
            yield Fact(file, row)
