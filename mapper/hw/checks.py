"""What is wrong with the files of a target library: sources and marks, published against derived, rates, powers, links.

`mapper targets check` prints what these rules find; loading a target enforces none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from mapper.errors import TargetError
from mapper.hw.basis import Basis, bases_in, basis_of
from mapper.hw.complaint import Complaint
from mapper.hw.header import read_file
from mapper.hw.library import WHOLES, folders
from mapper.hw.load import load_target
from mapper.hw.marks import Document, Mark
from mapper.hw.provenance import FORMATS, Sourced, figures_at, sheets
from mapper.hw.schema import Header, Published, TargetFile, UnitFile
from mapper.hw.target_checks import target_complaints
from mapper.hw.unit_checks import unit_complaints

_PLACE = re.compile(r"^(?P<place>.+?:\d+:\d+): (?P<text>.*)$", re.DOTALL)


def check_files(paths: Iterable[Path]) -> tuple[Complaint, ...]:
    """All complaints about these files, sorted by place."""
    found: set[Complaint] = set()
    for path in paths:
        try:
            found.update(check_file(path))
        except TargetError as problem:
            found.update(_refused(problem))
    return tuple(sorted(found))


def check_file(path: Path) -> Iterator[Complaint]:
    """The complaints about one file: of a part by itself, of a target with all that it says in its entries."""
    kind = path.resolve().parent.name
    document, header = read_file(FORMATS.get(kind, TargetFile), path)
    if isinstance(header, TargetFile):
        target, found = load_target(path), sheets(path)
        own = [f for sheet in found if sheet.section != "chips" for f in sheet.figures if f.place.path == path]
        yield from _texts(document, header, own)
        yield from target_complaints(target, document, header, found)
        return
    figures = figures_at(type(header), path)
    yield from _texts(document, header, figures.values())
    if isinstance(header, UnitFile):
        yield from unit_complaints(document, header, figures)


def files_of(path: Path) -> tuple[Path, ...]:
    """The file, and where it is one of a target those of all its parts, each once."""
    if path.resolve().parent.name in FORMATS:
        return (path,)
    try:
        return tuple(dict.fromkeys(sheet.file for sheet in sheets(path)))
    except TargetError:  # which the check of the file tells
        return (path,)


def library_files() -> tuple[Path, ...]:
    """Every file of every target folder."""
    return tuple(
        path
        for _, folder in folders()
        for kind in (*FORMATS, *WHOLES)
        for path in sorted((folder / kind).glob("*.yaml"))
    )


def _refused(problem: TargetError) -> Iterator[Complaint]:
    for text in (problem.message, *problem.details):
        found = _PLACE.match(text)
        yield Complaint(found["place"], "schema", found["text"]) if found else Complaint("", "schema", text)


def _texts(document: Document, header: Header, figures: Iterable[Sourced]) -> Iterator[Complaint]:
    """Every text has a mark, and that of the header does not call weaker what it says was read."""
    told: dict[Mark, list[Sourced]] = {}
    for figure in figures:
        told.setdefault(figure.told, []).append(figure)
    for mark, text in _all_texts(document, header):
        if basis_of(text) is Basis.MISSING:
            yield Complaint(
                str(mark), "source", f"no mark: say measured, read, derived, recalled or assumed in '{text}'"
            )
    for keys in (("source",), *((*where, "source") for where in _entries(header))):
        mark = document.value_mark(*keys)
        covered = told.get(mark, [])
        if (
            len(covered) > 1
            and len(named := bases_in(covered[0].source)) > 1
            and not _leads(covered[0].source, named[-1])
        ):
            names = ", ".join(dict.fromkeys(figure.path[0] for figure in covered))
            yield Complaint(
                str(mark), "source",
                f"names {' and '.join(named)}, so {names} count as {named[-1]}; tell them apart in `source_of`",
            )  # fmt: skip


def _leads(text: str, basis: Basis) -> bool:
    """Whether a text begins with this mark, and so says it of all its figures: 'derived: half of 80 GB (read)'."""
    return text.lower().startswith(basis.value)


def _all_texts(document: Document, header: Header) -> Iterator[tuple[Mark, str]]:
    yield document.value_mark("source"), header.source
    for key, text in header.source_of.items():
        yield document.value_mark("source_of", key), text
    published: Published | None = getattr(header, "published", None)
    if published:
        yield document.value_mark("published", "source"), published.source
    for section, name in _entries(header):
        entry = getattr(header, section)[name]
        if entry.source:
            yield document.value_mark(section, name, "source"), entry.source
        for key, text in entry.source_of.items():
            yield document.value_mark(section, name, "source_of", key), text


def _entries(header: Header) -> list[tuple[str, str]]:
    return [(section, name) for section in FORMATS for name in getattr(header, section, ())]
