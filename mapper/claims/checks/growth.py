"""How fast models grow, and memories of accelerators."""

from __future__ import annotations

from math import log2
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mapper.claims.bench import Bench
from mapper.claims.checks.check import Check, Publisheds
from mapper.claims.claim import Positive, Sourced
from mapper.claims.found import Figure, Found, Table
from mapper.report.units import si, times


class Point(Sourced):
    """Something of a year (2020.4: May 2020) with a size."""

    name: str
    year: Positive
    size: Positive


class Growth(Check):
    """Factors of growth in two years of two series, fitted by least squares on the logarithms; bands are one standard
    error of the slope."""

    kind: ClassVar[str] = "growth"
    units: ClassVar[dict[str, str]] = {"models_in_two_years": "x", "memories_in_two_years": "x", "ratio": "x"}
    models: Annotated[list[Point], Field(min_length=4)]
    memories: Annotated[list[Point], Field(min_length=4)]

    def run(self, bench: Bench, published: Publisheds) -> Found:
        models, memories = _fitted(self.models), _fitted(self.memories)
        figures = {"models_in_two_years": models, "memories_in_two_years": memories}
        figures["ratio"] = Figure(models.value / memories.value)
        series = (("parameters", "", self.models, models), ("memory", "B", self.memories, memories))
        rows = tuple(
            (what, *(_point(p, unit) for p in (points[0], points[-1])), f"{12 * 2 / log2(f.value):.0f} months", times(f.value))
            for what, unit, points, f in series
            if f.value > 1
        )
        names = f"{len(self.models)} models and {len(self.memories)} accelerators"
        return Found(
            figures,
            {"ratio": f"models {times(models.value)} in two years, memories {times(memories.value)}"},
            (f"fitted on {names}",),
            (Table("growth", ("what", "from", "to", "doubles in", "in two years"), rows),),
            tuple(f"{p.name} ({p.year:g}): {si(p.size)}; {p.source}" for p in (*self.models, *self.memories)),
        )


def _point(point: Point, unit: str) -> str:
    return f"{point.name} {point.year:.0f} {si(point.size, unit)}"


def _fitted(points: list[Point]) -> Figure:
    """The factor in two years, with one standard error of the slope."""
    years = np.array([p.year for p in points])
    slopes, covariance = np.polyfit(years - years.mean(), np.log2([p.size for p in points]), 1, cov=True)
    slope, error = float(slopes[0]), float(np.sqrt(covariance[0][0]))
    return Figure(2 ** (2 * slope), 2 ** (2 * (slope - error)), 2 ** (2 * (slope + error)))
