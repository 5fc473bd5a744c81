"""What a finished plan is worth, in the units that people say it in."""

from __future__ import annotations

from dataclasses import dataclass

from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND
from mapper.ir.goal import Objective
from mapper.ir.plan import Plan
from mapper.ir.request import decoding, runs
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
    per_run = plan.requests_per_run
    joules = energy / PJ_PER_J / per_run
    latency = _seconds(plan, ticks, Objective.LATENCY)
    tpot = _seconds(plan, ticks, Objective.TPOT) if any(decoding(plan)) else None
    ttft = _seconds(plan, ticks, Objective.TTFT)
    own = {
        Objective.THROUGHPUT: interval / TICKS_PER_SECOND / per_run,
        Objective.LATENCY: latency,
        Objective.TTFT: ttft,
        Objective.TPOT: tpot or 0.0,
        Objective.ENERGY: joules,
        Objective.EDP: joules * latency,
    }
    return Values(
        objective=own[plan.objective],
        throughput_per_s=per_run * TICKS_PER_SECOND / interval if interval else 0.0,
        latency_s=latency,
        ttft_s=ttft,
        tpot_s=tpot,
        energy_j=joules,
        energy_per_token_j=energy / PJ_PER_J / max(1, tokens(plan)),
        power_w=energy / interval if interval else 0.0,  # 1 pJ per tick = 1 W
    )


def _seconds(plan: Plan, ticks: dict[str, int], objective: Objective) -> float:
    """A time of one request alone, as `Verdict.time` has it."""
    counted = runs(plan, objective)
    total = sum(n * ticks[f"ticks of {p.name}"] for n, p in zip(counted.counts, plan.phases, strict=True))
    return total / TICKS_PER_SECOND / counted.parts
