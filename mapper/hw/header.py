"""Reads a file of a target library and checks its header: the name, and what `source_of` and `range_of` name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from mapper.errors import TargetError, did_you_mean
from mapper.hw.marks import Document, Mark, parsed, text_of
from mapper.hw.schema import Header
from mapper.hw.validate import validate

ABOUT_FIGURES = ("source", "source_of", "range_of")
"""Keys that say something about the figures beside them, in files and in the entries of a chip."""

ABOUT_UNITS = ("class", "area_mm2")
"""Keys of a unit that its model does not know."""

HEADER = ("schema", "name", "about", *ABOUT_FIGURES, "published", *ABOUT_UNITS)
"""Keys of a part's file that its model does not know."""

DOTTED = "."
Range = tuple[float, float]


def read_file(format_: type[Header], path: Path) -> tuple[Document, Header]:
    """A part or target file, its header checked: the name is the file's own, `source_of` and `range_of` name keys of
    the file, and a range holds its figure."""
    return _checked(format_, path, text_of(path))


@lru_cache(maxsize=1024)
def _checked(format_: type[Header], path: Path, text: str) -> tuple[Document, Header]:
    document = parsed(path, text)
    header = validate(format_, document, path.stem)
    if header.name != path.stem:
        raise TargetError(
            f"{document.value_mark('name')}: the file is called '{path.stem}', its name is '{header.name}'"
        )
    check_named(document, header.source_of, header.range_of)
    return document, header


def check_named(document: Document, source_of: Mapping[str, str], range_of: Mapping[str, Range]) -> None:
    """Raises TargetError where `source_of` or `range_of` names a key that the mapping beside it lacks, or where a range
    does not hold its figure."""
    for key in source_of:
        found_at(document, key, "source_of", "source")
    for key, (low, high) in range_of.items():
        figure = found_at(document, key, "range_of", "range")
        mark = document.value_mark("range_of", key)
        if isinstance(figure, bool) or not isinstance(figure, int | float):
            inside = tuple(f"{key}{DOTTED}{k}" for k in figure) if isinstance(figure, dict) else ()
            raise TargetError(
                f"{mark}: '{key}' is no single number, so it has no range",
                hint=f"name one of {', '.join(inside)}" if inside else "",
            )
        if not low <= figure <= high:
            raise TargetError(f"{mark}: the range of '{key}', {low:g} to {high:g}, does not hold its figure {figure:g}")


def found_at(document: Document, key: str, table: str, noun: str) -> Any:
    """What a dotted key leads to; TargetError at its place in `table` where it leads nowhere."""
    value: Any = document.data
    for part in key.split(DOTTED):
        known: Sequence[str] = list(value) if isinstance(value, dict) else []
        if part not in known:
            mark: Mark = document.key_mark(table, key)
            raise TargetError(f"{mark}: {noun} of '{key}', which the file lacks; {did_you_mean(part, known)}")
        value = value[part]
    return value


def prefixes(path: Sequence[str]) -> Iterator[str]:
    """The dotted keys that may speak of a figure at this path, the longest first."""
    for length in range(len(path), 0, -1):
        yield DOTTED.join(path[:length])
