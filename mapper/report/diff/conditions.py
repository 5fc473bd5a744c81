"""Conditions on a difference, as 'throughput<-2%': which changes are failures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from mapper.errors import UsageError, did_you_mean
from mapper.report.diff.totals import Total
from mapper.report.diff.words import signed
from mapper.report.units import si

FORM = 'as "throughput<-2%", "latency>+1ms", "gap>+0.5%" (points) or "memory.hbm.peak>+1GB"'
"""Conditions of every kind."""

_FORM = re.compile(
    r"\s*(?P<name>[^<>=]+?)\s*(?P<sign>[<>])\s*(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(?P<unit>\S*)\s*"
)
_PREFIXES = {
    "": 1.0, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Condition:
    """A change that fails: of a figure by name, below or above an amount. relative: the amount is in per cent of the
    value before; of figures that are parts of a whole, in percentage points. unit: as written, '' for none."""

    text: str
    name: str
    above: bool
    amount: float
    relative: bool
    unit: str

    def broken(self, figures: Mapping[str, Total]) -> str:
        """What is wrong, in a line; '' where the condition does not hold. Raises UsageError for a figure that there is
        not, and for a unit that is not its own."""
        if self.name not in figures:
            raise UsageError(f"--fail-on '{self.text}': no figure '{self.name}'; {did_you_mean(self.name, figures)}")
        total = figures[self.name]
        amount = self.amount if self.relative else self.amount * self._factor(total)
        if total.difference is None or total.relative is None:
            return f"{self.text}: cannot be held: {shown(total, total.before)} -> {shown(total, total.after)}"
        points = total.unit == "part"
        change = 100 * (total.difference if points else total.relative) if self.relative else total.difference
        if (change <= amount) if self.above else (change >= amount):
            return ""
        return f"{self.text}: {shown(total, total.before)} -> {shown(total, total.after)}, {change_words(total)}"

    def _factor(self, total: Total) -> float:
        """What the written unit is in the figure's own."""
        base = "" if total.unit == "part" else total.unit
        prefix = self.unit.removesuffix(base) if base and self.unit.endswith(base) else self.unit
        if self.unit and (not base or prefix not in _PREFIXES or self.unit == prefix):
            raise UsageError(
                f"--fail-on '{self.text}': {self.name} is counted in {base or 'plain numbers'}, not in {self.unit}"
            )
        return _PREFIXES[prefix]


def parse_condition(text: str) -> Condition:
    """The condition that a text stands for. Raises UsageError."""
    found = _FORM.fullmatch(text)
    if found is None or not isfinite(float(found["number"])):
        raise UsageError(f"--fail-on '{text}': not NAME<NUMBER or NAME>NUMBER", hint=FORM)
    relative = found["unit"] == "%"
    unit = "" if relative else found["unit"]
    return Condition(text, found["name"], found["sign"] == ">", float(found["number"]), relative, unit)


def shown(total: Total, value: float | None) -> str:
    """A value of a figure as people read it."""
    if value is None:
        return "none"
    if total.unit == "part":
        return "< 0.001 %" if 0 < value < 1e-5 else f"{100 * value:.3g} %"
    if not total.unit:
        return f"{value:g}"
    return f"{si(value)} {total.unit}" if "/" in total.unit else si(value, total.unit)


def change_words(total: Total) -> str:
    """The change of a figure: per cent of the value before, or points of a part of a whole."""
    if total.difference is None or total.relative is None:
        return ""
    if total.unit == "part":
        points = 100 * total.difference
        if not points:
            return "0"
        digits = ".3f" if abs(points) < 0.01 else ".2g" if abs(points) < 9.95 else ".0f"
        return f"{points:+{digits}} points"
    return "new" if total.relative == float("inf") else signed(total.relative)
