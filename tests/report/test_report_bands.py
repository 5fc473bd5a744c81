"""How far totals may be off, and which decisions that leaves open."""

from __future__ import annotations

from dataclasses import replace

import pytest
from real_plans import finished

from mapper.cost.judge import Verdict, judge
from mapper.cost.program import Activity
from mapper.cost.replay import Call
from mapper.hw.work import Cost
from mapper.ir.plan import Objective
from mapper.report.bands import MOVE_BAND, Part, bands, combined, critical_legs
from mapper.report.explain import explain
from mapper.report.reasons import inside_band, open_decisions, reasons
from mapper.report.summary import summarise


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    return judge(finished("gpt2-tiny", "edge-npu"))


def path(activities: tuple[Activity, ...], call: Call) -> list[int]:
    """The activities of the critical path, from the last one back."""
    return [i for i, _ in critical_legs(activities, call)]


def activity(name: str, where: str, ticks: int, after: tuple[int, ...] = ()) -> Activity:
    return Activity(name, "task", where, ticks, ticks, ((where, 1),), (), ((where, ticks),), (), after, (), ())


def test_errors_of_one_model_add_up() -> None:
    band = combined([Part("gpu", 10.0, 0.5, validated=True), Part("gpu", 20.0, 0.5, validated=True)])
    assert (band.low, band.value, band.high) == (pytest.approx(20.0), 30.0, pytest.approx(45.0))
    assert band.relative == pytest.approx(0.5)


def test_errors_of_different_models_add_as_squares() -> None:
    band = combined([Part("gpu", 30.0, 0.1, validated=True), Part("cpu", 40.0, 0.1, validated=True)])
    assert band.high == pytest.approx(70.0 + 5.0)


def test_the_unvalidated_part_is_that_of_models_without_measurements() -> None:
    band = combined([Part("gpu", 30.0, 0.1, validated=True), Part("cpu", 10.0, 0.1, validated=False)])
    assert band.unvalidated == pytest.approx(0.25)


def test_what_has_no_error_widens_nothing() -> None:
    assert combined([Part("gpu", 10.0, 0.2, validated=True)], rest=90.0).high == pytest.approx(102.0)


def test_the_critical_path_goes_back_over_results_and_over_what_was_held() -> None:
    activities = (
        activity("first", "a", 5),
        activity("beside", "b", 3),
        activity("waits for the unit", "a", 4),
        activity("last", "b", 2, after=(2,)),
    )
    call = Call("run", 11, (0, 0, 5, 9), (5, 3, 9, 11), ())
    assert path(activities, call) == [3, 2, 0]


def test_the_critical_path_prefers_what_an_activity_needs() -> None:
    activities = (activity("same end", "a", 5), activity("needed", "b", 5), activity("last", "a", 2, after=(1,)))
    assert path(activities, Call("run", 7, (0, 0, 5), (5, 5, 7), ())) == [2, 1]


def test_activities_without_time_do_not_lead_in_circles() -> None:
    activities = (activity("nothing", "a", 0), activity("nothing too", "a", 0, after=(0,)))
    assert path(activities, Call("run", 0, (0, 0), (0, 0), ())) == [0, 1]


def test_totals_lie_within_their_bands(verdict: Verdict) -> None:
    found = bands(verdict)
    for band, value in (
        (found.latency, verdict.latency * 1e-12),
        (found.throughput, 1e12 / verdict.interval),
        (found.energy, verdict.energy * 1e-12),
    ):
        assert band.low < band.value < band.high
        assert band.value == pytest.approx(value)
        assert 0 <= band.unvalidated <= 1


def test_equal_bands_of_three_models_give_between_a_root_of_three_and_one_of_them(verdict: Verdict) -> None:
    programs = tuple(
        replace(p, activities=tuple(replace(a, band=MOVE_BAND) for a in p.activities)) for p in verdict.programs
    )
    band = bands(replace(verdict, programs=programs)).latency
    models = len({u.kind for u in verdict.plan.target.units}) + 1  # and the links
    assert MOVE_BAND / models**0.5 <= band.high / band.value - 1 <= MOVE_BAND
    assert MOVE_BAND / models**0.5 <= band.value / band.low - 1 <= MOVE_BAND + 1e-9


def test_a_wider_band_of_the_busiest_unit_widens_the_throughput(verdict: Verdict) -> None:
    wider = tuple(
        replace(p, activities=tuple(replace(a, band=2 * a.band) for a in p.activities)) for p in verdict.programs
    )
    assert bands(replace(verdict, programs=wider)).throughput.low < bands(verdict).throughput.low


@pytest.mark.parametrize(
    ("ratio", "mine", "theirs", "open_"),
    [(1.1, 0.2, 0.2, True), (2.0, 0.2, 0.2, False), (1.3, 0.3, 0.3, True), (0.9, 0.5, 0.5, False), (None, 1, 1, False)],
)
def test_a_decision_is_open_while_the_ratio_is_within_both_bands(
    ratio: float | None, mine: float, theirs: float, open_: bool
) -> None:
    assert inside_band(ratio, mine, theirs) is open_


def test_the_summary_has_the_bands_and_the_open_decisions(verdict: Verdict) -> None:
    summary = summarise(verdict, {}, {})
    latency = summary["bands"]["latency_s"]
    assert latency["low"] < summary["latency_s"] < latency["high"]
    rows = reasons(verdict.plan)
    assert summary["decisions"] == {"placed": len(rows), "inside_band": open_decisions(rows)}
    assert sum(summary["energy_by_cause_j"].values()) == pytest.approx(summary["energy_j"])


def test_an_explanation_flags_each_open_decision() -> None:
    verdict = judge(finished("gpt2-tiny", "superhet"))
    found = explain(verdict)
    flags = [a["inside_band"] for row in found.data["ops"] for a in row["alternatives"]]
    assert explain(verdict, op="").text.count("time? ") == sum(flags) > 0
    assert found.data["bands"]["energy_j"]["unvalidated"] == 1.0


@pytest.mark.parametrize(("objective", "chosen"), [(Objective.ENERGY, "frugal"), (Objective.LATENCY, "quick")])
def test_the_alternative_on_another_kind_is_the_best_one_by_the_objective(
    verdict: Verdict, objective: Objective, chosen: str
) -> None:
    row = next(row for row in reasons(verdict.plan) if row.alternatives)
    shipped, phase = row.alternatives[0].option, row.phase
    costs = {"quick": Cost(1, (("x", 10**9),)), "frugal": Cost(10**9, (("x", 1),))}
    made = tuple(replace(shipped, costs=((phase, cost),)) for cost in costs.values())
    plan = replace(verdict.plan, objective=objective, options=(*(verdict.plan.options or ()), *made))
    same = next(r for r in reasons(plan) if (r.repeat, r.phase, r.unit_kind) == (row.repeat, phase, row.unit_kind))
    found = next(a for a in same.alternatives if a.unit_kind == row.alternatives[0].unit_kind)
    assert found.times_as_slow == costs[chosen].ticks / same.cost.ticks
