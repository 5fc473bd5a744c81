"""Limits: what the finished plan keeps, and what is told when nothing keeps them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from real_plans import run
from tiny_machines import Abacus, layers, machine, prepared

from mapper.cost.check import check
from mapper.cost.judge import judge
from mapper.errors import Infeasible
from mapper.hw.target import Target
from mapper.ir.goal import Limit, Objective, Quantity
from mapper.ir.plan import Plan
from passes.pipelines import FINISH


class Frugal(Abacus):
    """A slow abacus that takes no power."""

    ticks_per_element: int = 90


def pair() -> Target:
    """A quick unit that takes power while it is on, and a slow one."""
    return machine(Abacus(ticks_per_element=50), Frugal())


@cache
def compiled(*limits: Limit, objective: Objective = Objective.THROUGHPUT, place: str = "place-cpsat") -> Plan:
    plan = replace(prepared(pair(), layers(6)), objective=objective, limits=limits)
    return run(plan, f"{place},{FINISH}")


def test_a_plan_keeps_its_limits_and_says_so() -> None:
    free = judge(compiled())
    best = judge(compiled(objective=Objective.LATENCY))
    assert best.latency < free.latency
    most = (best.latency + free.latency) / 2 / 1e12
    kept = compiled(Limit(Quantity.LATENCY, most))
    verdict = check(kept)
    assert verdict.latency / 1e12 <= most
    assert verdict.interval >= free.interval
    assert (kept.bounds or ())[0].value >= (compiled().bounds or ())[0].value


def test_requests_in_flight_stay_below_their_limit() -> None:
    free, one = compiled(), compiled(Limit(Quantity.INFLIGHT, 1.0))
    assert (free.inflight or 1) > 1
    assert one.inflight == 1


def test_what_no_placement_keeps_is_proved_with_its_numbers() -> None:
    least = judge(compiled(objective=Objective.LATENCY)).latency / 1e12
    with pytest.raises(Infeasible) as error:
        compiled(Limit(Quantity.LATENCY, least / 3))
    text = str(error.value)
    assert "latency<=" in text
    assert "cannot be met" in text
    assert "no placement is below" in text
    assert "too much" in text


def test_limits_that_only_together_cannot_be_kept_are_named_together() -> None:
    quick = judge(compiled(objective=Objective.THROUGHPUT))
    short = judge(compiled(objective=Objective.LATENCY))
    latency = Limit(Quantity.LATENCY, short.latency / 1e12 * 1.0001)
    with pytest.raises(Infeasible) as error:
        compiled(Limit(Quantity.THROUGHPUT, 1e12 / quick.interval), latency)
    assert "throughput>=" in str(error.value)


def test_a_baseline_that_breaks_a_limit_is_no_plan() -> None:
    least = judge(compiled(objective=Objective.LATENCY)).latency / 1e12
    with pytest.raises(Infeasible) as error:
        compiled(Limit(Quantity.LATENCY, least * 1.0001), place="place-round-robin")
    assert "is not met by place-round-robin" in str(error.value)
