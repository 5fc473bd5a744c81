"""Rows of the study of super-heterogeneous packages: the package's, its best rivals', and what they are worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.superhet_cases import RANGES
from benchmarks.superhet_rivals import AREA, FULL, POWER
from mapper.comparison.answers import FAILED, FOUND, MISSING

Row = Mapping[str, Any]

FIELD = {"throughput": "throughput_per_s", "latency": "latency_s"}
"""The figure of an objective."""


def worth(objective: str) -> Callable[[Row], float]:
    """More is better: the rate, or one over the time."""
    if objective == "throughput":
        return lambda row: float(row["throughput_per_s"])
    return lambda row: 1.0 / float(row["latency_s"])


def found(row: Row) -> bool:
    """Whether a row has a plan."""
    return bool(row["outcome"] == FOUND)


def cut_short(row: Row) -> bool:
    """Whether a search was ended before it was through: a longer one might have found a better plan, or the first."""
    return bool(row["outcome"] not in (MISSING, FAILED) and not row.get("whole", True))


def why_none(row: Row) -> str:
    """Why a machine has no plan."""
    reason = row.get("reason", row["outcome"])
    if row["outcome"] == MISSING:
        return "not asked in this run"
    return f"cut short without a plan: {reason}" if cut_short(row) else f"no plan: {reason}"


def best_rival(case: Row, equal: str) -> dict[str, Any] | None:
    """The rival of equal power (or area) that is best by the case's objective, whichever way its parts are counted
    where power is all that is asked; None where none has a plan, or where such rivals were not asked."""
    if equal == AREA and case["objective"] != "throughput":
        return None
    wanted = {POWER, FULL} if equal == POWER else {equal}
    some = [r for r in case["rows"] if found(r) and wanted & set((r.get("machine") or {}).get("equal", ()))]
    return max(some, key=worth(case["objective"]), default=None)


def package_of(case: Row) -> dict[str, Any] | None:
    """The package's own row; None where it has no plan."""
    own = (r for r in case["rows"] if (r.get("machine") or {}).get("kind") == "superhet")
    return next((r for r in own if found(r)), None)


def pair_of(case: Row, equal: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The package and its best rival; None where one of them has no plan."""
    own, other = package_of(case), best_rival(case, equal)
    return (own, other) if own and other else None


def ratio(case: Row, own: Row, other: Row) -> float:
    """How many times better the package is by the case's objective."""
    value = worth(case["objective"])
    return value(own) / value(other)


def at_most(case: Row, own: Row, other: Row) -> float | None:
    """The ratio to the rival's plan that no plan of the package exceeds, by its proven bound; None without one."""
    if own.get("bound") is None:
        return None
    field = FIELD[case["objective"]]
    return float(own["bound"] / other[field] if case["objective"] == "throughput" else other[field] / own["bound"])


def ranges_asked(own: Row) -> bool:
    """Whether it is known what both ends of the ranges of the package's own figures would make of its plan."""
    return all((own.get("asked") or {}).get(end) for end in RANGES)


def span(case: Row, own: Row, other: Row) -> tuple[float, float]:
    """Where the ratio may lie by the error bands of both, taken as independent, and by the ranges of the assumed
    figures that only the package has."""
    field = FIELD[case["objective"]]
    better, worse = (own, other) if case["objective"] == "throughput" else (other, own)
    a, b = better["bands"][field], worse["bands"][field]
    low, high = a["low"] / b["high"], a["high"] / b["low"]
    ends = [v for end in RANGES if (v := (own.get("asked") or {}).get(end))]
    return low * min([1.0, *ends]), high * max([1.0, *ends])
