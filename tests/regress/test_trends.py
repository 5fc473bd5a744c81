"""Trends: what is kept of all nights is what the records say, in the order of the runs, whatever clocks say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nights import VERSIONS, Nights
from sqlalchemy import text

from mapper.errors import MapperError
from mapper.regress.history import History, opened
from mapper.regress.record import Ended, Record
from mapper.regress.trends import DIGITS, Steps, Trend, trends

ONE = Record("a", "k", Ended.FOUND, {"gap": 0.01, "energy_j": 2.0}, {"case_s": 9.0})


@pytest.fixture
def history(tmp_path: Path) -> History:
    return opened(tmp_path / "history.db")[0]


def names(made: Nights) -> list[str]:
    return [case.name for case in made.cases]


def at(steps: Steps, night: int) -> float | None:
    return next((value for first, value in reversed(steps) if first <= night), None)


def ended(trend: Trend, night: int) -> Ended | None:
    return next((how for first, how, _ in reversed(trend.ended) if first <= night), None)


def night(history: History, *records: Record, suite: str = "s", versions: str = "{}", year: int = 2026) -> None:
    run = history.begin(suite, versions, datetime(year, 1, 1, tzinfo=UTC))
    for record in records:
        history.add(run, record)


def test_every_metric_of_every_record_is_found_again(made: Nights) -> None:
    known = trends(made.history, "nightly", names(made))
    assert [run.number for run in known.nights] == [run.number for run in made.history.runs()]
    for k, run in enumerate(known.nights):
        records = {record.case: record for record in made.history.records(run)}
        for case, trend in known.cases.items():
            record = records.get(case)
            assert ended(trend, k) == (record.ended if record else None)
            if record and record.metrics:
                found = {name: value for name, steps in trend.metrics.items() if (value := at(steps, k)) is not None}
                assert found == {name: float(f"{x:.{DIGITS}g}") for name, x in record.metrics.items()}


def test_what_does_not_change_is_kept_once(made: Nights) -> None:
    known = trends(made.history, "nightly", names(made))
    assert all(len(trend.metrics["inflight"]) == 1 for trend in known.cases.values())
    assert any(len(trend.metrics["throughput_per_s"]) > 1 for trend in known.cases.values())


def test_the_last_nights_are_the_end_of_all_nights(made: Nights) -> None:
    whole, last = (trends(made.history, "nightly", names(made), most) for most in (None, 5))
    assert last.nights == whole.nights[-5:]
    for case, trend in last.cases.items():
        for name, steps in trend.metrics.items():
            assert at(steps, 4) == at(whole.cases[case].metrics[name], 23)


def test_nights_are_in_the_order_of_their_runs_whatever_clocks_say(history: History) -> None:
    for year, gap in ((2030, 0.3), (2020, 0.2), (2025, 0.1)):
        night(history, replace(ONE, metrics={"gap": gap}), year=year)
    known = trends(history, "s", ["a"])
    assert [run.begun[:4] for run in known.nights] == ["2030", "2020", "2025"]
    assert known.cases["a"].metrics["gap"] == [(0, 0.3), (1, 0.2), (2, 0.1)]


def test_other_suites_other_cases_and_runs_without_records_are_no_nights(history: History) -> None:
    night(history, ONE)
    night(history, ONE, suite="other")
    night(history, replace(ONE, case="gone"))
    night(history)
    known = trends(history, "s", ["a", "never run"])
    assert len(known.nights) == 1
    assert known.cases["never run"].ended == []


def test_a_case_that_was_not_run_for_a_night_comes_back_as_it_was(history: History) -> None:
    other = replace(ONE, case="b")
    for some in ([ONE, other], [other], [ONE, other]):
        night(history, *some)
    found = trends(history, "s", ["a", "b"]).cases["a"]
    assert [(k, how) for k, how, _ in found.ended] == [(0, Ended.FOUND), (1, None), (2, Ended.FOUND)]
    assert found.metrics["gap"] == [(0, 0.01)]


def test_the_last_record_of_a_case_in_a_run_counts(history: History) -> None:
    night(history, replace(ONE, ended=Ended.BROKEN, metrics={}, reason="KeyError"), ONE)
    assert trends(history, "s", ["a"]).cases["a"].ended == [(0, Ended.FOUND, "")]


def test_a_metric_that_comes_and_goes_is_told(history: History) -> None:
    for metrics in ({"gap": 0.5}, {"energy_j": 1.0}, {"gap": 0.5, "energy_j": 1.0}):
        night(history, replace(ONE, metrics=metrics))
    found = trends(history, "s", ["a"]).cases["a"].metrics
    assert found == {"gap": [(0, 0.5), (1, None), (2, 0.5)], "energy_j": [(1, 1.0)]}


def test_another_version_is_told_with_the_night_from_which_it_was_used(made: Nights, history: History) -> None:
    known = trends(made.history, "nightly", names(made))
    released = [one for one in known.upgrades if one[1] != "code"]
    assert released[0] == (4, "onnx", VERSIONS["onnx"], "1.23.2")
    assert len(released) == 4
    assert any(name == "code" for _, name, _, _ in known.upgrades)
    for versions in ("no JSON", '{"python": "3"}', "[]"):
        night(history, ONE, versions=versions)
    assert list(trends(history, "s", ["a"]).upgrades) == [(1, "python", "", "3"), (2, "python", "3", "")]


@pytest.mark.parametrize("words", ['{"schema": 9}', "[]", "{", '{"schema": 1, "ended": "found"}'])
def test_a_record_that_is_none_is_one_error(words: str, history: History) -> None:
    night(history, ONE)
    with history.engine.begin() as connection:
        connection.execute(text("UPDATE records SET text = :words"), {"words": words})
    told = replace(
        history, url="postgresql://mapper:secret@host/nights?password=secret"
    )  # the engine is that of the file
    with pytest.raises(MapperError, match=r"mapper:\*\*\*@host/nights: .*record"):
        trends(told, "s", ["a"])
    with pytest.raises(MapperError, match=r"mapper:\*\*\*@host/nights: .*record"):
        told.records(told.runs("s")[0])
