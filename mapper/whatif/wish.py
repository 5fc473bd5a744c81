"""What a plan is wished to be worth: a quantity and the value that it is to reach."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mapper.errors import UsageError
from mapper.ir.goal import UNIT, Limit, Objective, Quantity, parse_limit
from mapper.whatif.values import Values

FORM = "as in throughput=1000, throughput=1.5x, latency<=0.2, ttft<=50ms or energy=0.8x"
"""Wishes of every kind."""

REACHABLE = {
    Quantity.THROUGHPUT: Objective.THROUGHPUT,
    Quantity.LATENCY: Objective.LATENCY,
    Quantity.TTFT: Objective.TTFT,
    Quantity.TPOT: Objective.TPOT,
    Quantity.ENERGY: Objective.ENERGY,
}
"""Quantities that can be wished for, and the objective that seeks each."""

_RELATIVE = re.compile(r"\s*(?P<name>[A-Za-z_]+)\s*(?P<sign>>=|<=|=|>|<)\s*(?P<number>[0-9.eE+-]+)\s*[x×]\s*")


@dataclass(frozen=True, slots=True)
class Wish:
    """A limit that is to be kept on a changed target; `now` is the value on the target as it is."""

    limit: Limit
    now: float

    @property
    def objective(self) -> Objective:
        """The objective that seeks it."""
        return REACHABLE[self.limit.quantity]

    @property
    def cost(self) -> float:
        """The largest value of that objective that is good enough (throughput: seconds between requests)."""
        return 1 / self.limit.value if self.limit.quantity is Quantity.THROUGHPUT else self.limit.value

    def told(self, cost: float) -> float:
        """A value of the objective as the quantity."""
        return 1 / cost if self.limit.quantity is Quantity.THROUGHPUT and cost else cost

    def kept(self, values: Values) -> bool:
        """Whether a plan's values are good enough."""
        found = measured(values, self.limit.quantity)
        return found is not None and self.limit.excess(found) == 0

    @property
    def holds(self) -> bool:
        """Whether it needs no change."""
        return self.limit.excess(self.now) == 0

    def __str__(self) -> str:
        return f"{self.limit} {UNIT[self.limit.quantity]}"


def measured(values: Values, quantity: Quantity) -> float | None:
    """The figure of a plan that a quantity is; None where the plan has none."""
    return {
        Quantity.THROUGHPUT: values.throughput_per_s,
        Quantity.LATENCY: values.latency_s,
        Quantity.TTFT: values.ttft_s,
        Quantity.TPOT: values.tpot_s,
        Quantity.ENERGY: values.energy_j,
    }[quantity]


def parse_wish(text: str, values: Values) -> Wish:
    """The wish that a text stands for; a number with an `x` behind it is times the present value. `=` is the side
    that is better. Raises UsageError."""
    relative = _RELATIVE.fullmatch(text)
    name = re.match(r"\s*([A-Za-z_]+)\s*=", text)
    if name and not re.match(r"\s*[A-Za-z_]+\s*=[<>]", text):
        sign = ">=" if name[1].lower() == Quantity.THROUGHPUT.value else "<="
        text = text.replace("=", sign, 1)
    try:
        limit = parse_limit(re.sub(r"\s*[x×]\s*$", "", text) if relative else text)
    except UsageError as error:
        raise UsageError(f"--reach: {error.message}", hint=error.hint or FORM) from None
    if limit.quantity not in REACHABLE:
        known = ", ".join(q.value for q in REACHABLE)
        raise UsageError(f"--reach {text}: only {known} can be reached by a change of the target", hint=FORM)
    now = measured(values, limit.quantity)
    if now is None:
        raise UsageError(
            f"--reach {text}: no phase of this plan makes tokens from a cache, so it has no {limit.quantity.value}"
        )
    return Wish(Limit(limit.quantity, limit.value * now) if relative else limit, now)
