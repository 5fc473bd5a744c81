"""The page of a target: floor plan, parts with figures and their sources, published against derived, error bands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mapper.hw.basis import Basis
from mapper.hw.figures import unit_of_measure
from mapper.hw.provenance import Sourced
from mapper.hw.survey import ASSUMED, ENERGY, Survey
from mapper.report.page.shell import Section, page
from mapper.report.targets import floor
from mapper.report.targets.data import target_data
from mapper.report.targets.words import bands, classes, held, measured, peaks
from mapper.report.units import figure, percent, si

MEANING = {
    Basis.MEASURED: "measured on the thing itself, or fitted to such measurements",
    Basis.READ: "read in the source that is named",
    Basis.DERIVED: "computed from figures with a source",
    Basis.RECALLED: "from memory, not checked against the source",
    Basis.ASSUMED: "no maker published it",
    Basis.MISSING: "nothing is said",
}

FITTED = ("products", "stream", "prefill", "decode", "curves", "probes")
"""Blocks of constants and of measured points, which the table of figures hides at first."""


def target_page(found: Survey) -> str:
    """The page as HTML; equal files give equal bytes."""
    data = target_data(found)
    sections = [_headline(found, data), floor.section(found), *_published(data), *_times(found), _figures(found)]
    return page(found.target.name, sections, found.target.about)


def _headline(found: Survey, data: Mapping[str, Any]) -> Section:
    limit = found.target.power_limit_w
    floats, whole = peaks(found)
    cards = [
        ("units", classes(found), "hosts left away" if len(found.whole.units) < len(found.target.units) else ""),
        ("peak, floats", floats, "op/s, dense"),
        ("peak, integers", whole, "op/s, dense"),
        _memory(found),
        ("power", si(limit, "W") if limit else "", f"idle {si(found.target.idle_power_w, 'W')}"),
        ("known", percent(found.known), "measured, read or derived"),
    ]
    shares = [(name, part, MEANING[Basis(name)]) for name, part in data["figures_by_mark"].items()]
    facts = [("source", found.target.source), ("times may be off by", ", ".join(bands(found)))]
    told = {"cards": [card for card in cards if card[1]], "shares": shares, "facts": facts}
    return Section("headline", "", told, script="target-headline")


def _memory(found: Survey) -> tuple[str, str, str]:
    if words := held(found):
        return "arrays hold", words, ""
    return "memory", si(found.capacity_bytes, "B"), si(found.bandwidth_bytes_per_s, "B/s")


def _published(data: Mapping[str, Any]) -> list[Section]:
    rows = [
        {
            "part": row["part"] or "all of it",
            "key": row["key"],
            "published": measured(row["key"], row["published"]),
            "derived": measured(row["key"], row["derived"]) if row["derived"] else "–",
            "numbers": [row["published"], row["derived"] or 0.0],
            "off": row["derived"] / row["published"] - 1 if row["derived"] else None,
            "within": row["within"],
            "source": row["source"],
        }
        for row in data["published"]
    ]
    lead = "What the maker says of the whole, and the same from the figures of the parts."
    return [Section("published", "Published against derived", {"rows": rows}, lead, "target-published")] if rows else []


def _times(found: Survey) -> list[Section]:
    """The error bands of units: a row for each kind of work that was measured, one for all others. A unit whose file
    gives none has the assumption of its model."""
    rows = [
        _band(sheet.part, one.path[-1], one.value, one.basis, one.source)
        for sheet in found.sheets
        if sheet.section == "units"
        for one in sheet.figures
        if one.path[0] == "error_band" and not isinstance(one.value, tuple)
    ]
    told = {sheet.class_ for sheet in found.sheets if any(one.path[0] == "error_band" for one in sheet.figures)}
    rows += [
        _band(band.class_, "error_band", band.assumed, Basis.ASSUMED, "assumed by the unit model")
        for band in found.bands
        if band.class_ not in told
    ]
    lead = (
        "Relative error of predicted times. Of a measured kind nine in ten points that were not fitted stay within; "
        "other work has the band of devices that were left out of the fits, or an assumption."
    )
    return [Section("times", "Measured against what", {"rows": rows}, lead, "target-times")] if rows else []


def _band(unit: str, kind: str, band: float, basis: Basis, source: str) -> dict[str, Any]:
    words = {ASSUMED: "all other work", "error_band": "all work", ENERGY: "energy of all work"}.get(kind, kind)
    return {"unit": unit, "kind": words, "band": band, "basis": basis, "source": source}


def _figures(found: Survey) -> Section:
    texts: dict[str, int] = {}
    parts = [{"name": sheet.part or found.target.name, "count": sheet.count} for sheet in found.sheets]
    rows = [
        _row(k, one, texts.setdefault(one.source, len(texts)))
        for k, sheet in enumerate(found.sheets)
        for one in sheet.figures
    ]
    bases = {one.source: one.basis for sheet in found.sheets for one in sheet.figures}
    told = [{"source": text, "basis": bases[text], "rank": bases[text].rank} for text in texts]
    data = {"parts": parts, "texts": told, "rows": rows, "fitted": any(row["fitted"] for row in rows)}
    lead = "Every figure with the text that speaks of it; the weakest mark of a text counts."
    return Section("figures", "Figures and their sources", data, lead, "target-figures")


def _row(part: int, one: Sourced, text: int) -> dict[str, Any]:
    several = isinstance(one.value, tuple)
    return {
        "part": part,
        "key": one.key,
        "value": f"{len(one.value)} values" if isinstance(one.value, tuple) else figure(one.value, one.unit),
        "number": 0 if several else one.value,
        "range": " to ".join(figure(end, unit_of_measure(one.path)) for end in one.range) if one.range else "",
        "text": text,
        "at": f"{one.place.path.stem}:{one.place.line}",
        "fitted": any(key in FITTED for key in one.path),
    }
