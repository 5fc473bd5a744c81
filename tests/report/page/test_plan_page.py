import json
from dataclasses import replace
from typing import Any

import pytest
from made_pages import judged, page_of, summed

from mapper.cost.judge import Verdict
from mapper.ir.plan import Objective
from mapper.report.page import bound, headline, limiting, placement, reproduction, units
from mapper.report.page.plan_page import plan_page
from mapper.report.summary import fallbacks


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    return judged("edge-npu")


@pytest.fixture(scope="module")
def summary(verdict: Verdict) -> dict[str, Any]:
    return summed(verdict)


def test_equal_plans_give_equal_pages_whatever_the_clock_says(verdict: Verdict, summary: dict[str, Any]) -> None:
    assert plan_page(verdict, summary) == plan_page(verdict, {**summary, "seconds": {"total": 9.0}})


def test_sections_come_in_the_order_in_which_an_architect_asks(verdict: Verdict, summary: dict[str, Any]) -> None:
    data = page_of("edge-npu").partition('id="data">')[2].partition("</script>")[0]
    names = [s["name"] for s in json.loads(data)["sections"]]
    wanted = ["headline", "limits", "floor", "timeline", "roofline", "causes", "memory", "units", "placement", "bound"]
    assert names == [n for n in [*wanted, "reproduce"] if n in names]
    assert {"headline", "limits", "units", "placement", "bound", "reproduce"} <= set(names)


def test_the_headline_has_the_summary_s_figures(verdict: Verdict, summary: dict[str, Any]) -> None:
    data = headline.section(verdict, summary).data
    assert {n: data[n] for n in ("value", "gap", "energy_j", "bands")} == {
        n: summary[n] for n in ("value", "gap", "energy_j", "bands")
    }
    assert data["inflight"] == verdict.plan.inflight


def test_every_task_is_a_row_of_the_placement(verdict: Verdict, summary: dict[str, Any]) -> None:
    section = placement.section(verdict, summary)
    assert section is not None
    rows = [(op, unit, section.data["records"][k]["phase"]) for op, unit, _, k in section.data["rows"]]
    plan = verdict.plan
    assert rows == [(t.cluster, plan.place[t.name].unit, t.phase) for t in plan.tasks or ()]


def test_shares_of_the_busy_time_add_up_to_all(verdict: Verdict, summary: dict[str, Any]) -> None:
    section = placement.section(verdict, summary)
    assert section is not None
    assert sum(section.data["records"][row[3]]["share"] for row in section.data["rows"]) == pytest.approx(1, abs=0.01)


def test_every_fallback_is_marked_with_its_reason(summary: dict[str, Any], verdict: Verdict) -> None:
    section = placement.section(verdict, summary)
    assert section is not None
    reasons = [section.data["records"][row[3]]["fallback"] for row in section.data["rows"]]
    told = {row[0]: why for row, why in zip(section.data["rows"], reasons, strict=True)}
    fell = fallbacks(verdict.plan)
    assert fell
    assert all(told[op] for op, _, _ in fell)
    assert section.data["fallbacks"] == sum(map(bool, reasons))


def test_equal_layers_share_their_record(verdict: Verdict, summary: dict[str, Any]) -> None:
    section = placement.section(verdict, summary)
    assert section is not None
    assert len(section.data["records"]) < len(section.data["rows"])


def test_the_busiest_resource_comes_first_in_what_limits(verdict: Verdict, summary: dict[str, Any]) -> None:
    section = limiting.section(verdict, summary)
    assert section is not None
    busy = [row["busy"] for row in section.data["chain"]]
    assert section.data["chain"][0]["resources"][0] == verdict.steady.busiest
    assert busy == sorted(busy, reverse=True)


def test_the_critical_path_is_shown_to_its_whole_length(verdict: Verdict, summary: dict[str, Any]) -> None:
    section = limiting.section(verdict, summary)
    assert section is not None
    path = section.data["path"]
    assert sum(s["part"] for s in path["stretches"]) + path["rest"] == pytest.approx(1)


@pytest.mark.parametrize(("objective", "first"), [("throughput", "chain"), ("latency", "path"), ("energy", "energy")])
def test_what_the_objective_is_made_of_comes_first(verdict: Verdict, objective: str, first: str) -> None:
    other = replace(verdict, plan=replace(verdict.plan, objective=Objective(objective), bounds=()))
    section = limiting.section(other, summed(other))
    assert section is not None
    assert section.data["order"][0] == first


def test_a_plan_in_which_nothing_takes_time_has_nothing_that_limits_it(verdict: Verdict) -> None:
    assert limiting.section(replace(verdict, loads={}), {}) is None


def test_every_row_knows_what_else_could_run_it_or_why_nothing_can(verdict: Verdict, summary: dict[str, Any]) -> None:
    section = placement.section(verdict, summary)
    assert section is not None
    kinds = {u.kind for u in verdict.plan.target.units}
    for record in section.data["records"]:
        choice = section.data["choices"][record["choice"]]
        told = {a["unit_kind"] for a in choice["alternatives"]} | {kind for kind, _, _ in choice["refused"]}
        if record["time_s"]:
            assert told | {record["unit_kind"]} == kinds


def test_the_energy_of_the_units_is_a_part_of_all(verdict: Verdict, summary: dict[str, Any]) -> None:
    data = units.section(verdict, summary).data
    assert 0 < sum(row["energy"] for row in data["units"]) <= 1 + 1e-9
    assert [row["name"] for row in data["units"]] == list(verdict.plan.target.unit)
    assert all(0 <= row["utilisation"] <= 1 + 1e-9 for row in (*data["units"], *data["memories"], *data["links"]))


def test_the_bound_says_what_proved_it(verdict: Verdict, summary: dict[str, Any]) -> None:
    data = bound.section(verdict, summary).data
    facts = dict(data["facts"])
    assert verdict.plan.bounds
    assert facts["proved by"] == verdict.plan.bounds[0].name
    assert data["bounds"][0]["value"] == pytest.approx(summary["bound"])


def test_without_a_bound_there_is_no_proof(verdict: Verdict) -> None:
    bare = replace(verdict, plan=replace(verdict.plan, bounds=()))
    data = bound.section(bare, summed(bare)).data
    assert data["bound"] is None
    assert "proved by" not in dict(data["facts"])


def test_a_time_limit_is_told_where_the_plan_is_to_be_made_again(verdict: Verdict, summary: dict[str, Any]) -> None:
    plan = replace(verdict.plan, source=(("model", "a.onnx"), ("sha256", "ab"), ("time_limit_s", "5")))
    made = reproduction.section(replace(verdict, plan=plan), summary)
    assert "depends on the machine" in made.lead
    assert "byte for byte" in reproduction.section(verdict, summary).lead
    assert made.data["command"].endswith("--time-limit 5")
