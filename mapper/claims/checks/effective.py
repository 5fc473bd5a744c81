"""The part of their peak that two groups of machines reach, and the processors that an effective rate then takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from statistics import geometric_mean
from typing import Annotated, ClassVar

from pydantic import Field

from mapper.claims.bench import Bench
from mapper.claims.checks.check import Check, Publisheds, answerable, main_unit, peak_of, rests
from mapper.claims.claim import Positive
from mapper.claims.found import Figure, Found, Table
from mapper.hw.work import DType
from mapper.report.units import percent, si

Named = Annotated[list[str], Field(min_length=1)]


class Effective(Check):
    """Processors of a peak for a wanted rate, at the efficiencies that the compiler finds for two groups of mappings:
    `low`, of machines that are said to waste theirs, and `high`, of those that are said not to.

    Each figure is of the geometric mean of a group; its ends are those of the worst and the best mapping of it.
    """

    kind: ClassVar[str] = "effective"
    units: ClassVar[dict[str, str]] = {
        "efficiency_of_low": "",
        "efficiency_of_high": "",
        "processors_of_low": "",
        "processors_of_high": "",
        "ratio": "x",
    }
    wanted_ops_per_s: Positive
    peak_ops_per_s: Positive
    low: Named
    high: Named

    def questions_asked(self) -> Iterator[str]:
        yield from self.low
        yield from self.high

    def run(self, bench: Bench, published: Publisheds) -> Found:
        figures: dict[str, Figure] = {}
        because: dict[str, str] = {}
        why_not: dict[str, str] = {}
        rows: list[tuple[str, ...]] = []
        asked: list[str] = []
        ideal = self.wanted_ops_per_s / self.peak_ops_per_s
        for group, names in (("low", self.low), ("high", self.high)):
            known, no_plan = answerable(bench, names)
            asked += known
            reached = {name: _reached(bench, name) for name in known}
            rows += [(group, *self._row(bench, name, part)) for name, part in reached.items()]
            if no_plan:
                why_not |= dict.fromkeys((f"efficiency_of_{group}", f"processors_of_{group}", "ratio"), no_plan)
                continue
            part = _mean(list(reached.values()))
            figures[f"efficiency_of_{group}"] = part
            figures[f"processors_of_{group}"] = _over(ideal, part)
            ends = (min(reached, key=lambda n: reached[n]), max(reached, key=lambda n: reached[n]))
            because[f"efficiency_of_{group}"] = f"from {ends[0]} to {ends[1]}"
        if not why_not:
            low, high = figures["efficiency_of_low"], figures["efficiency_of_high"]
            figures["ratio"] = Figure(high.value / low.value)
        columns = (
            "group",
            "question",
            "peak of all units",
            "of peak",
            f"units for {si(self.wanted_ops_per_s, 'op/s')}",
        )
        return Found(
            figures,
            because,
            (
                f"{si(self.wanted_ops_per_s, 'op/s')} / ({si(self.peak_ops_per_s, 'op/s')} x efficiency)",
                "efficiency: operations of the model's graph over time and the peak of all main units, in f16 where "
                "they have it, else in the type of their highest peak",
            ),
            (Table("efficiencies as the compiler maps it", columns, tuple(rows)),) if rows else (),
            tuple(rests(bench, *asked)),
            why_not,
        )

    def _row(self, bench: Bench, name: str, part: float) -> tuple[str, ...]:
        unit, number = main_unit(bench.target(bench.questions[name].target), DType.F16)
        peak = peak_of(unit, DType.F16)
        processors = str(ceil(self.wanted_ops_per_s / (peak * part)))
        return name, f"{number} x {si(peak, 'op/s')}", percent(part), processors


def _reached(bench: Bench, name: str) -> float:
    """The part of the peak of all main units that a mapping reaches."""
    answer, target = bench.answer(name), bench.target(bench.questions[name].target)
    unit, number = main_unit(target, DType.F16)
    return float(answer.row["flops"] * answer.row["throughput_per_s"]) / (number * peak_of(unit, DType.F16))


def _mean(parts: Sequence[float]) -> Figure:
    return Figure(geometric_mean(parts), min(parts), max(parts))


def _over(ideal: float, part: Figure) -> Figure:
    """Processors at an efficiency; the best efficiency is the least of them."""
    low, high = (end if end is not None else part.value for end in (part.low, part.high))
    return Figure(ideal / part.value, ideal / high, ideal / low)
