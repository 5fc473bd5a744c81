"""Figures, marks and sources of a target in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mapper.hw.basis import Basis
from mapper.hw.figures import unit_of_measure
from mapper.hw.provenance import Sheet, Sourced
from mapper.hw.survey import Band, Survey
from mapper.hw.work import DType
from mapper.report.units import figure, si

FEW = 6
"""So many figures of one block are told one by one; of more, how many there are."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one text says: the figures that it is about, in words."""

    basis: Basis
    figures: str
    source: str
    file: str


def said(sheet: Sheet) -> list[Said]:
    """The figures of a part by the texts that speak of them, in the order of the file."""
    groups: dict[tuple[str, str], list[Sourced]] = {}
    for one in sheet.figures:
        groups.setdefault((one.source, one.told.path.name), []).append(one)
    return [Said(of[0].basis, _listed(of), source, file) for (source, file), of in groups.items()]


def _listed(figures: Sequence[Sourced]) -> str:
    blocks: dict[str, list[Sourced]] = {}
    for one in figures:
        blocks.setdefault(one.path[0], []).append(one)
    return ", ".join(
        ", ".join(map(_figure, of)) if len(of) <= FEW else f"{block} ({len(of)} figures)"
        for block, of in blocks.items()
    )


def _figure(one: Sourced) -> str:
    if isinstance(one.value, tuple):
        return f"{one.key} ({len(one.value)} values)"
    low_high = f" [{figure(one.range[0], one.unit)} to {figure(one.range[1], one.unit)}]" if one.range else ""
    return f"{one.key} {figure(one.value, one.unit)}{low_high}"


def measured(key: str, value: float) -> str:
    """A published figure with its unit of measure."""
    if key == "weights":
        return si(value)
    per_joule = key.startswith("ops_per_j")
    return si(value, "op/J") if per_joule else figure(value, unit_of_measure(key.split(".")) or "", digits=4)


def classes(found: Survey, between: str = ", ") -> str:
    """How many units of each class: '8 gpu', 'gpu, 2 dsa, 4 cim-rram'."""
    return between.join(name if count == 1 else f"{count:,} {name}" for name, count in found.classes.items())


def peaks(found: Survey) -> tuple[str, str]:
    """Dense peaks of floats and of integers: ('312 T f16', '624 T i8')."""
    floats, whole = ([t for t in found.peaks if t.is_float is kind] for kind in (True, False))
    return _peak(found, floats), _peak(found, whole)


def _peak(found: Survey, types: Sequence[DType]) -> str:
    return ", ".join(f"{si(found.peaks[dtype])} {dtype}" for dtype in types)


def held(found: Survey) -> str:
    """How many weights the arrays hold, where there is no other memory; else ''."""
    alone = all(m.holds == ("weights",) for m in found.whole.memories)
    return f"{si(found.weights)} weights" if alone and found.weights else ""


def memory(found: Survey) -> str:
    """Capacity and bandwidth; of arrays alone how many weights they hold."""
    return held(found) or f"{si(found.capacity_bytes, 'B')} {si(found.bandwidth_bytes_per_s, 'B/s', digits=2)}"


def bands(found: Survey) -> list[str]:
    """How far times may be off: '7 kinds 6-24 %' where kinds of work were measured, of any class of units, and
    'assumed 30-57 %' of classes without."""
    known, others = [b for b in found.bands if b.measured], [b.assumed for b in found.bands if not b.measured]
    return [*map(_kinds, known), *([f"assumed {_span(others)}"] if others else [])]


def _kinds(band: Band) -> str:
    kinds = "1 kind" if len(band.measured) == 1 else f"{len(band.measured)} kinds"
    return f"{kinds} {_span(list(band.measured.values()))}"


def _span(parts: Sequence[float]) -> str:
    low, high = (f"{100 * part:.0f}" for part in (min(parts), max(parts)))
    return f"{low if low == high else f'{low}-{high}'} %"
