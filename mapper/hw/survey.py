"""A target at a glance: classes of its units, peaks, memory, power, and how well its figures and times are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mapper.hw.basis import Basis
from mapper.hw.derived import HOST, Whole, weights, whole
from mapper.hw.library import find_target
from mapper.hw.load import load_target
from mapper.hw.operating import operating_point
from mapper.hw.provenance import MODEL_CLASSES, Sheet, sheets
from mapper.hw.target import Target, Unit
from mapper.hw.work import DType, UnitModel

FLOATS = (DType.F16, DType.BF16, DType.F8, DType.F32)
INTEGERS = (DType.I8, DType.I4, DType.I7, DType.I12, DType.I16, DType.I1)
SMALL = 0.25
"""Of floats and of integers the types whose peak tells a chip: the first that is no `SMALL` part of the best. The 8-bit
lanes beside arrays of 12 bits do not tell the chip."""

ASSUMED, ENERGY = "assumed", "energy"
"""Entries of an error band that are no kind of work."""


@dataclass(frozen=True, slots=True)
class Band:
    """How far the times of a class of units may be off: by kind of work where it was measured, else `assumed`."""

    class_: str
    measured: Mapping[str, float]
    assumed: float


@dataclass(frozen=True)
class Survey:
    """A target with what its files say of it. classes: how many units there are of each, hosts only where there is
    nothing else. bases: how many of its figures rest on what; constants that were fitted together count as one."""

    target: Target
    path: Path
    sheets: tuple[Sheet, ...]
    whole: Whole
    classes: Mapping[str, int]
    peaks: Mapping[DType, float]
    bands: tuple[Band, ...]
    bases: Mapping[Basis, int]

    @property
    def capacity_bytes(self) -> int:
        """Of the memories that the units work in."""
        return sum(m.capacity_bytes for m in self.whole.memories)

    @property
    def bandwidth_bytes_per_s(self) -> float:
        """Of the same memories."""
        return sum(m.bandwidth_bytes_per_s for m in self.whole.memories)

    @property
    def weights(self) -> float:
        """Numbers that arrays of the units hold; 0 where there are none."""
        return weights(self.whole) or 0.0

    @property
    def known(self) -> float:
        """The part of the figures that were measured, read or derived."""
        good = (Basis.MEASURED, Basis.READ, Basis.DERIVED)
        return sum(self.bases.get(basis, 0) for basis in good) / max(1, sum(self.bases.values()))


def survey(name_or_path: str | Path) -> Survey:
    """The survey of the target of that name, or in that file."""
    target, path = load_target(name_or_path), find_target(operating_point(name_or_path)[0])
    found = sheets(path)
    of = whole(target, found)
    return Survey(target, path, found, of, _classes(found), _peaks(of), _bands(of, found), _bases(found))


def class_of(unit: Unit, found: Sequence[Sheet]) -> str:
    """The class of a unit by its file; its model where no file says."""
    own = unit.kind.partition("@")[0]
    names = (own, own.rpartition("-")[0])  # at another voltage the kind ends with it
    for sheet in found:
        written_out = not sheet.kind and sheet.model == unit.model_name
        if sheet.section == "units" and (sheet.kind or (sheet.file.stem if written_out else "")) in names:
            return sheet.class_ or sheet.model
    return MODEL_CLASSES.get(unit.model_name, unit.model_name)


def _classes(found: Sequence[Sheet]) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for sheet in found:
        if sheet.section == "units":
            counted[sheet.class_ or sheet.model] += sheet.count
    several = {name: count for name, count in counted.items() if name != HOST}
    return several or dict(counted)


def _peaks(of: Whole) -> dict[DType, float]:
    """Dense peaks in the types that tell a chip, of all units that have the type."""
    peaks: Counter[DType] = Counter()
    for model, count in of.models:
        for dtype, rate in model.peak_ops_per_s().items():
            peaks[dtype] += count * rate  # type: ignore[assignment]
    chosen = [_telling(peaks, types) for types in (FLOATS, INTEGERS)]
    return {dtype: float(peaks[dtype]) for dtype in chosen if dtype is not None}


def _telling(peaks: Mapping[DType, float], types: Sequence[DType]) -> DType | None:
    """The first of the types whose peak is no small part of the best of them; None where none has one."""
    best = max((peaks[dtype] for dtype in types if dtype in peaks), default=0.0)
    return next((dtype for dtype in types if dtype in peaks and peaks[dtype] >= SMALL * best), None)


def _bands(of: Whole, found: Sequence[Sheet]) -> tuple[Band, ...]:
    """The widest band of each class of units."""
    bands: dict[str, Band] = {}
    for unit in {unit.kind: unit for unit in of.units}.values():
        name = class_of(unit, found)
        band = _band(unit.model, name)
        if band and (name not in bands or len(band.measured) < len(bands[name].measured)):
            bands[name] = band
    return tuple(bands.values())


def _band(model: UnitModel, class_: str) -> Band | None:
    given = getattr(model, "error_band", None)
    if given is None:
        return None
    table = {kind: value for kind, value in given.model_dump().items() if value is not None}
    measured = {kind: value for kind, value in table.items() if kind not in (ASSUMED, ENERGY)}
    return Band(class_, measured, table.get(ASSUMED, 0.0))


def _bases(found: Sequence[Sheet]) -> dict[Basis, int]:
    """Figures by what they rest on, each of a file once: those of one block that one text speaks of count as one."""
    groups = {(figure.told, figure.path[0]): figure.basis for sheet in found for figure in sheet.figures}
    counted = Counter(groups.values())
    return {basis: counted[basis] for basis in Basis if counted[basis]}
