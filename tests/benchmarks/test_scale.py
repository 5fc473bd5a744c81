"""The scale benchmark: its cases, bars that can be missed, growth with layers, rows that are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.scaling.cases import BASELINES, GROUPS, Case, cases, runnable_targets
from benchmarks.scaling.measure import measured
from benchmarks.scaling.rows import Kept, Row, growth
from samples.models.build import MODELS, main

CASE = Case("large", "gpt2", "superhet", ("run: batch=1",), most_seconds=10, most_mb=500, most_gap=0.03)
DATA: dict[str, Any] = {
    "ops": 3, "clusters": 2, "import_s": 1.0, "compile_s": 2.0, "peak_mb": 300.0, "value": 5.0, "bound": 5.1,
    "gap": 0.02, "cost": 0.2, "rivals": {},
}  # fmt: skip


@pytest.mark.slow
def test_every_case_is_of_a_sample_model_and_says_the_same_after_a_trip_through_json() -> None:
    found = list(cases(GROUPS, "default"))
    assert {c.model for c in found} <= set(MODELS)
    assert len(set(found)) == len(found)
    assert [Case.of(c.text()) for c in found] == found


@pytest.mark.slow
def test_the_library_is_every_target_but_lone_macros() -> None:
    names = set(runnable_targets())
    assert {"superhet", "rram-cim", "edge-npu", "xeon-8592", "dgx-a100", "a40-card"} <= names
    assert not names & {"neurram", "isaac-ce", "colonnade"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, []),
        ({"compile_s": 9.5}, ["10.5 s > 10 s"]),
        ({"peak_mb": 700.0}, ["700 MB > 500 MB"]),
        ({"gap": 0.031}, ["gap 3.10% > 3%"]),
        ({"gap": None}, ["no bound"]),
        ({"rivals": {"heft": 0.1, "greedy": 0.2, "stages": None}}, ["heft is better by 50.00%"]),
    ],
)
def test_a_row_tells_each_bar_that_it_missed(change: dict[str, Any], why: list[str]) -> None:
    row = Row(CASE, DATA | change)
    assert row.missed() == why
    assert row.text().endswith("MISSED" if why else "ok")


def test_a_model_that_does_not_fit_is_no_miss_where_it_need_not_unless_a_baseline_fits() -> None:
    unfit = {"unfit": "does not fit: too big", "rivals": {"heft": None}}
    assert Row(CASE, unfit).missed() == ["does not fit: too big"]
    spared = replace(CASE, may_not_fit=True)
    assert Row(spared, unfit).missed() == []
    assert Row(spared, unfit | {"rivals": {"heft": 1.0}}).missed() == ["heft fits"]


@pytest.mark.parametrize(("top", "within"), [(4.0, True), (4.5, False)])
def test_growth_compares_the_tallest_stack_with_one_of_24_layers(top: float, within: bool) -> None:
    stacks = {12: 0.5, 24: 1.0, 192: top - 1.0}
    rows = [Row(replace(CASE, group="growth", layers=n), DATA | {"compile_s": s}) for n, s in stacks.items()]
    ((line, kept),) = growth(rows)
    assert kept is within
    assert f"{top / 2:.2f} times" in line


def test_rows_that_were_kept_are_found_again(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    Kept(path).add(Row(CASE, DATA))
    Kept(path).add(Row(replace(CASE, target="edge-npu"), {"error": 'said "no", twice'}))
    again = Kept(path)
    assert again.find(CASE) == Row(CASE, DATA)
    assert again.find(replace(CASE, target="edge-npu")) is not None
    assert again.find(replace(CASE, layers=2)) is None


def test_a_case_is_measured_beside_its_baselines(tmp_path: Path) -> None:
    file = tmp_path / "bert-tiny.onnx"
    main(["bert-tiny", "--layers", "1", "--out", str(file)])
    case = Case("library", "bert-tiny", "xeon-8592", ("run: batch=1 seq=8",), against=BASELINES, effort="quick")
    found = measured(case, file)
    assert set(found["rivals"]) == set(BASELINES)
    assert Row(case, found).missed() == []
    assert found["gap"] <= 1.0
