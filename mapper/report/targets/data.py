"""A target as data: its parts with figures, marks and ranges, what is published of it, how far its times may be off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mapper.hw.derived import compared, of_model
from mapper.hw.provenance import Sheet, Sourced
from mapper.hw.schema import Published
from mapper.hw.survey import Survey


def survey_data(found: Survey) -> dict[str, Any]:
    """One target of the list: SI units throughout, `bases` in parts of 1."""
    total = max(1, sum(found.bases.values()))
    return {
        "name": found.target.name,
        "about": found.target.about,
        "classes": dict(found.classes),
        "peak_ops_per_s": {dtype.value: rate for dtype, rate in found.peaks.items()},
        "capacity_bytes": found.capacity_bytes,
        "bandwidth_bytes_per_s": found.bandwidth_bytes_per_s,
        "weights_in_arrays": found.weights,
        "power_limit_w": found.target.power_limit_w,
        "idle_power_w": found.target.idle_power_w,
        "error_bands": [{"class": b.class_, "measured": dict(b.measured), "assumed": b.assumed} for b in found.bands],
        "figures_by_mark": {basis.value: count / total for basis, count in found.bases.items()},
    }


def target_data(found: Survey) -> dict[str, Any]:
    """Everything that the files say of a target."""
    return {
        **survey_data(found),
        "file": str(found.path),
        "source": found.target.source,
        "parts": [sheet_data(sheet) for sheet in found.sheets],
        "published": list(_published(found)),
    }


def sheet_data(sheet: Sheet) -> dict[str, Any]:
    """A part with its figures."""
    return {
        "part": sheet.part,
        "section": sheet.section,
        "kind": sheet.kind,
        "class": sheet.class_,
        "model": sheet.model,
        "count": sheet.count,
        "figures": [figure_data(figure) for figure in sheet.figures],
    }


def figure_data(figure: Sourced) -> dict[str, Any]:
    """A figure with what is said of it, and where."""
    return {
        "key": figure.key,
        "value": list(figure.value) if isinstance(figure.value, tuple) else figure.value,
        "unit": figure.unit,
        "mark": figure.basis.value,
        "source": figure.source,
        "range": list(figure.range) if figure.range else None,
        "at": str(figure.place),
    }


def _published(found: Survey) -> Iterator[dict[str, Any]]:
    """What makers say of the whole and of its units, beside what the parts give."""
    models = {unit.kind: unit.model for unit in found.target.units}
    for sheet in found.sheets:
        if sheet.published is None:
            continue
        if sheet.section == "target":
            of = found.whole
        elif sheet.kind in models:
            of = of_model(models[sheet.kind], sheet.area_mm2)
        else:
            continue
        for one in compared(sheet.published, of):
            yield _compared(sheet.part, sheet.published, one.key, one.published, one.derived)


def _compared(part: str, of: Published, key: str, published: float, derived: float | None) -> dict[str, Any]:
    return {
        "part": part, "key": key, "published": published, "derived": derived, "within": of.within, "source": of.source,
    }  # fmt: skip
