"""Verdicts: each kind is told where it is due, nothing within a tolerance is, and timings fail nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mapper.regress.record import Ended, Record
from mapper.regress.said import Said
from mapper.regress.suite import Tolerance, of_case
from mapper.regress.verdicts import counted, verdict

METRICS = {"throughput_per_s": 100.0, "value": 100.0, "bound": 101.0, "gap": 0.01, "latency_s": 0.5, "energy_j": 2.0,
           "peak_bytes of hbm": 1e9, "ops on cpu": 7.0}  # fmt: skip
BEFORE = Record("a", "k0", Ended.FOUND, METRICS, {"total_s": 3.0})


def now(**metrics: float) -> Record:
    return replace(BEFORE, key="k1", metrics=METRICS | {name.replace("_of_", " of "): x for name, x in metrics.items()})


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (now(), Said.SAME),
        (now(throughput_per_s=99.6), Said.SAME),
        (now(throughput_per_s=99.4), Said.WORSE),
        (now(throughput_per_s=100.6), Said.BETTER),
        (now(latency_s=0.51), Said.WORSE),
        (now(energy_j=1.9), Said.BETTER),
        (now(peak_bytes_of_hbm=1.03e9), Said.WORSE),
        (now(gap=0.014), Said.SAME),
        (now(gap=0.02), Said.GAP_WORSE),
        (now(value=102.0, throughput_per_s=102.0), Said.BOUND_BROKEN),
        (replace(now(), timings={"total_s": 300.0}), Said.SAME),
        (replace(now(), ended=Ended.TIMEOUT, metrics={}, reason="not done after 9 s"), Said.BROKEN),
        (replace(now(), ended=Ended.INFEASIBLE, metrics={}, reason="does not fit"), Said.INFEASIBLE_NOW),
        (replace(now(), ended=Ended.STOPPED), Said.MISSING),
        (None, Said.MISSING),
    ],
)
def test_each_change_has_its_verdict(after: Record | None, said: Said) -> None:
    assert verdict(BEFORE, after).said is said


def test_what_has_no_better_side_is_told_and_fails_nothing() -> None:
    metrics = {k: x for k, x in METRICS.items() if k != "ops on cpu"} | {"ops on gpu": 7.0}
    found = verdict(BEFORE, replace(now(), metrics=metrics))
    assert found.said is Said.CHANGED
    assert not found.fails
    assert [c.metric for c in found.changes] == ["ops on cpu", "ops on gpu"]


def test_the_worst_metric_decides_and_all_are_told() -> None:
    found = verdict(BEFORE, now(throughput_per_s=90.0, energy_j=1.0, gap=0.5))
    assert found.said is Said.WORSE
    assert [(c.metric, c.said) for c in found.changes] == [
        ("throughput_per_s", Said.WORSE), ("gap", Said.GAP_WORSE), ("energy_j", Said.BETTER),
    ]  # fmt: skip
    assert found.changes[0].change == pytest.approx(-0.1)


def test_a_bound_that_a_plan_of_the_same_question_was_beyond_is_broken() -> None:
    before = replace(BEFORE, metrics=METRICS | {"value": 102.0, "bound": 103.0})
    assert verdict(before, replace(now(), key="k0")).said is Said.BOUND_BROKEN
    assert verdict(before, now()).said is not Said.BOUND_BROKEN
    late = Record("a", "k", Ended.FOUND, {"value": 1.0, "bound": 1.1})
    assert verdict(late, late, objective="latency").said is Said.BOUND_BROKEN


def test_a_tolerance_of_a_case_goes_before_a_pattern_and_that_before_the_default() -> None:
    wide = {"throughput_per_s": Tolerance(relative=0.2), "energy*": Tolerance(absolute=5.0)}
    assert verdict(BEFORE, now(throughput_per_s=90.0, energy_j=4.0), wide).said is Said.SAME
    assert verdict(BEFORE, now(latency_s=0.6), wide).said is Said.WORSE


def test_what_a_case_has_of_its_own_goes_before_what_all_cases_have() -> None:
    suite = {"throughput_per_s": Tolerance(relative=0.01), "energy*": Tolerance(absolute=5.0)}
    own = {"throughput*": Tolerance(relative=0.2)}
    assert verdict(BEFORE, now(throughput_per_s=90.0, energy_j=4.0), of_case(own, suite)).said is Said.SAME
    assert verdict(BEFORE, now(throughput_per_s=90.0), of_case({}, suite)).said is Said.WORSE
    exact = of_case({"energy_j": Tolerance()}, suite)
    assert verdict(BEFORE, now(energy_j=4.0), exact).said is Said.WORSE


def test_new_cases_and_plans_where_there_was_none_are_told_so() -> None:
    assert verdict(None, BEFORE).said is Said.NEW
    gone = replace(BEFORE, ended=Ended.INFEASIBLE, metrics={})
    assert verdict(gone, BEFORE).said is Said.BETTER
    assert verdict(gone, gone).said is Said.SAME
    found = [verdict(None, BEFORE), verdict(BEFORE, now(gap=0.5)), verdict(BEFORE, now())]
    assert counted(found) == {Said.GAP_WORSE: 1, Said.NEW: 1, Said.SAME: 1}


def test_where_no_task_moved_every_change_is_told() -> None:
    before = replace(BEFORE, placed="p")
    dear = replace(now(energy_j=2.001), placed="p")
    assert verdict(before, dear).said is Said.WORSE
    assert verdict(before, replace(dear, placed="q")).said is Said.SAME
    assert verdict(before, dear, {"energy_j": Tolerance(relative=0.01)}).said is Said.SAME


def test_a_bound_and_a_value_that_both_got_worse_are_a_dearer_problem_and_no_luck_of_a_search() -> None:
    dearer, unlucky = now(value=99.8, throughput_per_s=99.8, bound=100.8), now(value=99.8, throughput_per_s=99.8)
    found = verdict(BEFORE, dearer)
    assert found.said is Said.WORSE
    assert "its bound by 0.20%" in found.words
    assert verdict(BEFORE, unlucky).said is Said.SAME
    assert verdict(BEFORE, dearer, {"value": Tolerance(relative=0.01)}).said in (Said.SAME, Said.CHANGED)
