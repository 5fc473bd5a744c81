"""The site's data: what happened when, how far a metric may be, small, and hostile names as text."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hostile import EVIL, LINES
from nights import FIRST, Nights, nights_in

from mapper.regress.baseline import Baseline, load_baseline
from mapper.regress.cases import MappingCase
from mapper.regress.compared import Compared, compared
from mapper.regress.history import Run
from mapper.regress.record import Ended, Record
from mapper.regress.scores import ScoreCase
from mapper.regress.site import site
from mapper.regress.site_data import packed, site_data
from mapper.regress.suite import Asked, Score, Tolerance, Workload
from mapper.regress.trends import Trend, Trends, trends


def parts(made: Nights) -> tuple[Trends, Compared]:
    known = trends(made.history, "nightly", [case.name for case in made.cases])
    records, baseline = made.history.records(known.nights[-1]), load_baseline(made.path.parent / "baseline.json")
    return known, compared("nightly", "last", made.cases, records, baseline, made.out, {})


def unpacked(text: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(text)))


def case(name: str, **tolerances: Tolerance) -> MappingCase:
    return MappingCase(name, "m", Workload(file="m.onnx"), "t", Asked(), tolerances=tolerances)


def data(some: Sequence[MappingCase], baseline: Baseline, *begun: str) -> dict[str, Any]:
    nights = tuple(Run(k, f"run {k}", "s", when) for k, when in enumerate(begun))
    known = Trends(nights, {one.name: Trend([(0, Ended.FOUND, "")], {"gap": [(0, 0.5)]}) for one in some})
    return site_data(known, Compared("s", "r", baseline, ()), some, {"gap": Tolerance(absolute=0.1)})


def test_what_is_packed_comes_back_and_equal_data_is_equal_text() -> None:
    assert unpacked(packed({"a": [1, None, 0.5]})) == {"a": [1, None, 0.5]}
    assert packed({"a": 1}) == packed({"a": 1})


def test_equal_histories_give_equal_pages_of_a_few_kilobytes_more_than_their_scripts(made: Nights) -> None:
    known, found = parts(made)
    page = site(known, found, made.cases)
    assert page == site(known, found, made.cases)
    empty = site(Trends((), {c.name: Trend() for c in made.cases}), found, made.cases)
    assert len(page) - len(empty) < 12_000  # 10 cases by 24 nights, 5,500 numbers


def test_columns_hold_what_changes_alone(made: Nights) -> None:
    known, found = parts(made)
    told = site_data(known, found, made.cases, {})
    numbers = {name: str(k) for k, (name, *_) in enumerate(told["metrics"])}
    rows = json.loads(json.dumps(told))["cases"]
    assert all(len(row["trends"][numbers["inflight"]]) == 2 for row in rows)
    assert [name for name, *_ in told["metrics"][:3]] == ["throughput_per_s", "tokens_per_s", "latency_s"]
    assert [name for name, _, timed in told["metrics"] if timed] == ["case_s", "peak_memory_bytes"]
    sides = {name: side for name, side, _ in told["metrics"]}
    assert (sides["throughput_per_s"], sides["gap"], sides["ops on cpu"]) == (1, -1, 0)


def test_an_acceptance_stands_at_the_run_that_began_last_before_it_by_the_clock() -> None:
    accepted = Baseline("s").accept([Record("a", "k", Ended.FOUND)], "Ada", "why", datetime(2026, 1, 3, 9, tzinfo=UTC))
    begun = ["2026-01-01T02:00:00Z", "2026-01-03T02:00:00Z", "2025-12-01T02:00:00Z", "2026-01-04T02:00:00Z"]
    assert data([case("a")], accepted, *begun)["accepted"] == [[1, "2026-01-03T09:00:00Z", "Ada", "why", 1]]
    assert data([case("a")], accepted, begun[3])["accepted"][0][0] == -1


def test_how_far_a_metric_may_be_is_the_case_s_own_the_suite_s_or_the_default() -> None:
    records = [Record(name, "k", Ended.FOUND, {"gap": 0.5, "energy_j": 2.0}) for name in ("a", "b")]
    accepted = Baseline("s").accept(records, "Ada", "why", FIRST)
    rows = data([case("a"), case("b", gap=Tolerance(relative=0.5))], accepted, "2026-01-01")["cases"]
    assert [row["accepted"] for row in rows] == [{0: [0.5, 0.1]}, {0: [0.5, 0.25]}]


def test_a_case_without_a_record_and_a_suite_without_a_baseline_have_their_place() -> None:
    row = data([case("a")], Baseline("s"), "2026-01-01")["cases"][0]
    assert (row["accepted"], row["answer"]) == ({}, "")


def test_the_metric_that_tells_a_case_is_its_objective_s_or_its_score_s(made: Nights) -> None:
    known, found = parts(made)
    told = site_data(known, found, made.cases, {})
    names = [name for name, *_ in told["metrics"]]
    goals = {row["objective"]: names[row["goal"]] for row in told["cases"]}
    assert goals == {"throughput": "throughput_per_s", "latency": "latency_s"}


def test_an_objective_without_a_metric_of_its_own_is_its_value_a_cost() -> None:
    edp = MappingCase("a", "m", Workload(file="m.onnx"), "t", Asked(objective="edp"))
    known = Trends((), {"a": Trend([], {"gap": [(0, 0.5)], "value": [(0, 1e-9)]})})
    told = site_data(known, Compared("s", "r", Baseline("s"), ()), [edp], {})
    assert [name for name, *_ in told["metrics"]] == ["gap", "value"]
    assert (told["cases"][0]["goal"], told["cases"][0]["sides"]) == (1, {1: -1})


def test_a_score_has_its_own_sides_and_is_told_by_the_first_of_them() -> None:
    score = Score(command=["x"], better={"solved*": "more", "gap": "more"})
    trends = {"gap": [(0, 0.5)], "solved of b": [(0, 3.0)], "work": [(0, 1.0)]}
    known = Trends((), {"scores/a": Trend([], trends)})
    told = site_data(known, Compared("s", "r", Baseline("s"), ()), [ScoreCase("scores/a", score)], {})
    assert (told["cases"][0]["goal"], told["cases"][0]["sides"]) == (1, {0: 1, 1: 1, 2: 0})


def test_what_is_said_of_the_last_night_stands_with_each_case_and_metric(made: Nights) -> None:
    known, found = parts(made)
    told = json.loads(json.dumps(site_data(known, found, made.cases, {})))
    names = [name for name, *_ in told["metrics"]]
    said = {row["name"]: row["said"] for row in told["cases"]}
    assert {name: verdict for name, (verdict, _) in said.items()} == {v.case: v.said for v in found.verdicts}
    slower = next(v for v in found.verdicts if v.said == "worse")
    judged = {names[int(k)]: words for k, words in said[slower.case][1].items()}
    assert judged == {c.metric: c.said for c in slower.changes}


def test_hostile_names_are_text_in_what_is_packed_too() -> None:
    some = [case(name) for name in EVIL]
    text = packed(data(some, Baseline("s"), "2026-01-01"))
    written = gzip.decompress(base64.b64decode(text)).decode()
    assert not set("<>&\u2028\u202e") & set(written)
    names = [row["name"] for row in json.loads(written)["cases"]]
    assert names == [name if name.isprintable() else names[k] for k, name in enumerate(EVIL)]
    assert names[EVIL.index(LINES)] == "a\\u2028b\\u2029c"


@pytest.mark.slow
def test_200_cases_by_365_nights_are_less_than_5_megabytes_where_every_search_moves(tmp_path: Path) -> None:
    large = nights_in(tmp_path, 40, 365, changing=1.0)  # what a case adds does not hang on the others
    known, found = parts(large)
    assert len(known.nights) == 365
    page = site(known, found, large.cases)
    empty = site(Trends((), {}), Compared("nightly", "last", found.baseline, ()), [])  # scripts and styles
    assert len(empty.encode()) + 200 / 40 * (len(page.encode()) - len(empty.encode())) < 5e6
