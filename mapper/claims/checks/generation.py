"""Time of accelerators for a token, and the part of their peak that it uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from mapper.claims.answers import Answer
from mapper.claims.bench import Bench
from mapper.claims.checks.check import Check, Publisheds, main_unit, peak_of, rests
from mapper.claims.found import Figure, Found, Table
from mapper.hw.work import DType
from mapper.report.units import percent, si


class Generation(Check):
    """Tokens of a model on the accelerators of a target: the units of the kind with the highest peak.

    questions: the first one gives the figures; they are open from the lowest to the highest of all questions. dtype: of
    the peak that the utilisation is a part of.
    """

    kind: ClassVar[str] = "generation"
    units: ClassVar[dict[str, str]] = {
        "unit_seconds_per_token": "s",
        "seconds_per_token": "s",
        "tokens_per_s": "1/s",
        "utilisation": "",
    }
    questions: Annotated[list[str], Field(min_length=1)]
    dtype: DType = DType.F16

    def questions_asked(self) -> Iterator[str]:
        return iter(self.questions)

    def run(self, bench: Bench, published: Publisheds) -> Found:
        runs = [_Run.of(bench, name, self.dtype) for name in self.questions]
        first = runs[0]
        each = [run.figures() for run in runs]
        figures = {name: _spanned([figures[name] for figures in each]) for name in each[0]}
        floor = first.floor_s()
        because = {"unit_seconds_per_token": first.because(published), "utilisation": first.why_so_little()}
        rows = tuple(run.row() for run in runs)
        columns = ("question", "units", "tokens/s", "s/token", "unit-s/token", "utilisation", "limited by")
        return Found(
            figures,
            because,
            (
                f"{si(first.flops, 'FLOP')} a token, {si(first.answer.row['weight_bytes'], 'B')} of weights",
                f"reading the weights alone takes {si(floor, 's')} of a unit's time a token",
            ),
            (Table("as the compiler maps it", columns, rows),) if len(rows) > 1 else (),
            tuple(rests(bench, *self.questions)),
        )


class _Run:
    """One question's answer on its accelerators."""

    def __init__(self, name: str, answer: Answer, number: int, peak: float, bandwidth: float) -> None:
        self.name, self.answer, self.number, self.peak, self.bandwidth = name, answer, number, peak, bandwidth

    @staticmethod
    def of(bench: Bench, name: str, dtype: DType) -> _Run:
        answer, target = bench.answer(name), bench.target(bench.questions[name].target)
        unit, number = main_unit(target, dtype)
        bandwidth = target.memory[unit.weights[0]].bandwidth_bytes_per_s
        return _Run(name, answer, number, peak_of(unit, dtype), bandwidth)

    @property
    def flops(self) -> float:
        """Operations a token."""
        row = self.answer.row
        return float(row["flops"] * row["requests_per_run"] / row["tokens"])

    @property
    def per_token_s(self) -> float:
        """Seconds of units a token."""
        return self.number / float(self.answer.row["tokens_per_s"])

    def floor_s(self) -> float:
        """Seconds of a unit that reading all weights takes, a token."""
        row = self.answer.row
        return float(row["weight_bytes"] * row["calls"] / self.bandwidth / row["tokens"])

    def figures(self) -> dict[str, Figure]:
        row, answer = self.answer.row, self.answer
        low, high = answer.ends("throughput_per_s", float(row["tokens_per_s"]))
        used = self.flops / self.peak
        each = row["tpot_s"] if row["tpot_s"] is not None else row["latency_s"]
        return {
            "unit_seconds_per_token": Figure(self.per_token_s, self.number / high, self.number / low),
            "seconds_per_token": Figure(each, *answer.ends("latency_s", each)),
            "tokens_per_s": Figure(row["tokens_per_s"], low, high),
            "utilisation": Figure(used / self.per_token_s, used * low / self.number, used * high / self.number),
        }

    def because(self, published: Publisheds) -> str:
        floor, own = self.floor_s(), self.per_token_s
        words = f"limited by {self.answer.limit}"
        if floor > own:
            return f"{words}; not all weights are read for a token"
        words += f"; {percent(floor / own)} of the time is the weights at the full {si(self.bandwidth, 'B/s')}"
        said = published.get("unit_seconds_per_token")
        if said is not None and said.value:
            words += f", {percent(floor / said.value)} of the published time would be"
        return words

    def why_so_little(self) -> str:
        rate = self.answer.row["tokens"] / self.answer.row["calls"]
        return f"{rate:g} token{'s' * (rate != 1)} for each reading of the weights; limited by {self.answer.limit}"

    def row(self) -> tuple[str, ...]:
        figures = self.figures()
        return (
            self.name,
            str(self.number),
            si(figures["tokens_per_s"].value),
            si(figures["seconds_per_token"].value, "s"),
            si(self.per_token_s, "s"),
            percent(figures["utilisation"].value),
            self.answer.limit,
        )


def _spanned(figures: list[Figure]) -> Figure:
    """The first figure with the ends of all."""
    lows = [f.low for f in figures if f.low is not None]
    highs = [f.high for f in figures if f.high is not None]
    return Figure(figures[0].value, min(lows), max(highs))
