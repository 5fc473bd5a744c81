"""Figures of two plans side by side, and conditions on their changes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from diff_pairs import between, judged

from mapper.errors import MapperError, UsageError
from mapper.hw.what_if import changed
from mapper.ir.plan import DECISIONS, Objective
from mapper.report.diff.conditions import change_words, parse_condition, shown
from mapper.report.diff.data import difference_data
from mapper.report.diff.difference import difference
from mapper.report.diff.inputs import Input, inputs
from mapper.report.diff.places import spans, spelled
from mapper.report.diff.totals import Total, difference_of_summaries
from mapper.report.summary import summarise


def figures(**values: Total) -> dict[str, Total]:
    return {total.name: total for total in values.values()}


RATE = Total("throughput", "requests/s", 100.0, 97.0, 1)
GAP = Total("gap", "part", 0.01, 0.018, -1)
LATENCY = Total("latency", "s", 0.010, 0.012, -1)
PEAK = Total("memory.hbm.peak", "B", 10e9, 12e9, -1)
NONE = Total("tpot", "s", 0.001, None, -1)
KNOWN = figures(a=RATE, b=GAP, c=LATENCY, d=PEAK, e=NONE)


@pytest.mark.parametrize(
    ("text", "fails"),
    [
        ("throughput<-2%", True), ("throughput<-4%", False), ("throughput < -2.5 requests/s", True),
        ("latency>+10%", True), ("latency>1ms", True), ("latency>3ms", False), ("latency>2500us", False),
        ("gap>+0.5%", True), ("gap>0.9%", False), ("gap>0.005", True),
        ("memory.hbm.peak>1.5GB", True), ("memory.hbm.peak>2GiB", False), ("tpot>1%", True),
    ],
)  # fmt: skip
def test_a_condition_fails_by_the_change(text: str, fails: bool) -> None:
    assert bool(parse_condition(text).broken(KNOWN)) is fails


def test_a_broken_condition_says_both_values_and_the_change() -> None:
    assert parse_condition("throughput<-2%").broken(KNOWN) == (
        "throughput<-2%: 100 requests/s -> 97.0 requests/s, -3.0 %"
    )
    assert parse_condition("gap>+0.5%").broken(KNOWN).endswith("+0.8 points")
    assert "cannot be held" in parse_condition("tpot>1%").broken(KNOWN)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("throughput", "not NAME<NUMBER"), ("throughput<=1%", "not NAME<NUMBER"), ("throughput<nan", "not NAME"),
        ("latency>1e999", "not NAME"),
        ("throghput<1%", "did you mean 'throughput'"), ("latency>1W", "counted in s, not in W"),
        ("gap>1s", "counted in plain numbers, not in s"), ("latency>1m", "not in m"),
    ],
)  # fmt: skip
def test_a_condition_that_cannot_be_read_is_a_usage_error(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        parse_condition(text).broken(KNOWN)
    assert refused.value.exit_code == 2


def test_every_total_has_both_values_and_says_what_the_bands_leave_open() -> None:
    found = between("greedy", "swapped")
    names = [t.name for t in found.totals]
    assert names[:5] == ["throughput", "tokens", "latency", "ttft", "tpot"]
    assert {"energy", "energy/token", "power", "inflight", "deploy"} <= set(names)
    latency = found.figure["latency"]
    assert latency.before == pytest.approx(judged("greedy").latency * 1e-12)
    assert latency.difference == pytest.approx((judged("swapped").latency - judged("greedy").latency) * 1e-12)
    assert latency.inside_bands is (latency.difference != 0)
    assert between("greedy", "round-robin").figure["energy"].inside_bands is False


def test_gaps_of_two_objectives_are_neither_better_nor_worse() -> None:
    verdict = judged("greedy")
    plan = verdict.plan
    other = replace(verdict, plan=replace(plan, objective=Objective.ENERGY))
    assert difference(verdict, verdict).figure["gap"].better == -1
    assert difference(verdict, other).figure["gap"].better == 0


def test_summaries_alone_give_the_same_figures() -> None:
    rows = difference_of_summaries(*(summarise(judged(name), {}, {}) for name in ("greedy", "round-robin")))
    full = between("greedy", "round-robin")
    alone = {t.name: t for t in rows}
    for name in ("throughput", "latency", "energy", "gap"):
        assert alone.get(name) == full.figure.get(name)
    assert all(total.name in full.figure for total in rows)


def test_what_is_no_summary_is_refused() -> None:
    with pytest.raises(MapperError, match="no summary"):
        difference_of_summaries({}, {})


def test_inputs_that_differ_are_told_with_both_values() -> None:
    rows = {row.name: row for row in between("greedy", "slow link").inputs}
    (row,) = rows.values()
    assert row.name == "link bandwidth_bytes_per_s"
    assert float(row.before) == 4 * float(row.after)
    assert row.told == ("256 GB/s", "64.0 GB/s")
    assert row.where == (judged("greedy").plan.target.links[0].name,)


def test_values_that_read_alike_are_told_with_all_digits() -> None:
    assert Input("unit clock_hz", "2.0001e+09", "2.0002e+09").told == ("2.0001e+09", "2.0002e+09")
    assert Input("unit energy_pj.mac", "0.1333", "", ("cim",)).told == ("0.1333 pJ", "none")


def test_a_kind_that_only_set_renamed_is_no_input_of_its_own() -> None:
    plan = judged("greedy").plan
    after = replace(plan, target=changed(plan.target, ["cim*.vector.clock*=0.5"]))
    assert [row.name for row in inputs(plan, after, ({}, {}))] == ["unit vector.clock_hz"]


def test_a_gap_of_almost_nothing_is_told_so() -> None:
    total = Total("gap", "part", 4.3e-9, 0.0076)
    assert [shown(total, total.before), change_words(total)] == ["< 0.001 %", "+0.76 points"]
    assert change_words(replace(total, after=0.0)) == "-0.000 points"


def test_seeds_efforts_and_versions_are_inputs() -> None:
    plan = judged("greedy").plan
    before, after = (replace(plan, source=(("seed", seed),)) for seed in "01")
    recorded = ({"versions": {"ortools": "9.14"}}, {"versions": {"ortools": "9.15"}})
    assert [str(row) for row in inputs(before, after, recorded)] == [
        "seed: 0 -> 1",
        "version of ortools: 9.14 -> 9.15",
    ]


def test_a_plan_from_another_seed_may_be_the_same_plan() -> None:
    verdict = judged("greedy")
    found = difference(verdict, replace(verdict, plan=replace(verdict.plan, source=(("seed", "7"),))))
    assert found.same
    assert [row.name for row in found.inputs] == ["seed"]


def test_data_is_json_and_its_rows_add_up() -> None:
    data = json.loads(json.dumps(difference_data(between("greedy", "round-robin"), ["x"], "c_fc"), allow_nan=False))
    assert data["schema"] == 1
    assert data["failed"] == ["x"]
    assert data["ops"]["rows"]
    for why in data["why"].values():
        assert sum(row["change"] for row in why["rows"]) == why["change"]
        assert sum(part["change"] for part in why["parts"]) == why["change"]
    assert set(data["decisions"]) <= set(DECISIONS)


def test_labels_leave_out_the_block_and_are_unique_by_place() -> None:
    plan = judged("greedy").plan
    names = spelled(plan)
    found = {c: names[c] for c in names if "c_fc" in c}
    assert {s.label for s in found.values()} == {"mlp/c_fc"}
    assert {s.block for s in found.values()} == {0, 1}
    outside = [s.label for s in names.values() if s.block < 0]
    assert len(outside) == len(set(outside))


@pytest.mark.parametrize(
    ("numbers", "words"), [([], ""), ([3], "3"), ([4, 3], "3, 4"), ([1, 2, 3, 7], "1-3, 7"), ([0, 2], "0, 2")]
)
def test_blocks_are_listed_in_spans(numbers: list[int], words: str) -> None:
    assert spans(numbers) == words
