"""What is wrong with the files of a target library: sources and marks, published against derived, rates, powers, links.

`mapper targets check` prints what these rules find; loading a target enforces none of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log2
from pathlib import Path

from mapper.errors import TargetError
from mapper.hw.assemble import unit_model
from mapper.hw.basis import Basis, bases_in, basis_of
from mapper.hw.derived import Whole, compared, of_model, whole
from mapper.hw.header import HEADER
from mapper.hw.library import WHOLES, folders
from mapper.hw.load import load_target
from mapper.hw.marks import Document, Mark
from mapper.hw.provenance import FORMATS, Keys, Sheet, Sourced, figures_at, file_at, sheets
from mapper.hw.schema import Header, Published, TargetFile, UnitFile
from mapper.hw.target import Target
from mapper.hw.work import UnitModel

POWER_OF_TWO = 0.02
"""How far a peak may be from cores x clock x a power of two."""

LINK_SLACK = 1.05
"""How far a measured collective may be above what the links carry: timers and sizes are round."""

_SENT: Mapping[str, Callable[[int], float]] = {
    "all_reduce": lambda n: 2 * (n - 1) / n,
    "all_gather": lambda n: (n - 1) / n,
    "reduce_scatter": lambda n: (n - 1) / n,
    "all_to_all": lambda n: (n - 1) / n,
}
"""Bytes that each of n units sends at least, by byte of the whole tensor (Chan et al., Concurrency and Computation
2007, table 2)."""

_PLACE = re.compile(r"^(?P<place>.+?:\d+:\d+): (?P<text>.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class Complaint:
    """Something wrong at a place of a file, `file:line:col` ('' where it is of no one place), by the rule it breaks."""

    place: str
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text


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
    document, header = file_at(FORMATS.get(kind, TargetFile), path)
    if isinstance(header, TargetFile):
        found = sheets(path)
        own = [f for sheet in found if sheet.section != "chips" for f in sheet.figures if f.place.path == path]
        yield from _texts(document, header, own)
        yield from _target(path, document, header, found)
        return
    figures = figures_at(type(header), path)
    yield from _texts(document, header, figures.values())
    if isinstance(header, UnitFile):
        yield from _unit(document, header, figures)


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


def _unit(document: Document, header: UnitFile, figures: Mapping[Keys, Sourced]) -> Iterator[Complaint]:
    """A unit by itself: its class, its rates, its power, and what its maker says of it."""
    name, model = unit_model(document.without(*HEADER), header.name)
    area = header.area_mm2
    yield from _class(str(document.key_mark("model")), header.name, header.class_ or "", name)
    yield from _rates(figures)
    yield from _powers(document.value_mark("board_power_w"), model)
    yield from _bands(figures)
    if header.published:
        yield from _published(document, header.published, of_model(model, area))


def _class(place: str, name: str, said: str, model: str) -> Iterator[Complaint]:
    if not said and (model not in _KNOWN or model.startswith("cim")):
        yield Complaint(place, "class", f"the unit '{name}' has no `class:`, and its model {model} does not tell it")


_KNOWN = frozenset({"cpu", "gpu", "systolic", "vector"})


def _rates(figures: Mapping[Keys, Sourced]) -> Iterator[Complaint]:
    """A GPU's matrix peaks are SMs x clock x a power of two, at a clock within the range that the file gives."""
    sms, clock = figures.get(("sms",)), figures.get(("clock_hz",))
    if sms is None or clock is None:
        return
    low, high = clock.range or (_one(clock), _one(clock))
    for path, figure in figures.items():
        if path[0] != "matrix_ops_per_s" or len(path) != 2 or not figure.value:
            continue
        slowest, per_cycle, quickest = (_one(figure) / _one(sms) / hz for hz in (high, _one(clock), low))
        if not _holds_power(slowest, quickest):
            yield Complaint(
                str(figure.place), "rate",
                f"'{figure.key}' {figure.value:.4g} op/s is {sms.value} SMs x {clock.value:.4g} Hz x {per_cycle:.1f}, "
                "no power of two within 2 %; correct one of them, or give the clock a range in `range_of`",
            )  # fmt: skip


def _one(figure: Sourced) -> float:
    assert not isinstance(figure.value, tuple)
    return float(figure.value)


def _holds_power(low: float, high: float) -> bool:
    """Whether there is a power of two between the two, or nearly."""
    return ceil(log2(low * (1 - POWER_OF_TWO))) <= floor(log2(high * (1 + POWER_OF_TWO)))


def _bands(figures: Mapping[Keys, Sourced]) -> Iterator[Complaint]:
    """The error of a kind of work counts as measured, so nobody may have assumed or recalled it."""
    kinds = [f for path, f in figures.items() if path[0] == "error_band" and len(path) == 2 and path[1] != "assumed"]
    for figure in kinds:
        if figure.basis in (Basis.RECALLED, Basis.ASSUMED):
            yield Complaint(
                str(figure.place), "band",
                f"'{figure.key}' counts as measured, and its text says {figure.basis}; say what it was measured on, or "
                "leave it to `assumed`",
            )  # fmt: skip


def _powers(mark: Mark, model: UnitModel) -> Iterator[Complaint]:
    """Idle power and dense arithmetic in no type take more than the board."""
    board = getattr(model, "board_power_w", None)
    if board and model.idle_power_w >= board:
        yield Complaint(str(mark), "power", f"idle power {model.idle_power_w:g} W, and the board takes {board:g} W")


def _published(document: Document, published: Published, of: Whole) -> Iterator[Complaint]:
    for one in compared(published, of):
        if one.differs(published.within):
            assert one.derived is not None
            mark = document.value_mark("published", *one.key.split("."))
            yield Complaint(
                str(mark), "published",
                f"'{one.key}' is published as {one.published:.4g}, and the parts give {one.derived:.4g}: "
                f"{100 * (one.derived / one.published - 1):+.1f} %, allowed are {100 * published.within:g} %",
            )  # fmt: skip


def _target(path: Path, document: Document, header: TargetFile, found: Sequence[Sheet]) -> Iterator[Complaint]:
    """A target: it loads, its units written out have classes, its powers and links add up."""
    target = load_target(path)
    for sheet in found:
        if sheet.section == "units" and sheet.file == path:
            place = str(document.key_mark("units", sheet.part))
            yield from _class(place, sheet.part, sheet.class_, sheet.model)
    yield from _limits(target, document, header, found)
    yield from _doubled(target, document)
    yield from _collectives(target, document, header)
    if header.published:
        yield from _published(document, header.published, whole(target, found))


def _limits(target: Target, document: Document, header: TargetFile, found: Sequence[Sheet]) -> Iterator[Complaint]:
    """The power limit leaves room for what is idle, and for the limits of the chips inside."""
    if target.power_limit_w is None:
        return
    mark = str(document.value_mark("power", "limit_w"))
    if target.idle_power_w > target.power_limit_w:
        yield Complaint(
            mark, "power", f"{target.idle_power_w:.4g} W idle are above the limit of {target.power_limit_w:g} W"
        )
    inside = sum(
        sheet.count * _one(figure)
        for sheet in found
        if sheet.section == "chips" and "." not in sheet.part
        for figure in sheet.figures
        if figure.key == "power.limit_w"
    )
    if inside > target.power_limit_w:
        yield Complaint(
            mark, "power", f"the chips inside may take {inside:.4g} W together, above {target.power_limit_w:g} W"
        )


def _doubled(target: Target, document: Document) -> Iterator[Complaint]:
    """Two links of one kind between the same two places are one counted twice."""
    pairs = Counter((link.kind, *sorted((link.a, link.b))) for link in target.links)
    for (kind, a, b), times in pairs.items():
        if times > 1:
            place = str(document.key_mark("links"))
            yield Complaint(place, "link", f"{times} links {kind} join '{a}' and '{b}'; give one of them the bandwidth")


def _collectives(target: Target, document: Document, header: TargetFile) -> Iterator[Complaint]:
    """Measured collectives carry no more than the links of a unit do."""
    if header.collectives is None or header.collectives.reduces_in_switch or not target.collectives:
        return
    among = target.collectives.among[0]
    rates = [link.bandwidth_bytes_per_s for link in target.links if among in (link.a, link.b)]
    for i, curve in enumerate(header.collectives.curves):
        if curve.kind not in _SENT:
            continue
        carried = _SENT[curve.kind](curve.ranks) * curve.bytes[-1] / curve.seconds[-1]
        if rates and carried > LINK_SLACK * sum(rates):
            yield Complaint(
                str(document.value_mark("collectives", "curves", i)), "link",
                f"{curve.kind} among {curve.ranks} carries {carried / 1e9:.4g} GB/s a unit at its largest size, "
                f"and its links {sum(rates) / 1e9:.4g} GB/s",
            )  # fmt: skip
