"""How fast models grow, and memories of accelerators."""

from __future__ import annotations

from math import log2
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from mapper.claims.bench import Bench
from mapper.claims.checks.check import Check, Publisheds, ratio_words
from mapper.claims.claim import Positive, Sourced
from mapper.claims.found import Figure, Found, Table
from mapper.errors import UsageError
from mapper.report.units import si

LEAST = 4
"""Points of a fit whose slope has an error."""


class Point(Sourced):
    """Something of a year (2020.4: May 2020) with a size."""

    name: str
    year: Positive
    size: Positive


class Growth(Check):
    """Factors of growth in two years of two series, fitted by least squares on the logarithms; bands are one standard
    error of the slope. split: the year that divides the models into those before and those after it."""

    kind: ClassVar[str] = "growth"
    units: ClassVar[dict[str, str]] = {
        "models_in_two_years": "x",
        "memories_in_two_years": "x",
        "ratio": "x",
        "models_before_in_two_years": "x",
        "models_after_in_two_years": "x",
        "ratio_after": "x",
    }
    models: Annotated[list[Point], Field(min_length=LEAST)]
    memories: Annotated[list[Point], Field(min_length=LEAST)]
    split: Positive | None = None

    def run(self, bench: Bench, published: Publisheds) -> Found:
        series = {"models": self.models, "memories": self.memories}
        if self.split is not None:
            series["models_before"] = [p for p in self.models if p.year <= self.split]
            series["models_after"] = [p for p in self.models if p.year >= self.split]
        fits = {name: _fitted(points) for name, points in series.items()}
        figures = {f"{name}_in_two_years": fit for name, fit in fits.items()}
        figures["ratio"] = Figure(fits["models"].value / fits["memories"].value)
        rows = tuple(
            (
                name.replace("_", " "),
                str(len(series[name])),
                _ends(series[name]),
                _doubling(fit),
                ratio_words(fit.value),
            )
            for name, fit in fits.items()
        )
        points = (*self.models, *self.memories)
        listed = tuple((p.name, f"{p.year:g}", si(p.size), p.source) for p in points)
        words = {name: ratio_words(fit.value) for name, fit in fits.items()}
        because = {"ratio": f"in two years models {words['models']}, memories {words['memories']}"}
        if self.split is not None:
            told = f"{words['models_before']} until {self.split:.0f}, {words['models_after']} from then on"
            figures["ratio_after"] = Figure(fits["models_after"].value / fits["memories"].value)
            because["ratio_after"] = f"from {self.split:.0f} on models {words['models_after']} in two years"
            because |= dict.fromkeys(("models_in_two_years", "models_before_in_two_years"), told)
        tables = (
            Table("growth", ("series", "points", "from and to", "doubles in", "in two years"), rows),
            Table("the points: parameters of models, bytes of memories", ("name", "year", "size", "source"), listed),
        )
        return Found(figures, because, (), tables)


def _ends(points: list[Point]) -> str:
    first, last = (min(points, key=lambda p: p.year), max(points, key=lambda p: p.year))
    return f"{first.name} {si(first.size)} to {last.name} {si(last.size)}"


def _doubling(fit: Figure) -> str:
    return f"{24 / log2(fit.value):.0f} months" if fit.value > 1 else "never"


def _fitted(points: list[Point]) -> Figure:
    """The factor in two years, with one standard error of the slope. Raises UsageError for fewer than four points."""
    if len(points) < LEAST:
        raise UsageError(f"growth: {len(points)} points give no slope with an error; {LEAST} do", hint="move `split`")
    years = np.array([p.year for p in points])
    slopes, covariance = np.polyfit(years - years.mean(), np.log2([p.size for p in points]), 1, cov=True)
    slope, error = float(slopes[0]), float(np.sqrt(covariance[0][0]))
    return Figure(2 ** (2 * slope), 2 ** (2 * (slope - error)), 2 ** (2 * (slope + error)))
