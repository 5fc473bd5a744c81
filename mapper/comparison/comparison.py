"""The answers of all targets put in order: ranks, ratios, and where the error bands leave open which is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mapper.comparison.answers import REFUSED, SCHEMA, Answer
from mapper.comparison.machines import Machine
from mapper.errors import Infeasible, MapperError, UsageError, did_you_mean
from mapper.frontend import Imported


@dataclass(frozen=True, slots=True)
class Key:
    """A figure that targets are compared by. band: the total whose relative band it has; '' where there is none."""

    name: str
    field: str
    title: str
    unit: str
    larger: bool = False
    band: str = ""


KEYS = {
    key.name: key
    for key in (
        Key("throughput", "throughput_per_s", "requests/s", "", True, "throughput_per_s"),
        Key("tokens", "tokens_per_s", "tokens/s", "", True, "throughput_per_s"),
        Key("ttft", "ttft_s", "first token", "s"),
        Key("tpot", "tpot_s", "per token", "s"),
        Key("latency", "latency_s", "latency", "s", False, "latency_s"),
        Key("energy", "energy_j", "J/request", "J", False, "energy_j"),
        Key("energy-per-token", "energy_per_token_j", "J/token", "J", False, "energy_j"),
        Key("power", "average_power_w", "power", "W"),
        Key("gap", "gap", "gap", ""),
        Key("edp", "value", "energy x delay", "J s"),
    )
}
"""What `--sort` takes, besides 'name' and 'given'."""
ORDERS = ("name", "given")
SHOWN = 5
"""So many reasons an error lists."""


def key_named(text: str | None, objective: str) -> Key | str:
    """The key that a text names, the objective's own without one; or an order. Raises UsageError."""
    found = text or objective
    known = [name for name in (*KEYS, *ORDERS) if name != "edp" or objective == "edp"]
    if found not in known:
        raise UsageError(f"--sort {found}: {did_you_mean(found, known)}")
    return found if found in ORDERS else KEYS[found]


@dataclass(frozen=True)
class Comparison:
    """The answers to one question, a target each, in the order in which the targets were named."""

    found: Imported
    asked: Mapping[str, Any]
    machines: tuple[Machine, ...]
    answers: tuple[Answer, ...]

    @property
    def own(self) -> Key:
        """The figure that the objective is about."""
        return KEYS[self.asked["objective"]]

    @property
    def finished(self) -> list[Answer]:
        """The targets that have a plan."""
        return [a for a in self.answers if a.found]

    def ordered(self, by: Key | str) -> list[Answer]:
        """All answers: plans in order, best first, equal ones by name; then the targets without one, as named."""
        plans = self.finished
        if by == "name":
            plans = sorted(plans, key=lambda a: a.target)
        elif isinstance(by, Key):
            plans = sorted(plans, key=lambda a: (*_rank(by, a), a.target))
        return plans + [a for a in self.answers if not a.found]

    def best(self, by: Key) -> Answer | None:
        """The target that is best by a figure; None where none has it."""
        return min((a for a in self.finished if value(by, a) is not None), key=lambda a: _rank(by, a), default=None)

    def problem(self) -> MapperError | None:
        """What to end with when no target has a plan; None when one has."""
        if self.finished:
            return None
        reasons = [f"{a.target}: {a.row.get('reason', a.outcome)}" for a in self.answers]
        shown = [*reasons[:SHOWN], *([f"... and {len(reasons) - SHOWN} more"] if len(reasons) > SHOWN else [])]
        levers = next((a.row["levers"] for a in self.answers if a.row.get("levers")), "")
        if all(a.outcome == REFUSED for a in self.answers):
            return Infeasible(
                f"{self.asked['model']} fits none of {_targets(len(self.answers))}", details=shown, hint=levers
            )
        return MapperError(f"none of {_targets(len(self.answers))} has a plan", details=shown, hint=levers)

    def data(self, by: Key | str, baseline: str = "") -> dict[str, Any]:
        """The content of compare.json: nothing in it depends on clocks, on cores or on what was known before."""
        own = by if isinstance(by, Key) else self.own
        best = self.best(own)
        base = self.baseline(baseline)
        order = self.ordered(by)
        about = {m.name: m for m in self.machines}
        rows = []
        for answer in order:
            machine = about[answer.target]
            row: dict[str, Any] = {"target": answer.target, "about": machine.target.about, "outcome": answer.outcome}
            row |= {"settings": list(machine.settings)} if machine.settings else {}
            row |= dict(answer.row)
            if answer.found:
                row["plan"] = f"{answer.target}/plan.json"
                row["of_best"] = None if best is None else part_of(own, answer, best)
                row["open"] = [other.target for other in order if other is not answer and undecided(own, answer, other)]
            if base is not None and answer.found:
                row["ratios"] = ratios(answer, base)
            rows.append(row)
        return {
            "schema": SCHEMA,
            "asked": dict(self.asked),
            "sorted_by": by if isinstance(by, str) else by.name,
            "compared_by": own.field,
            "best": best.target if best else None,
            "baseline": base.target if base else None,
            "targets": rows,
        }

    def baseline(self, name: str) -> Answer | None:
        """The answer that ratios are to. Raises UsageError where there is no such plan."""
        if not name:
            return None
        found = next((a for a in self.finished if a.target == name), None)
        if found is None:
            raise UsageError(f"--baseline {name} has no plan to compare with")
        return found


def value(key: Key, answer: Answer) -> float | None:
    """A figure of a target; None where its plan has none, as a time per token without later tokens."""
    found = answer.row.get(key.field)
    return None if found is None else float(found)


def _rank(key: Key, answer: Answer) -> tuple[bool, float]:
    found = value(key, answer)
    return found is None, 0.0 if found is None else -found if key.larger else found


def part_of(key: Key, answer: Answer, best: Answer) -> float | None:
    """How good a target is as a part (0 to 1) of the best one: half the rate, and twice the time, are 0.5."""
    own, other = value(key, answer), value(key, best)
    if own is None or other is None:
        return None
    if own == other:
        return 1.0
    part = own / other if key.larger and other else other / own if own else 0.0
    return min(1.0, part)


def ratios(answer: Answer, base: Answer) -> dict[str, float | None]:
    """Each figure over the baseline's."""
    found: dict[str, float | None] = {}
    for key in KEYS.values():
        if key.name in ("gap", "edp"):
            continue
        own, other = value(key, answer), value(key, base)
        found[key.field] = own / other if own is not None and other else None
    return found


def span(key: Key, answer: Answer) -> tuple[float, float] | None:
    """Where a figure may lie by its error band; None where it has no value or no band."""
    found, bands = value(key, answer), answer.row.get("bands", {})
    if found is None or key.band not in bands:
        return None
    band, total = bands[key.band], answer.row[key.band]
    if not total:
        return None
    high = band["high"] if band["high"] is not None else float("inf")
    return found * band["low"] / total, found * high / total


def undecided(key: Key, one: Answer, other: Answer) -> bool:
    """Whether the error bands of two targets overlap, so that either may be the better one. Errors that both share
    (the same kind of unit) move both the same way: this takes them for independent, and so leaves more open, not less.
    """
    a, b = span(key, one), span(key, other)
    return a is not None and b is not None and max(a[0], b[0]) <= min(a[1], b[1])


def _targets(number: int) -> str:
    return f"{number} targets" if number != 1 else "1 target"
