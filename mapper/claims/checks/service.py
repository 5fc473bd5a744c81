"""Machines, power and cost of so many requests a second on each of several platforms."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Annotated, ClassVar

from pydantic import Field

from mapper.claims.bench import Bench
from mapper.claims.checks.check import Check, Publisheds, assumption_words, rests
from mapper.claims.claim import Assumption, Format, Positive
from mapper.claims.found import Figure, Found, Table
from mapper.report.units import si

HOURS_A_YEAR = 8760.0


class Platform(Format):
    """A question, asked of one machine, and what such a machine costs."""

    question: str
    price: Assumption


class Service(Check):
    """As many machines as the rate takes, each at its compiled throughput and power; electricity: price of a kWh;
    overhead: power of the building for a watt of machines; years: over which a machine is paid for."""

    kind: ClassVar[str] = "service"
    units: ClassVar[dict[str, str]] = {
        "machines_least": "",
        "machines_most": "",
        "power_least": "W",
        "cost_least": "USD/year",
    }
    rate_per_s: Positive
    platforms: Annotated[list[Platform], Field(min_length=1)]
    electricity: Assumption
    overhead: Assumption
    years: Assumption

    def questions_asked(self) -> Iterator[str]:
        return (p.question for p in self.platforms)

    def run(self, bench: Bench, published: Publisheds) -> Found:
        found = [(p, *self._cost(bench, p)) for p in self.platforms]
        rows = tuple(
            (
                p.question, bench.questions[p.question].target, f"{n:,}", si(w, "W"), si(n * p.price.value),
                si(d.value), si(d.low or 0), si(d.high or 0), f"{d.value / self._requests():.2g}",
            )
            for p, n, w, d in found
        )  # fmt: skip
        columns = (
            "question",
            "machine",
            "machines",
            "power",
            "USD to buy",
            "USD/year",
            "from",
            "to",
            "USD/10^6",
        )
        least = min(found, key=lambda row: row[3].value)
        fewest = min(found, key=lambda row: row[1])
        return Found(
            {
                "machines_least": Figure(min(n for _, n, _, _ in found)),
                "machines_most": Figure(max(n for _, n, _, _ in found)),
                "power_least": Figure(min(w for _, _, w, _ in found)),
                "cost_least": min((d for *_, d in found), key=lambda d: d.value),
            },
            {"cost_least": least[0].question, "machines_least": fewest[0].question},
            (),
            (Table(f"{si(self.rate_per_s)} requests a second", columns, rows),),
            (
                *self.assumed(),
                *dict.fromkeys(
                    assumption_words(f"price of {bench.questions[p.question].target}", p.price) for p in self.platforms
                ),
                *rests(bench, *self.questions_asked()),
            ),
        )

    def _requests(self) -> float:
        """Millions of requests a year."""
        return self.rate_per_s * HOURS_A_YEAR * 3600 / 1e6

    def _cost(self, bench: Bench, platform: Platform) -> tuple[int, float, Figure]:
        """Machines, watts and dollars a year."""
        row = bench.answer(platform.question).row
        machines = ceil(self.rate_per_s / row["throughput_per_s"])
        watts = machines * row["average_power_w"] * self.overhead.value
        hours = watts / 1000 * HOURS_A_YEAR
        price, years, kwh = platform.price, self.years, self.electricity
        ends = (
            machines * cost / time + hours * power
            for cost, time, power in (
                (price.value, years.value, kwh.value),
                (price.low, years.high, kwh.low),
                (price.high, years.low, kwh.high),
            )
        )
        return machines, watts, Figure(*ends)
