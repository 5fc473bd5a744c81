"""Where each figure of a target comes from: its text, mark and range, through all files that the target uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

from mapper.errors import TargetError
from mapper.hw.assemble import WIRING
from mapper.hw.basis import Basis, basis_of
from mapper.hw.figures import unit_of_measure
from mapper.hw.header import ABOUT_FIGURES, ABOUT_UNITS, DOTTED, HEADER, Range, prefixes, read_file
from mapper.hw.library import WHOLES, find_use
from mapper.hw.marks import Document, Mark, text_of
from mapper.hw.schema import Header, LinkFile, MemoryFile, Published, TargetFile, UnitFile

FORMATS: Mapping[str, type[Header]] = {"units": UnitFile, "memories": MemoryFile, "links": LinkFile}
"""The format of the files of each kind of parts."""

Keys = tuple[str, ...]
Value = int | float | tuple[int | float, ...]


@dataclass(frozen=True, slots=True)
class Sourced:
    """A number of a target file, or a row of numbers, and what is said of it. `path`: its keys, outermost first.
    `place`: where it stands. `source`: the text that speaks of it, at `told`. `range`: least and greatest value."""

    path: Keys
    value: Value
    place: Mark
    source: str
    told: Mark
    range: Range | None = None

    @property
    def key(self) -> str:
        """The keys as one, as in 'energy_pj.mac'."""
        return DOTTED.join(self.path)

    @property
    def basis(self) -> Basis:
        """The weakest mark of its text."""
        return basis_of(self.source)

    @property
    def unit(self) -> str:
        """Its unit of measure; '' for counts and factors."""
        return unit_of_measure(self.path)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a target says of one of its parts, or of itself (`part` is then ''). `section`: units, memories, links, or
    target. `count`: how many of it there are in the target. `file`: its own file, or that of the target. `kind`: the
    name of that file. `class_`, `area_mm2`, `published`: as in the file of the unit."""

    part: str
    section: str
    kind: str
    file: Path
    count: int
    figures: tuple[Sourced, ...]
    model: str = ""
    class_: str = ""
    area_mm2: float | None = None
    published: Published | None = None


MODEL_CLASSES = {"cpu": "cpu", "gpu": "gpu", "systolic": "dsa", "vector": "dsa"}
"""The class of units whose file names none, by their model."""


def sheets(path: Path, using: tuple[Path, ...] = ()) -> tuple[Sheet, ...]:
    """One sheet for each entry of a target file and of the chips it uses, in the order of the files; the target's own
    comes first. `using` are the files that led here. Raises TargetError as loading does."""
    if path.resolve() in using:
        raise TargetError(f"{path}: `use:` goes round in a circle")
    document, header = read_file(TargetFile, path)
    assert isinstance(header, TargetFile)
    own = tuple(figures_at(TargetFile, path).values())
    whole = Sheet("", "target", path.stem, path, 1, own, published=header.published)
    found = [whole]
    for name, entry in header.chips.items():
        used = find_use(entry.use, document.value_mark("chips", name, "use"), WHOLES)
        inside = sheets(used, (*using, path.resolve()))
        times = prod(entry.grid) if entry.grid else entry.count or 1
        for sheet in inside:
            part = f"{name}.{sheet.part}" if sheet.part else name
            section = "chips" if sheet.section == "target" else sheet.section
            found.append(replace(sheet, part=part, section=section, count=times * sheet.count))
    for section in FORMATS:
        found += [_entry_sheet(document, header, section, name) for name in getattr(header, section)]
    return tuple(found)


def figures_at(format_: type[Header], path: Path) -> Mapping[Keys, Sourced]:
    """The figures of a file of the library by their keys."""
    return _figures(format_, path, text_of(path))


@lru_cache(maxsize=1024)
def _figures(format_: type[Header], path: Path, _text: str) -> Mapping[Keys, Sourced]:
    return {figure.path: figure for figure in _file_figures(*read_file(format_, path))}


def _file_figures(document: Document, header: Header) -> tuple[Sourced, ...]:
    """The figures that a file gives by itself: of a part all, of a target those that are in no entry of a part."""
    left_away = {*HEADER} - {"area_mm2"} | (set(FORMATS) if isinstance(header, TargetFile) else set())
    return tuple(
        Sourced(keys, value, document.value_mark(*keys), *_told(document, header, keys), _range(header.range_of, keys))
        for keys, value in leaves(document.without(*left_away).data)
    )


def _entry_sheet(document: Document, header: TargetFile, section: str, name: str) -> Sheet:
    """The part of an entry: the figures of its file with those of the entry laid over them."""
    given, entry = document.at(section, name), _Entry(document, header, (section, name))
    placed = entry.figures({k: v for k, v in given.data.items() if k in _PLACED})
    whole = Sheet(name, section, "", document.root.path, _count(given.data), ())
    if "use" not in given.data:
        own = given.without(*_PLACED, *ABOUT_FIGURES)
        return _about(replace(whole, figures=(*entry.figures(own.data), *placed)), own.data)
    path = find_use(str(given.data["use"]), given.value_mark("use"), (section,))
    part, used = read_file(FORMATS[section], path)
    own = given.without(*(key for key in WIRING if key != "area_mm2"))
    merged = part.without(*(key for key in HEADER if key not in ABOUT_UNITS)).overridden_by(own).data
    told = figures_at(FORMATS[section], path)
    replaced = {keys for keys, _ in leaves(own.data)}
    figures = [
        entry.figure(keys, value) if keys in replaced or keys not in told else told[keys]
        for keys, value in leaves(merged)
    ]
    published = used.published if isinstance(used, UnitFile) and not replaced else None
    sheet = replace(whole, kind=path.stem, file=path, figures=(*figures, *placed), published=published)
    return _about(sheet, {**merged, **{k: given.data[k] for k in ABOUT_UNITS if k in given.data}})


def _about(sheet: Sheet, data: Mapping[str, Any]) -> Sheet:
    """The sheet with what the data of a unit say of its model, class and area."""
    if sheet.section != "units":
        return sheet
    model = str(data.get("model", ""))
    class_ = str(data.get("class") or MODEL_CLASSES.get(model, ""))
    return replace(sheet, model=model, class_=class_, area_mm2=data.get("area_mm2"))


_PLACED = tuple(key for key in WIRING if key not in (*ABOUT_FIGURES, *ABOUT_UNITS))


def _count(entry: Mapping[str, Any]) -> int:
    grid = entry.get("grid")
    return prod(grid) if grid else int(entry.get("count") or 1)


@dataclass(frozen=True)
class _Entry:
    """An entry of a target file, which speaks of the figures that it gives itself: the nearest text counts, be it in
    the entry or in the header of the file."""

    document: Document
    header: TargetFile
    where: tuple[str, str]

    @property
    def said(self) -> Any:
        """The entry as its format has it."""
        return getattr(self.header, self.where[0])[self.where[1]]

    def figure(self, keys: Keys, value: Value) -> Sourced:
        """The record of a figure of the entry."""
        place = self.document.value_mark(*self.where, *keys)
        found = _range(self.said.range_of, keys) or _range(self.header.range_of, (*self.where, *keys))
        return Sourced(keys, value, place, *self._told(keys), found)

    def figures(self, data: Mapping[str, Any]) -> list[Sourced]:
        """The records of all numbers in it."""
        return [self.figure(keys, value) for keys, value in leaves(data)]

    def _told(self, keys: Keys) -> tuple[str, Mark]:
        for length in range(len(keys), -1, -1):
            own, full = DOTTED.join(keys[:length]), DOTTED.join((*self.where, *keys[:length]))
            if own in self.said.source_of:
                return self.said.source_of[own], self.document.value_mark(*self.where, "source_of", own)
            if full in self.header.source_of:
                return self.header.source_of[full], self.document.value_mark("source_of", full)
        if self.said.source:
            return self.said.source, self.document.value_mark(*self.where, "source")
        return _told(self.document, self.header, self.where)


def _told(document: Document, header: Header, keys: Keys) -> tuple[str, Mark]:
    """The text that speaks of a figure, and where it stands."""
    for key in prefixes(keys):
        if key in header.source_of:
            return header.source_of[key], document.value_mark("source_of", key)
    return header.source, document.value_mark("source")


def _range(range_of: Mapping[str, Range], keys: Keys) -> Range | None:
    return range_of.get(DOTTED.join(keys))


def leaves(data: Any, path: Keys = ()) -> Iterator[tuple[Keys, Value]]:
    """Every number of plain data with its keys; a row of numbers is one figure."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, (*path, str(key)))
    elif isinstance(data, list):
        if data and all(_is_number(item) for item in data):
            yield path, tuple(data)
        else:
            for i, item in enumerate(data):
                yield from leaves(item, (*path, str(i)))
    elif _is_number(data):
        yield path, data


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
