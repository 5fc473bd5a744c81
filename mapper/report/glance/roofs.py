"""The rooflines of units as text: how near their heaviest ops come to what is possible there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mapper.cost.judge import Verdict
from mapper.report.glance.section import Section
from mapper.report.roofline import Point, Roofline, rooflines
from mapper.report.units import bar, percent, shorten, si

POINTS = 3
"""Classes of ops shown of each kind of unit, those that take the longest."""

ROOM = 38
"""Columns of the name of a class."""

NEAR = 0.5
"""Below this part of the roof neither arithmetic nor a memory is what limits an op, but what comes on top."""


ABOVE = 1.01
"""Above this part of what the memory gives, the bytes come out of a cache."""


def roofline(verdict: Verdict) -> Section:
    """Units of one kind stand together, as their first."""
    kinds: dict[str, list[Roofline]] = {}
    for one in rooflines(verdict):
        kinds.setdefault(one.kind, []).append(one)
    lines = [f"{'':<{ROOM + 3}}{'op/B':>8} {'reached':>10}  {'of its roof':<22}bound by"]
    data: dict[str, Any] = {}
    for kind, units in kinds.items():
        first = max(units, key=lambda u: sum(p.runs * p.seconds for p in u.points))
        many = f", {len(units)} units" if len(units) > 1 else ""
        peaks = ", ".join(f"{si(rate, 'op/s')} {dtype}" for dtype, rate in list(first.peaks.items())[:3])
        lines.append(shorten(f"{kind}{many}: {peaks or 'no peak known'}; memory {si(_bandwidth(first), 'B/s')}", 116))
        rows = [_point(first, p) for p in first.points if p.seconds]
        lines += _lines(rows[:POINTS], len(verdict.plan.phases) > 1)
        data[kind] = {"unit": first.unit, "peaks": first.peaks, "bandwidths": first.bandwidths, "points": rows}
    return Section("rooflines", tuple(lines), data)


def _bandwidth(unit: Roofline) -> float:
    """Of several memories the widest, as on the page: nothing that moves through all of them is above that roof."""
    return max(unit.bandwidths.values(), default=0.0)


def _point(unit: Roofline, point: Point) -> dict[str, Any]:
    """What a class of ops reaches, and the least of the roofs above it."""
    peak = unit.peaks.get(point.dtype, max(unit.peaks.values(), default=0.0))
    intensity = point.intensity
    slope = intensity * _bandwidth(unit) if intensity is not None and not unit.resident else None
    roof = min([x for x in (peak, slope) if x], default=0.0)
    part = point.ops_per_s / roof if roof else None
    which = "memory" if slope is not None and (not peak or slope < peak) else "compute"
    return {
        "what": point.what,
        "phase": point.phase,
        "such_as": point.cluster,
        "runs": point.runs,
        "seconds": point.seconds,
        "intensity": intensity,
        "ops_per_s": point.ops_per_s,
        "roof_ops_per_s": roof or None,
        "part": part,
        "bound_by": bound_by(part, which),
        "limited_by": point.limited_by,
    }


def bound_by(part: float | None, which: str) -> str:
    """What the roof is of; a cache where an op moves more bytes than its memory can."""
    if part is None or part < NEAR:
        return "overhead"
    return "cache" if which == "memory" and part > ABOVE else which


def _lines(rows: Sequence[dict[str, Any]], several: bool) -> list[str]:
    """A line for each class; one of them is named where two would read alike."""
    names = [f"{row['what']} in {row['phase']}" if several else row["what"] for row in rows]
    return [
        _line(row, f"{name}: {_layer(row['such_as'], ROOM - 2 - len(name))}" if names.count(name) > 1 else name)
        for row, name in zip(rows, names, strict=True)
    ]


def _layer(cluster: str, room: int) -> str:
    """The end of a cluster's name, which tells it from others: '/transformer/h/0/mlp/c_fc/MatMul_42' is
    'c_fc/MatMul_42'."""
    return shorten("/".join(cluster.split("/")[-2:]), max(8, room))


def _line(row: dict[str, Any], name: str) -> str:
    what = shorten(name, ROOM)
    intensity = "-" if row["intensity"] is None else f"{row['intensity']:.3g}"
    reached = si(row["ops_per_s"], "op/s") if row["ops_per_s"] else "-"
    drawn = f"{bar(min(1.0, row['part']), 12)} {percent(row['part']):>7}" if row["part"] is not None else f"{'':<20}"
    limit = f"{row['bound_by']} ({shorten(row['limited_by'], 22)})"
    return f"  {what:<{ROOM + 1}}{intensity:>8} {reached:>10}  {drawn}  {limit}"
