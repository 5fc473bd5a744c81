"""What a finished plan is worth, in the units that people say it in."""

from __future__ import annotations

from dataclasses import dataclass

from mapper.cost.values import value_of
from mapper.hw.work import PJ_PER_J
from mapper.ir.goal import Objective
from mapper.ir.plan import Plan
from mapper.ir.request import decoding
from mapper.report.summary import tokens


@dataclass(frozen=True, slots=True)
class Values:
    """Figures of a plan: requests per second, seconds, joules, watts. tpot_s is None where no phase makes later tokens.
    `objective` is the value that the plan makes least: seconds between requests under the throughput objective."""

    objective: float
    throughput_per_s: float
    latency_s: float
    ttft_s: float
    tpot_s: float | None
    energy_j: float
    energy_per_token_j: float
    power_w: float


def values_of(plan: Plan) -> Values:
    """The values of a judged plan, from the figures that it records."""
    ticks = dict(plan.figures or ())
    interval, energy = ticks["interval_ticks"], ticks["energy_pj"]
    seconds = value_of(plan, Objective.THROUGHPUT)
    return Values(
        objective=value_of(plan),
        throughput_per_s=1 / seconds if seconds else 0.0,
        latency_s=value_of(plan, Objective.LATENCY),
        ttft_s=value_of(plan, Objective.TTFT),
        tpot_s=value_of(plan, Objective.TPOT) if any(decoding(plan)) else None,
        energy_j=value_of(plan, Objective.ENERGY),
        energy_per_token_j=energy / PJ_PER_J / max(1, tokens(plan)),
        power_w=energy / interval if interval else 0.0,  # 1 pJ per tick = 1 W
    )
