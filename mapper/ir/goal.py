"""What a plan is for: an objective to be minimised, and limits that must be kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from mapper.errors import UsageError, did_you_mean


class Objective(StrEnum):
    """What the plan is optimised for. The value of each is a cost: smaller is better.

    latency: seconds of one request alone. throughput: seconds between requests in steady state (the interval).
    energy: joules per request, idle power over the interval included. edp: energy times latency, in joule-seconds.
    ttft: seconds of one request alone until its first token. tpot: seconds of each token that follows.
    """

    LATENCY = "latency"
    THROUGHPUT = "throughput"
    ENERGY = "energy"
    EDP = "edp"
    TTFT = "ttft"
    TPOT = "tpot"


TIMES = (Objective.LATENCY, Objective.TTFT, Objective.TPOT)
"""Objectives that are times of one request alone."""


class Quantity(StrEnum):
    """What can be limited: requests per second from below, all others from above."""

    THROUGHPUT = "throughput"
    LATENCY = "latency"
    TTFT = "ttft"
    TPOT = "tpot"
    ENERGY = "energy"
    POWER = "power"
    INFLIGHT = "inflight"


UNIT = {
    Quantity.THROUGHPUT: "requests/s",
    Quantity.LATENCY: "s",
    Quantity.TTFT: "s",
    Quantity.TPOT: "s",
    Quantity.ENERGY: "J",
    Quantity.POWER: "W",
    Quantity.INFLIGHT: "requests in flight",
}
"""The unit of each quantity."""

TOLERANCE = 1e-9
"""Relative excess that conversions of integers to seconds and joules may make."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A quantity and the value that it must not exceed (throughput: that it must reach), in the quantity's unit."""

    quantity: Quantity
    value: float

    def excess(self, found: float) -> float:
        """By how much of the limit a value breaks it; 0 where it keeps it."""
        if self.quantity is Quantity.THROUGHPUT:
            over = self.value / found - 1.0 if found > 0 else float("inf")
        else:
            over = found / self.value - 1.0
        return over if over > TOLERANCE else 0.0

    def __str__(self) -> str:
        sign = ">=" if self.quantity is Quantity.THROUGHPUT else "<="
        return f"{self.quantity.value}{sign}{self.value:g}"


@dataclass(frozen=True, slots=True)
class Goal:
    """An objective, and limits of other quantities, one each."""

    objective: Objective
    limits: tuple[Limit, ...] = ()

    def __str__(self) -> str:
        return self.objective.value + (f" subject to {' '.join(map(str, self.limits))}" if self.limits else "")

    def limit(self, quantity: Quantity) -> float | None:
        """The value of a quantity's limit; None where it has none."""
        return next((x.value for x in self.limits if x.quantity is quantity), None)

    @property
    def counts_time(self) -> bool:
        """Whether the time of a request alone matters: to the objective, or to a limit."""
        timely = (*TIMES, Objective.EDP)
        return self.objective in timely or any(x.quantity.value in TIMES for x in self.limits)

    def with_limit(self, limit: Limit) -> Goal:
        """This goal with one more limit; a quantity that has one already is refused."""
        if self.limit(limit.quantity) is not None:
            raise UsageError(f"'{limit.quantity}' is limited twice: {self} and {limit}", hint="keep one of them")
        return Goal(self.objective, (*self.limits, limit))


FORM = '"throughput subject to latency<=0.2 power<=700 energy<=3 ttft<=50ms tpot<=0.01 inflight<=8"'
"""A goal with every part."""

_SUBJECT = re.compile(r"\s+(?:subject\s+to|s\.\s*t\.|such\s+that|with)\s+", re.IGNORECASE)
_LIMIT = re.compile(
    r"(?P<name>[A-Za-z_]+)\s*(?P<sign><=|=<|>=|=>|<|>|≤|≥|=)\s*(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
    r"(?:\s*(?P<unit>ns|us|µs|ms|s|min|uJ|µJ|mJ|J|kJ|MJ|mW|W|kW|MW|/s|requests/s)(?=[\s,;]|$))?"
)
_BETWEEN = re.compile(r"(?:\s*(?:[,;]|\band\b))+\s*|\s+", re.IGNORECASE)
_FACTORS = {"n": 1e-9, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6}
_BASES = {
    Quantity.THROUGHPUT: ("/s", "requests/s"),
    Quantity.LATENCY: ("s", "min"),
    Quantity.TTFT: ("s", "min"),
    Quantity.TPOT: ("s", "min"),
    Quantity.ENERGY: ("J",),
    Quantity.POWER: ("W",),
    Quantity.INFLIGHT: (),
}


def parse_goal(text: str) -> Goal:
    """The goal that a text like "throughput subject to latency<=0.2 power<=700" stands for.

    Numbers are in s, W, J and requests/s unless a unit (ms, mJ, kW, ...) follows. Raises UsageError.
    """
    parts = _SUBJECT.split(text.strip(), maxsplit=1)
    name = parts[0].strip().lower()
    known = [o.value for o in Objective]
    if name not in known:
        raise UsageError(f"no objective '{parts[0].strip()}'; {did_you_mean(name, known)}", hint=f"as in {FORM}")
    goal = Goal(Objective(name))
    if len(parts) == 1:
        return goal
    rest, at = parts[1].strip(), 0
    while at < len(rest):
        found = _LIMIT.match(rest, at)
        if found is None:
            raise UsageError(f"objective '{text}': cannot read the limit '{rest[at:]}'", hint=f"as in {FORM}")
        goal = goal.with_limit(_limit(found))
        after, at = _BETWEEN.match(rest, found.end()), found.end()
        if after is None and at < len(rest):
            raise UsageError(f"objective '{text}': cannot read '{rest[at:]}' after '{found[0]}'", hint=f"as in {FORM}")
        at = after.end() if after else at
    if not goal.limits:
        raise UsageError(f"objective '{text}': no limit follows", hint=f"as in {FORM}")
    return goal


def parse_limit(text: str) -> Limit:
    """The limit that a text like "latency<=0.2" or "ttft<=50ms" stands for. Raises UsageError."""
    found = _LIMIT.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"cannot read the limit '{text}'", hint="as in throughput>=1000 or ttft<=50ms")
    return _limit(found)


def _limit(found: re.Match[str]) -> Limit:
    """The limit of a match."""
    name, sign, unit = found["name"].lower(), found["sign"], found["unit"] or ""
    known = [q.value for q in Quantity]
    if name not in known:
        raise UsageError(f"'{name}' cannot be limited; {did_you_mean(name, known, otherwise='these can be')}")
    quantity = Quantity(name)
    upper = sign in ("<=", "=<", "<", "≤")
    if upper is (quantity is Quantity.THROUGHPUT):
        right = f"{name}>={found['number']}" if upper else f"{name}<={found['number']}"
        side = "from below" if upper else "from above"
        raise UsageError(f"limit '{found[0].strip()}': {name} is limited {side}; write {right}")
    value = float(found["number"]) * _factor(quantity, unit, found[0].strip())
    if not 0 < value < float("inf"):
        raise UsageError(f"limit '{found[0].strip()}' is no number above 0 that a plan could meet")
    if quantity is Quantity.INFLIGHT and value != int(value):
        raise UsageError(f"limit '{found[0].strip()}': requests in flight are counted in whole numbers")
    return Limit(quantity, value)


def _factor(quantity: Quantity, unit: str, text: str) -> float:
    """What a unit stands for in the quantity's own."""
    bases = _BASES[quantity]
    if not unit or unit in bases:
        return 60.0 if unit == "min" else 1.0
    if unit[0] in _FACTORS and unit[1:] in bases:
        return _FACTORS[unit[0]]
    raise UsageError(f"limit '{text}': {quantity.value} is counted in {UNIT[quantity]}, not in {unit}")
