"""What a finished plan is worth by the figures that it records, in SI units; nothing is replayed."""

from __future__ import annotations

from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND
from mapper.ir.goal import TIMES, Objective
from mapper.ir.plan import Plan
from mapper.ir.request import runs


def value_of(plan: Plan, objective: Objective | None = None) -> float:
    """The value of an objective (the plan's own, if none is given), as `Verdict.value` has it: smaller is better."""
    ticks, wanted = dict(plan.figures or ()), objective or plan.objective
    if wanted in TIMES:
        counted = runs(plan, wanted)
        total = sum(n * ticks[f"ticks of {p.name}"] for n, p in zip(counted.counts, plan.phases, strict=True))
        return total / TICKS_PER_SECOND / counted.parts
    if wanted is Objective.THROUGHPUT:
        return ticks["interval_ticks"] / TICKS_PER_SECOND / plan.requests_per_run
    joules = ticks["energy_pj"] / PJ_PER_J / plan.requests_per_run
    return joules if wanted is Objective.ENERGY else joules * value_of(plan, Objective.LATENCY)
