"""Energy and time of one machine over those of another: op by op, and for whole requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import Field

from mapper.claims.bench import Bench
from mapper.claims.checks.check import Check, Publisheds, ratio_words, rests
from mapper.claims.claim import Format
from mapper.claims.found import Figure, Found, Table
from mapper.cost.work_text import price, work_of_text
from mapper.errors import UsageError, did_you_mean
from mapper.report.units import si


class Side(Format):
    """A unit of a target."""

    target: str
    unit: str


class Pair(Format):
    """Two questions of the same model."""

    on: str
    against: str


class Gain(Check):
    """How many times less energy `on` takes than `against`: for each work on one unit each, memory traffic included,
    and for whole requests. works: as `mapper cost` takes them."""

    kind: ClassVar[str] = "gain"
    units: ClassVar[dict[str, str]] = {
        "op_best": "x",
        "op_worst": "x",
        "end_to_end_best": "x",
        "end_to_end_worst": "x",
    }
    on: Side
    against: list[Side]
    works: Annotated[list[str], Field(min_length=1)]
    requests: tuple[Pair, ...] = ()

    def questions_asked(self) -> Iterator[str]:
        return (name for pair in self.requests for name in (pair.on, pair.against))

    def targets_asked(self) -> Iterator[str]:
        return (side.target for side in (self.on, *self.against))

    def run(self, bench: Bench, published: Publisheds) -> Found:
        ops = [row for side in self.against for text in self.works for row in [self._op(bench, text, side)]]
        ratios = [(ratio, words) for ratio, words, _ in ops if ratio is not None]
        requests = [_request(bench, pair) for pair in self.requests]
        figures: dict[str, Figure] = {}
        because: dict[str, str] = {}
        for name, known in (("op", ratios), ("end_to_end", [(r, w) for r, w, *_ in requests])):
            if known:
                best, worst = max(known), min(known)
                figures |= {f"{name}_best": Figure(best[0]), f"{name}_worst": Figure(worst[0])}
                because |= {f"{name}_best": best[1], f"{name}_worst": worst[1]}
        for ratio, words, _, low, high, why in requests:
            for which in ("best", "worst"):
                if figures[f"end_to_end_{which}"].value == ratio:
                    figures[f"end_to_end_{which}"] = Figure(ratio, low, high)
                    because[f"end_to_end_{which}"] = f"{words}; {why}"
        tables = [
            Table(
                f"op by op on {bench.target(self.on.target).name}/{self.on.unit}",
                ("work", "against", "types", "energy", "less by", "faster by"),
                tuple(r for _, _, r in ops),
            )
        ]
        if requests:
            columns = ("request", "against", "J", "J against", "less by", "throughput")
            tables.append(Table("whole requests", columns, tuple(r[2] for r in requests)))
        asked = dict.fromkeys(self.questions_asked())
        refused = dict.fromkeys(words for ratio, words, _ in ops if ratio is None)
        return Found(figures, because, tuple(refused), tuple(tables), tuple(rests(bench, *asked)))

    def _op(self, bench: Bench, text: str, side: Side) -> tuple[float | None, str, tuple[str, ...]]:
        mine, other = (_priced(bench, s, text) for s in (self.on, side))
        other_name = f"{bench.target(side.target).name}/{side.unit}"
        refused = mine["why_not"] or other["why_not"]
        if refused:
            return None, f"{text}: {refused}", (text, other_name, "-", "-", "-", "-")
        ratio = other["energy_j"] / mine["energy_j"]
        energy = f"{si(mine['energy_j'], 'J')} : {si(other['energy_j'], 'J')}"
        faster = ratio_words(other["time_s"] / mine["time_s"])
        words = f"{text} against {other_name}, whose largest cause is {_largest(other['energy_by_cause_j'])}"
        types = f"{mine['dtype']} : {other['dtype']}"
        return ratio, words, (text, other_name, types, energy, ratio_words(ratio), faster)


def _priced(bench: Bench, side: Side, text: str) -> dict[str, Any]:
    target = bench.target(side.target)
    if side.unit not in target.unit:
        raise UsageError(f"gain: {side.target} has no unit '{side.unit}'; {did_you_mean(side.unit, target.unit)}")
    work, wanted = work_of_text(text)
    found = price(target, target.unit[side.unit], work, wanted)
    if not found["why_not"]:
        found["energy_j"] += target.unit[side.unit].model.idle_power_w * found["time_s"]
    return found


def _request(bench: Bench, pair: Pair) -> tuple[float, str, tuple[str, ...], float, float, str]:
    """(ratio, words, row, low end, high end, why) of a pair of requests."""
    mine, other = bench.answer(pair.on), bench.answer(pair.against)
    a, b = mine.row["energy_j"], other.row["energy_j"]
    faster = mine.row["throughput_per_s"] / other.row["throughput_per_s"]
    row = (pair.on, pair.against, si(a, "J"), si(b, "J"), ratio_words(b / a), ratio_words(faster))
    (a_low, a_high), (b_low, b_high) = mine.ends("energy_j", a), other.ends("energy_j", b)
    ours, theirs = (_largest(answer.row["energy_by_cause_j"]) for answer in (mine, other))
    why = f"largest causes of energy: {ours} against {theirs}"
    return b / a, f"{pair.on} against {pair.against}", row, b_low / a_high, b_high / a_low, why


def _largest(causes: dict[str, float]) -> str:
    total = sum(causes.values()) or 1.0
    cause = max(causes, key=lambda c: (causes[c], c))
    return f"{cause} ({100 * causes[cause] / total:.0f} %)"
