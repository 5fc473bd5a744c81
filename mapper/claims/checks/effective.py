"""Processors for an effective rate, given the part of their peak that they reach."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import ClassVar

from mapper.claims.bench import Bench
from mapper.claims.checks.check import Check, Publisheds, main_unit, peak_of, rests
from mapper.claims.claim import Positive
from mapper.claims.found import Figure, Found, Table
from mapper.hw.work import DType
from mapper.report.units import percent, si


class Effective(Check):
    """Processors of a peak for a wanted rate at two efficiencies, and the efficiencies that the compiler finds."""

    kind: ClassVar[str] = "effective"
    units: ClassVar[dict[str, str]] = {"processors_at_low": "", "processors_at_high": ""}
    wanted_ops_per_s: Positive
    peak_ops_per_s: Positive
    low: Positive
    high: Positive
    compiled: tuple[str, ...] = ()

    def questions_asked(self) -> Iterator[str]:
        return iter(self.compiled)

    def run(self, bench: Bench, published: Publisheds) -> Found:
        ideal = self.wanted_ops_per_s / self.peak_ops_per_s
        rows = tuple(self._row(bench, name) for name in self.compiled)
        columns = ("question", "peak of all units", "of peak", f"units for {si(self.wanted_ops_per_s, 'FLOP/s')}")
        return Found(
            {"processors_at_low": Figure(ideal / self.low), "processors_at_high": Figure(ideal / self.high)},
            {},
            (f"{si(self.wanted_ops_per_s, 'FLOP/s')} / ({si(self.peak_ops_per_s, 'FLOP/s')} x efficiency)",),
            (Table("efficiencies as the compiler maps it", columns, rows),) if rows else (),
            tuple(rests(bench, *self.compiled)),
        )

    def _row(self, bench: Bench, name: str) -> tuple[str, ...]:
        answer, target = bench.answer(name), bench.target(bench.questions[name].target)
        unit, number = main_unit(target, DType.F16)
        peak, rate = peak_of(unit, DType.F16), float(answer.row["flops"] * answer.row["throughput_per_s"])
        used = rate / (number * peak)
        return name, f"{number} x {si(peak, 'op/s')}", percent(used), str(ceil(self.wanted_ops_per_s / (peak * used)))
