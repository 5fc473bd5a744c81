"""The rooflines of a plan's page: a chart for each kind of unit, with the ops of all units of the kind."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Any

from mapper.cost.judge import Verdict
from mapper.report.page.shell import Section
from mapper.report.page.timeline.tracks import Table
from mapper.report.roofline import Point, Roofline, rooflines

LEAD = (
    "A dot for each class of ops and phase: how fast they run, against what the unit could do at their intensity, by "
    "its peak and by the bandwidth of its memories; above that run from its cache. Size: share of the unit's work."
)


def section(verdict: Verdict, summary: Mapping[str, Any]) -> Section | None:
    """The rooflines. charts: kinds of units with equal roofs; a point is [what, phase, limit, type, cluster (numbers of
    words), operations per byte, operations/s, seconds per request, runs per request, units that do it]; without: the
    seconds of what computes nothing or moves nothing, by what it is."""
    words = Table()
    alike: dict[object, list[Roofline]] = {}
    for roof in rooflines(verdict):
        alike.setdefault((roof.kind, tuple(roof.peaks.items()), tuple(roof.bandwidths.values())), []).append(roof)
    charts = [_chart(verdict, roofs, words) for roofs in alike.values()]
    charts.sort(key=lambda c: -float(c["seconds"]))
    return Section("roofline", "Roofline", {"charts": charts, "words": list(words.words)}, LEAD) if charts else None


def _chart(verdict: Verdict, roofs: list[Roofline], words: Table) -> dict[str, Any]:
    first = roofs[0]
    rows: dict[tuple[int, ...], list[tuple[str, Point]]] = {}
    without: dict[str, float] = {}
    for roof in roofs:
        for point in roof.points:
            if point.intensity is None:
                without[point.what] = without.get(point.what, 0.0) + point.runs * point.seconds
                continue
            key = (words[point.what], words[point.phase], words[point.limited_by], words[point.dtype])
            rows.setdefault((*key, *_place(point)), []).append((roof.unit, point))
    memories = {verdict.plan.target.memory[m].kind: rate for m, rate in first.bandwidths.items()}
    points = [_point(key, found, words) for key, found in rows.items()]
    return {
        "kind": first.kind,
        "units": [roof.unit for roof in roofs],
        "peaks": first.peaks,
        "bandwidths": memories,
        "resident": first.resident,
        "points": points,
        "without": [[what, _short(seconds)] for what, seconds in without.items() if seconds],
        "seconds": sum(p.runs * p.seconds for roof in roofs for p in roof.points),
    }


def _place(point: Point) -> tuple[int, int]:
    """Where a point is drawn, in steps of 2 %: what is closer together cannot be told apart."""
    return round(log(point.intensity or 1.0) / 0.02), round(log(point.ops_per_s or 1.0) / 0.02)


def _point(key: tuple[int, ...], found: list[tuple[str, Point]], words: Table) -> list[Any]:
    _, first = max(found, key=lambda pair: pair[1].runs * pair[1].seconds)
    seconds, runs = sum(p.runs * p.seconds for _, p in found), sum(p.runs for _, p in found)
    units = len({unit for unit, _ in found})
    ends = (_short(first.intensity or 0.0), _short(first.ops_per_s), _short(seconds), runs, units)
    return [*key[:4], words[first.cluster], *ends]


def _short(number: float) -> float:
    return float(f"{number:.4g}")
