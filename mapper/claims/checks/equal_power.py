"""As many of one machine as the power of another allows, and whether they serve more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from mapper.claims.bench import Bench
from mapper.claims.checks.check import Check, Publisheds, ratio_words, rests
from mapper.claims.checks.gain import Pair
from mapper.claims.claim import Positive
from mapper.claims.found import Figure, Found, Table
from mapper.errors import UsageError
from mapper.hw.what_if import changed
from mapper.report.units import si


class EqualPower(Check):
    """Throughput of as many targets `on` as fit into the power, each serving requests of its own, over that of one
    `against` of that power.

    pairs: questions of the same model. vary: changes of figures of the targets `on` (as --set), one at a time: the
    assumptions under which the answer is another.
    """

    kind: ClassVar[str] = "equal-power"
    units: ClassVar[dict[str, str]] = {"best": "x", "worst": "x", "worst_varied": "x"}
    power_w: Positive
    pairs: Annotated[list[Pair], Field(min_length=1)]
    vary: tuple[str, ...] = ()

    def questions_asked(self) -> Iterator[str]:
        return (name for pair in self.pairs for name in (pair.on, pair.against))

    def run(self, bench: Bench, published: Publisheds) -> Found:
        found = {pair: self._ratio(bench, pair) for pair in self.pairs}
        best, worst = (pick(found, key=lambda p: found[p].value) for pick in (max, min))
        figures = {"best": found[best], "worst": found[worst]}
        because = {"best": self._because(bench, best), "worst": self._because(bench, worst)}
        varied = [row for setting in self.vary for row in self._varied(bench, setting)]
        if varied:
            setting, pair, value = min(varied, key=lambda v: v[2])
            figures["worst_varied"] = Figure(value)
            because["worst_varied"] = f"with {setting} on {bench.questions[pair.on].target}, {pair.on}"
        asked = dict.fromkeys(self.questions_asked())
        return Found(figures, because, (), tuple(self._tables(bench, found, varied)), tuple(rests(bench, *asked)))

    def _varied(self, bench: Bench, setting: str) -> list[tuple[str, Pair, float]]:
        """The ratio of each pair whose target has the figure that is changed. Raises UsageError where none has."""
        found, problem = [], None
        for pair in self.pairs:
            try:
                changed(bench.target(bench.questions[pair.on].target), [setting])
            except UsageError as error:
                problem = error
                continue
            found.append((setting, pair, self._ratio(bench, pair, (setting,)).value))
        if not found and problem is not None:
            raise problem
        return found

    def _number(self, bench: Bench, question: str) -> int:
        target = bench.target(bench.questions[question].target)
        if not target.power_limit_w:
            raise UsageError(
                f"equal-power: {target.name} has no power limit", hint="give its file `power: {limit_w: ..}`"
            )
        if target.power_limit_w > self.power_w:
            raise UsageError(
                f"equal-power: one {target.name} alone takes {si(target.power_limit_w, 'W')} of {si(self.power_w, 'W')}"
            )
        return int(self.power_w / target.power_limit_w)

    def _ratio(self, bench: Bench, pair: Pair, settings: tuple[str, ...] = ()) -> Figure:
        number = self._number(bench, pair.on)
        mine, other = bench.answer(pair.on, settings), bench.answer(pair.against)
        (low, high), (least, most) = (
            answer.ends("throughput_per_s", answer.row["throughput_per_s"]) for answer in (mine, other)
        )
        value = number * mine.row["throughput_per_s"] / other.row["throughput_per_s"]
        return Figure(value, number * low / most, number * high / least)

    def _because(self, bench: Bench, pair: Pair) -> str:
        number, target = self._number(bench, pair.on), bench.questions[pair.on].target
        mine, other = bench.answer(pair.on), bench.answer(pair.against)
        return (
            f"{number} x {target}, {pair.on} limited by {mine.limit}; {pair.against} limited by {other.limit}, "
            f"{si(other.row['average_power_w'], 'W')}"
        )

    def _tables(
        self, bench: Bench, found: dict[Pair, Figure], varied: list[tuple[str, Pair, float]]
    ) -> Iterator[Table]:
        rows = []
        for pair, figure in found.items():
            mine, other, number = (
                bench.answer(pair.on).row,
                bench.answer(pair.against).row,
                self._number(bench, pair.on),
            )
            rows.append((
                pair.on, pair.against, str(number), si(number * mine["throughput_per_s"], "/s"),
                si(other["throughput_per_s"], "/s"), ratio_words(figure.value),
                f"{si(number * mine['average_power_w'], 'W')} : {si(other['average_power_w'], 'W')}",
            ))  # fmt: skip
        columns = ("question", "against", "as many", "requests/s", "requests/s against", "ratio", "power as compiled")
        yield Table(f"as many as {self.power_w:g} W of rated power allow", columns, tuple(rows))
        if varied:
            lines = tuple(
                (
                    setting,
                    pair.on,
                    pair.against,
                    ratio_words(value),
                    f"{round(100 * (value / found[pair].value - 1)):+d} %",
                )
                for setting, pair, value in varied
            )
            yield Table("with one assumption changed", ("change", "question", "against", "ratio", "by"), lines)
