"""Baselines: what was accepted comes back, reads well in a review, and says who accepted it and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mapper.errors import MapperError
from mapper.regress.baseline import Baseline, load_baseline
from mapper.regress.record import Ended, Record
from mapper.regress.said import Said
from mapper.regress.verdicts import verdict

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONE = Record("b/case", "k1", Ended.FOUND, {"gap": 1 / 3, "energy_j": 2.0}, {"total_s": 9.0}, {"python": "3"},
             {"model": "b"}, "p1")  # fmt: skip
OTHER = Record("a/case", "k2", Ended.INFEASIBLE, versions={"python": "3"}, reason="does not fit")


def accepted(*records: Record, before: Baseline | None = None, why: str = "first") -> Baseline:
    return (before or Baseline("nightly")).accept(records, "Ada <ada@example.org>", why, NOON)


def test_what_was_accepted_comes_back_and_is_the_same(tmp_path: Path) -> None:
    best = replace(ONE, case="c/case", metrics={"value": 232137.16142, "bound": 232137.16142, "gap": 0.0})
    made, path = accepted(ONE, OTHER, best), tmp_path / "baseline.json"
    made.save(path)
    again = load_baseline(path)
    assert again.text == made.text
    assert [verdict(again.records[r.case], r).said for r in (ONE, OTHER, best)] == [Said.SAME] * 3
    assert (again.accepted[0].who, again.accepted[0].why, again.accepted[0].cases) == (
        "Ada <ada@example.org>",
        "first",
        3,
    )


def test_the_file_is_sorted_a_metric_a_line_and_knows_no_clock() -> None:
    text = accepted(ONE, OTHER).text
    assert text.index("a/case") < text.index("b/case")
    assert text.index('"energy_j": 2.0') < text.index('"gap": 0.333333333')
    assert "total_s" not in text
    assert text == accepted(OTHER, replace(ONE, timings={"total_s": 1.0})).text


def test_accepting_some_cases_leaves_the_others_and_adds_a_line_to_the_log() -> None:
    both = accepted(replace(ONE, metrics={"gap": 0.5}), before=accepted(ONE, OTHER), why="  wider\n tiles ")
    assert both.records["b/case"].metrics == {"gap": 0.5}
    assert both.records["a/case"] == OTHER
    assert [a.why for a in both.accepted] == ["first", "wider tiles"]


def test_what_has_no_answer_is_not_accepted_and_a_reason_is_asked_for() -> None:
    crashed = replace(ONE, ended=Ended.BROKEN)
    with pytest.raises(MapperError, match="none of 1 records"):
        accepted(crashed)
    assert list(accepted(crashed, OTHER).records) == ["a/case"]
    with pytest.raises(MapperError, match="needs a reason"):
        accepted(ONE, why=" ")


CASE = """{"schema": 1, "suite": "s", "accepted": [], "cases": {"a": {"ended": "found", "metrics": {"n": %s},
           "key": %s, "about": %s, "plan": "", "placed": ""}}}"""
LOG = '{"schema": 1, "suite": "s", "cases": {}, "accepted": [{"who": "Ada", "why": "first", "versions": {}, %s}]}'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"schema": 7}', "a baseline of schema 7, this version reads 1"),
        ("{", "is no baseline"),
        ("[]", "is no baseline"),
        ('{"schema": 1, "suite": "s", "accepted": [], "cases": {"a": {}}}', "KeyError: 'ended'"),
        ('{"schema": 1, "suite": "s", "accepted": [], "cases": {"a": {"ended": "timeout"}}}', "'a' is timeout"),
        (CASE % ("NaN", '"k"', "{}"), "'n' of 'a' is no finite number"),
        (CASE % ("1", "5", "{}"), "5 stands where a text is due"),
        (CASE % ("1", '"k"', '"x"'), "AttributeError"),
        (LOG % '"when": 5, "cases": 3', "5 stands where a text is due"),
        (LOG % '"when": "now", "cases": "x"', "'cases' is a number"),
    ],
)
def test_what_is_no_baseline_is_one_clear_error(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(MapperError, match=complaint):
        load_baseline(path)


def test_a_baseline_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(MapperError) as caught:
        load_baseline(tmp_path / "none.json")
    assert "mapper regress accept" in caught.value.hint
