"""A complaint about a file of a target library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mapper.hw.derived import Whole, compared
from mapper.hw.marks import Document
from mapper.hw.schema import Published


@dataclass(frozen=True, slots=True, order=True)
class Complaint:
    """Something wrong at a place of a file, `file:line:col` ('' where it is of no one place), by the rule it breaks."""

    place: str
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text


def published_complaints(document: Document, published: Published, of: Whole) -> Iterator[Complaint]:
    """Where the parts give something else than the maker says."""
    for one in compared(published, of):
        if one.differs(published.within):
            assert one.derived is not None
            mark = document.value_mark("published", *one.key.split("."))
            yield Complaint(
                str(mark), "published",
                f"'{one.key}' is published as {one.published:.4g}, and the parts give {one.derived:.4g}: "
                f"{100 * (one.derived / one.published - 1):+.1f} %, allowed are {100 * published.within:g} %",
            )  # fmt: skip
