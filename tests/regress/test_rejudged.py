"""The accepted plan, judged by present costs, tells a search that missed it from a problem that got dearer."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from real_plans import finished, run, unplaced

from mapper.cost.recorded import recorded
from mapper.hw.what_if import changed
from mapper.ir.plan import Plan
from mapper.ir.serial import to_json
from mapper.regress.baseline import Baseline
from mapper.regress.cases import MappingCase
from mapper.regress.chance import Judged
from mapper.regress.compared import Compared, compared
from mapper.regress.metrics import metrics_of, placed_of
from mapper.regress.record import Ended, Record
from mapper.regress.rejudged import judge_again, moved
from mapper.regress.said import Said
from mapper.regress.suite import Asked, Tolerance, Workload
from mapper.regress.verdicts import verdict
from mapper.report.summary import summarise, value_and_bound
from passes.pipelines import FINISH

GREEDY, ROUND_ROBIN = "place-greedy", "place-round-robin"
METRICS = {"value": 98.0, "throughput_per_s": 98.0, "bound": 100.0, "gap": 0.02}
BEFORE = Record("a", "k0", Ended.FOUND, METRICS, placed="p")


def now(value: float, bound: float = 100.0) -> Record:
    more = {"value": value, "throughput_per_s": value, "bound": bound, "gap": 1 - value / bound}
    return replace(BEFORE, key="k1", placed="q", metrics=METRICS | more)


@pytest.mark.parametrize(
    ("after", "again", "said", "words"),
    [
        (now(95.0), 98.0, Said.WORSE, "as good as it was; what was found is 3.06% worse: the search missed it"),
        (now(97.0), 98.0, Said.CHANGED, "found is 1.02% worse: the search missed it, within the accepted gap"),
        (now(97.9), 97.9, Said.WORSE, "0.10% worse than it was; what was found is as good"),  # seen by nothing else
        (now(98.0), 101.0, Said.BOUND_BROKEN, "is 100, and the accepted plan, judged now, has 101"),
        (now(98.0, bound=104.0), 102.0, Said.WORSE, "4.08% better than it was; what was found is 3.92% worse"),
        (now(99.5), 98.0, Said.BETTER, "as good as it was; what was found is 1.53% better"),
        (now(97.0, bound=98.9), 98.0, Said.CHANGED, "as good as it was"),  # bound and value are worse: no cost is
    ],
)
def test_what_the_accepted_plan_costs_now_settles_the_verdict(
    after: Record, again: float, said: Said, words: str
) -> None:
    found = verdict(BEFORE, after, again=Judged(again))
    assert found.said is said
    assert words in found.words


def test_energy_that_the_accepted_plan_takes_more_of_is_a_cost_whatever_was_searched_for() -> None:
    before, after = (replace(r, metrics={**r.metrics, "energy_j": j}) for r, j in ((BEFORE, 2.0), (now(98.0), 1.5)))
    found = verdict(before, after, again=Judged(98.0, 2.01))
    assert found.said is Said.WORSE
    assert found.words == "judged now, the accepted plan takes 0.50% more energy than it did"
    assert verdict(before, after, again=Judged(98.0, 2.0001)).said is Said.CHANGED


def test_what_a_suite_tolerates_is_no_cost_that_fails() -> None:
    tolerances = {"value": Tolerance(relative=0.05), "throughput_per_s": Tolerance(relative=0.05)}
    assert verdict(BEFORE, now(97.0), tolerances, again=Judged(97.0)).said is not Said.WORSE
    assert verdict(BEFORE, now(92.0), {"value": Tolerance(relative=0.2)}, again=Judged(98.0)).said is not Said.SAME


@cache
def slower() -> Plan:
    """Options and tasks on a target whose clocks are slower."""
    plan = unplaced()
    return run(replace(plan, target=changed(plan.target, ["*.clock_hz/=1.02"])), "options")


def again(folder: Path, accepted: Plan, found: Plan) -> float | None:
    files = folder / "accepted.json", folder / "found.json"
    for file, plan in zip(files, (accepted, found), strict=True):
        file.write_text(to_json(plan))
    judged = judge_again(*files)
    return judged and judged.value


def value(plan: Plan) -> float:
    return value_and_bound(recorded(plan))[0]


@pytest.mark.slow
def test_an_accepted_plan_of_the_same_costs_has_the_value_that_it_had(tmp_path: Path) -> None:
    assert again(tmp_path, finished(), finished(place=ROUND_ROBIN)) == value(finished())


@pytest.mark.slow
def test_tasks_stay_where_they_were_and_all_else_is_made_by_the_costs_of_now(tmp_path: Path) -> None:
    found = run(slower(), f"{ROUND_ROBIN},{FINISH}")
    as_before = moved(finished(), found)
    assert as_before.placement == finished().placement
    assert again(tmp_path, finished(), found) == value(as_before)
    assert value(as_before) < 0.999 * value(finished())
    assert moved(finished(), finished()).figures == finished().figures


@pytest.mark.slow
def test_of_another_model_objective_or_machine_nothing_is_said(tmp_path: Path) -> None:
    plan = finished()
    assert again(tmp_path, plan, finished("bert-tiny")) is None
    assert again(tmp_path, plan, finished(objective="energy")) is None
    assert again(tmp_path, plan, finished(target="superhet")) is None


def kept(plan: Plan, key: str, plans: Path) -> Record:
    """The record of a plan that is kept."""
    (plans / key).mkdir(parents=True)
    (plans / key / "plan.json").write_text(to_json(plan))
    metrics = metrics_of(plan, summarise(recorded(plan), {}, {}))
    return Record("gpt2/edge-npu/throughput", key, Ended.FOUND, metrics, plan=key, placed=placed_of(plan))


def compared_with(before: Record, after: Record, plans: Path, tolerances: dict[str, Tolerance]) -> Compared:
    case = MappingCase(after.case, "gpt2", Workload(file="gpt2.onnx"), "edge-npu", Asked())
    return compared("small", "1", [case], [after], Baseline("small", {before.case: before}), plans, tolerances)


def held(before: Plan, after: Plan, plans: Path) -> Compared:
    """Of two plans the one found now held against the accepted one."""
    accepted, found = kept(before, "before", plans), kept(after, "after", plans)
    return compared_with(accepted, found, plans, {"value": Tolerance(relative=0.01)})


@pytest.mark.slow
def test_a_comparison_says_that_the_search_missed_the_accepted_plan(tmp_path: Path) -> None:
    (found,) = held(finished(), finished(place=ROUND_ROBIN), tmp_path).verdicts
    assert found.said is Said.WORSE
    assert found.words.startswith("judged now, the accepted plan is as good as it was; what was found is 80.98%")
    assert found.words.endswith("worse: the search missed it")


@pytest.mark.slow
def test_a_comparison_says_what_got_dearer_and_what_is_better_for_all_that(tmp_path: Path) -> None:
    found = run(slower(), f"{GREEDY},{FINISH}")
    (told,) = held(finished(place=ROUND_ROBIN), found, tmp_path).verdicts
    assert told.said is Said.BETTER
    assert "worse than it was; what was found is" in told.words


def test_of_two_plans_under_one_key_only_the_later_one_is_kept_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "k0").mkdir()
    (tmp_path / "k0" / "plan.json").write_text("the later one")
    before = replace(BEFORE, key="k0", plan="p", metrics={**BEFORE.metrics, "throughput_per_s": 100.0})
    after = replace(now(90.0), key="k0", plan="q", metrics={**now(90.0).metrics, "throughput_per_s": 90.0})
    told = compared_with(before, after, tmp_path, {})
    assert told.verdicts[0].said is Said.WORSE
    assert told.verdicts[0].words == ""
    assert told.reasons[before.case] == ("the same question has another answer now; the plan before is no longer kept",)


@pytest.mark.parametrize(("again", "said"), [(98.0, Said.SAME), (97.9, Said.WORSE), (None, Said.SAME)])
def test_a_cost_that_half_a_percent_of_chance_hides_is_asked_for(
    again: float | None, said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mapper.regress.compared.judged_now", lambda found, plans: again and Judged(again))
    (found,) = compared_with(BEFORE, now(97.7), tmp_path, {}).verdicts
    assert found.said is said
    assert ("worse than it was" in found.words) == (said is Said.WORSE)
