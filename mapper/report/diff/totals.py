"""The figures of two summaries side by side: both values, their difference, and whether the error bands cover it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from mapper.errors import MapperError
from mapper.report.reasons import inside_band
from mapper.report.summary import SCHEMA

Summary = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Total:
    """A figure before and after, in SI units; None where a plan has no such figure.

    unit: of the figure; 'part' for parts of a whole (0 to 1), whose differences are told in points. better: 1 where
    more is better, -1 where less is, 0 where neither. inside_bands: whether the difference is less than both error
    bands together, so that the order may be the other one; None where the figure has no band.
    """

    name: str
    unit: str
    before: float | None
    after: float | None
    better: int = 0
    inside_bands: bool | None = None

    @property
    def difference(self) -> float | None:
        """How much more it is after."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def relative(self) -> float | None:
        """The difference as a part of the value before; infinite where that was 0 and is not any more."""
        if self.before is None or self.after is None:
            return None
        if self.before == self.after:
            return 0.0
        return (self.after - self.before) / abs(self.before) if self.before else inf


_TOTALS = (
    ("throughput", "requests/s", "throughput_per_s", 1),
    ("tokens", "tokens/s", "tokens_per_s", 1),
    ("latency", "s", "latency_s", -1),
    ("ttft", "s", "ttft_s", -1),
    ("tpot", "s", "tpot_s", -1),
    ("energy", "J", "energy_j", -1),
    ("energy/token", "J", "energy_per_token_j", -1),
    ("power", "W", "average_power_w", -1),
    ("inflight", "", "inflight", 0),
    ("gap", "part", "gap", -1),
    ("deploy", "s", "deploy_s", -1),
    ("deploy.energy", "J", "deploy_j", -1),
)
"""Name, unit, field of summary.json, and whether more (1) or less (-1) is better."""

_BANDED = {
    "throughput": "throughput_per_s", "tokens": "throughput_per_s", "latency": "latency_s", "energy": "energy_j",
    "energy/token": "energy_j",
}  # fmt: skip
"""The band of a total."""

_UNITS = {"throughput": "requests/s", "energy": "J", "edp": "J s"}
"""The unit of an objective's value; times are in s."""

_PARTS = {
    "units": (
        "unit",
        (("busy", "part", "utilisation", 0), ("energy", "J", "energy_j", -1), ("weights", "B", "weight_bytes", 0)),
    ),
    "memories": ("memory", (("peak", "B", "peak_bytes", -1),)),
    "links": ("link", (("busy", "s", "busy_s", -1), ("bytes", "B", "bytes", -1))),
    "phases": ("phase", (("latency", "s", "latency_s", -1), ("energy", "J", "energy_j", -1))),
}  # fmt: skip
"""Tables of a summary: the word for a row, and the figures of a row that are compared, as in `_TOTALS`."""


def totals(before: Summary, after: Summary) -> tuple[Total, ...]:
    """The figures of the whole plans. The objective's value and bound are there where both plans have one objective;
    the gaps of two objectives are neither better nor worse."""
    found = []
    for name, unit, field, usual in _TOTALS:
        was, now = before.get(field), after.get(field)
        better = 0 if name == "gap" and before["objective"] != after["objective"] else usual
        if was is not None or now is not None:
            found.append(Total(name, unit, was, now, better, _inside(name, before, after)))
        if name == "inflight" and before["objective"] == after["objective"]:
            found += _objective(before, after)
    return tuple(found)


def _objective(before: Summary, after: Summary) -> Iterator[Total]:
    """The value that was optimised, unless it is a total by itself, and its proven bound."""
    objective = before["objective"]
    unit = _UNITS.get(objective, "s")
    if objective == "edp":
        yield Total("edp", unit, before["value"], after["value"], -1)
    if before["bound"] is not None or after["bound"] is not None:
        yield Total("bound", unit, before["bound"], after["bound"])


def _inside(name: str, before: Summary, after: Summary) -> bool | None:
    band = _BANDED.get(name)
    field = next(field for n, _, field, _ in _TOTALS if n == name)
    low, high = sorted((before.get(field) or 0.0, after.get(field) or 0.0))
    if band is None or not low:
        return None
    return low != high and inside_band(high / low, *(side["bands"][band]["relative"] for side in (before, after)))


def parts(before: Summary, after: Summary, names: Mapping[str, Mapping[str, str]] | None = None) -> tuple[Total, ...]:
    """The figures of units, memories, links and phases, named as 'unit.gpu0.busy', under the names that they have
    after; names: by table, what a row of the first summary is called in the second, where that is another name."""
    found = []
    for table, (word, figures) in _PARTS.items():
        called = (names or {}).get(table, {})
        was = {called.get(name, name): row for name, row in before[table].items()}
        now = after[table]
        for row in dict.fromkeys((*now, *was)):
            for name, unit, field, better in figures:
                values = [side[row][field] if row in side else None for side in (was, now)]
                found.append(Total(f"{word}.{row}.{name}", unit, values[0], values[1], better))
    return tuple(found)


def difference_of_summaries(before: Summary, after: Summary) -> tuple[Total, ...]:
    """All figures that two summary.json have, totals first: quick, but without what moved and why. Raises MapperError
    for data that is no summary."""
    for summary in (before, after):
        if summary.get("schema") != SCHEMA:
            raise MapperError(f"no summary of a plan of schema {SCHEMA}", hint="give summary.json of mapper compile")
    return (*totals(before, after), *parts(before, after))
