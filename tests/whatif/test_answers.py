"""Answers about changed targets: what they say holds when everything is compiled for that target anew."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from real_plans import finished, unplaced

from mapper.compiled import resume
from mapper.cost.check import check
from mapper.errors import UsageError
from mapper.hw.what_if import changed, parse_change
from mapper.hw.work import DType
from mapper.ir.plan import Objective, Plan
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pass_ import Context, Effort
from mapper.whatif.answers import Answer, Asker

PLACED = "place-teams,schedule,memory,judge"
SOURCE = (("pipeline", f"partition,options,{PLACED}"), ("effort", "quick"), ("seed", "0"))


@cache
def searched(model: str, target: str, objective: str = "throughput") -> Plan:
    start = replace(unplaced(model, target), objective=Objective(objective), source=SOURCE)
    return resume(start, PLACED, effort="quick").plan


def answer(plan: Plan, *texts: str) -> Answer:
    return Asker(plan).answer([parse_change(text) for text in texts])


def compiled(plan: Plan, *texts: str) -> Plan:
    moved = replace(plan, target=changed(plan.target, texts), clusters=None, blocks=None, options=None)
    return pipeline_of(dict(SOURCE)["pipeline"]).run(moved, Context(effort=Effort.QUICK))


def interval(plan: Plan) -> float:
    return dict(plan.figures or ())["interval_ticks"] * 1e-12


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "target", "change"),
    [
        ("gpt2-tiny", "superhet", "dsa*.rate*=2"),
        ("gpt2-tiny", "superhet", "host.clock_hz/=2"),
        ("gpt2-tiny", "edge-npu", "dsa.task_overhead_s/=2"),
        ("gpt2-tiny", "edge-npu", "cim.arrays/=4"),
        ("bert-tiny", "edge-npu", "lpddr.bandwidth/=8"),
        ("llama-tiny", "superhet", "gpu0.clock_hz/=2"),
        ("llama-tiny", "edge-npu", "lpddr.bandwidth/=4"),
        ("bert-tiny", "dgx-a100", "gpu.clock_hz*=2"),
        ("bert-tiny", "dgx-a100", "hbm.bandwidth/=2"),
    ],
)
def test_a_compilation_for_the_changed_target_is_within_the_gap_that_is_told(
    model: str, target: str, change: str
) -> None:
    plan = searched(model, target)
    found, anew = answer(plan, change), compiled(plan, change)
    assert found.after is not None
    assert found.bound is not None
    assert found.gap is not None
    assert found.bound <= interval(anew) * (1 + 1e-9)
    assert interval(anew) >= found.after.objective * (1 - found.gap) * (1 - 1e-9)
    assert found.after.objective <= interval(anew) / (1 - found.gap) * (1 + 0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        "cpu.idle_power_w*=2",
        "cpu.cache_bytes*=2",
        "lpddr.energy*=2",
        "dsa.energy_pj_per_mac*=4",
        "power_limit_w*=2",
        "power_limit_w/=2",
        "lpddr.capacity_bytes/=2",
    ],
)
def test_a_plan_that_does_as_before_is_worth_what_check_derives_anew(change: str) -> None:
    found = answer(searched("gpt2-tiny", "edge-npu"), change)
    assert found.plan is not None
    assert check(found.plan).figures == found.plan.figures


def power(plan: Plan) -> float:
    """What a plan takes above what idles, in W."""
    busy = dict(plan.figures or ())
    return busy["busy of power"] / busy["interval_ticks"] * left(plan)


def left(plan: Plan) -> float:
    """What the limit of power leaves above what idles, in W."""
    assert plan.target.power_limit_w is not None
    return plan.target.power_limit_w - plan.target.idle_power_w


@pytest.mark.slow
def test_half_the_power_costs_nothing_where_another_plan_is_as_quick_with_half_the_energy() -> None:
    plan = searched("gpt2-tiny", "edge-npu")  # for speed alone, a tenth of its limit: it saves no energy
    found = answer(plan, f"power_limit_w={plan.target.idle_power_w + power(plan) / 2}")
    assert found.gain > -0.01
    assert found.plan is not None
    assert power(found.plan) <= left(found.plan) < power(plan)


@pytest.mark.slow
def test_a_power_limit_that_slows_every_plan_down_is_felt() -> None:
    plan = searched("gpt2-tiny", "edge-npu")  # three times the energy of the most frugal one, which a limit leads to
    found = answer(plan, f"power_limit_w={plan.target.idle_power_w + power(plan) / 6}")
    assert found.after is not None
    assert found.plan is not None
    assert power(found.plan) == pytest.approx(left(found.plan), rel=1e-6)  # the limit sets the pace, as it is kept
    assert found.gain < -0.3
    assert found.bound == pytest.approx(found.after.objective, rel=1e-3)


@pytest.mark.slow
def test_the_answers_plan_keeps_every_rule_on_the_changed_target() -> None:
    found = answer(searched("gpt2-tiny", "edge-npu"), "dsa.clock_hz*=2")
    assert found.plan is not None
    assert found.after is not None
    assert check(found.plan).interval * 1e-12 == pytest.approx(found.after.objective)


@pytest.mark.slow
def test_a_better_figure_is_never_told_as_a_loss_and_a_worse_one_never_as_a_gain_beyond_the_gap() -> None:
    plan = searched("gpt2-tiny", "edge-npu")
    better, worse = answer(plan, "dsa.task_overhead_s/=4"), answer(plan, "dsa.task_overhead_s*=4")
    assert better.gain > 0.1
    assert worse.gain < -0.1


@pytest.mark.slow
def test_another_precision_is_priced_anew() -> None:
    found = Asker(searched("gpt2-tiny", "edge-npu")).answer((), DType.I8)
    assert found.after is None or found.plan is not None
    assert found.precision is DType.I8


def test_what_the_plan_cannot_run_with_is_an_answer_in_words() -> None:
    starved = answer(finished("gpt2-tiny", "edge-npu"), "power_limit_w=0.1")
    assert starved.after is None
    assert "idle power alone" in starved.refusal
    refused = answer(finished("gpt2-tiny", "edge-npu"), "dsa.arrays/=2")
    assert refused.is_refused
    assert "a whole number" in refused.refusal


def test_names_that_are_none_and_unfinished_plans_are_errors() -> None:
    with pytest.raises(UsageError, match="no unit 'npu'"):
        answer(finished("gpt2-tiny", "edge-npu"), "npu.clock_hz*=2")
    with pytest.raises(UsageError, match="not finished"):
        Asker(unplaced("gpt2-tiny", "edge-npu"))
