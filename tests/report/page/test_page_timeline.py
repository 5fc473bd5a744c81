"""The timeline: every activity of a call where and when the judge saw it, and a stretch of the steady state."""

from __future__ import annotations

import json
from itertools import accumulate, pairwise
from typing import Any

import pytest
from real_plans import finished

from mapper.cost.judge import Verdict, judge
from mapper.hw.work import TICKS_PER_SECOND
from mapper.report.page.stretch import MOST_BARS
from mapper.report.page.timeline.levels import steps
from mapper.report.page.timeline.section import section


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    return judge(finished())


@pytest.fixture(scope="module")
def data(verdict: Verdict) -> dict[str, Any]:
    found: dict[str, Any] = section(verdict, {}).data
    return found


def test_every_activity_of_a_call_that_takes_time_has_a_bar(verdict: Verdict, data: dict[str, Any]) -> None:
    lasting = [s < e for c in verdict.calls for s, e in zip(c.starts, c.ends, strict=True)]
    assert sorted(data["views"][0]["of"]) == [i for i, lasts in enumerate(lasting) if lasts]


def test_bars_begin_and_end_when_the_judge_says(verdict: Verdict, data: dict[str, Any]) -> None:
    view, call = data["views"][0], verdict.calls[0]
    seen = dict(zip(view["of"], zip(accumulate(view["start"]), view["long"], strict=True), strict=True))
    for i, (start, end) in enumerate(zip(call.starts, call.ends, strict=True)):
        if i in seen:
            assert seen[i][0] * view["step"] == pytest.approx(start, abs=view["step"])
            assert seen[i][1] * view["step"] == pytest.approx(end - start, abs=view["step"])


def test_the_request_is_one_call_of_each_phase(verdict: Verdict, data: dict[str, Any]) -> None:
    view = data["views"][0]
    seconds = sum(call.ticks for call in verdict.calls) / TICKS_PER_SECOND
    assert view["length"] * view["step_s"] == pytest.approx(seconds, rel=1e-5)
    assert [(name, calls) for name, _, _, calls in view["phases"]] == [(p.name, p.calls) for p in verdict.plan.phases]


def test_the_steady_state_is_full_of_bars_of_several_requests(data: dict[str, Any]) -> None:
    view = data["views"][1]
    assert 0 < len(view["of"]) <= MOST_BARS
    assert len(set(view["request"])) > 1
    assert max(a + n for a, n in zip(accumulate(view["start"]), view["long"], strict=True)) <= view["length"] + 1


def test_units_are_busy_in_the_steady_view_as_in_the_judge_s_figures(verdict: Verdict, data: dict[str, Any]) -> None:
    view, acts = data["views"][1], data["activities"]
    busy = dict.fromkeys(range(len(data["rows"])), 0)
    for of, held in zip(view["of"], view["held"], strict=True):
        for row in acts["places"][acts["rows"][of]]:
            busy[row] += held
    row = next(k for k, (_, name, _) in enumerate(data["rows"]) if name == "dsa")
    load = verdict.loads["dsa"] / verdict.interval
    assert busy[row] / view["length"] == pytest.approx(load, rel=0.1)


def test_rows_name_units_then_links_then_memories(data: dict[str, Any]) -> None:
    groups = [group for group, _, _ in data["rows"]]
    assert groups == sorted(groups, key=["unit", "link", "memory"].index)
    assert sum(g == "memory" for g in groups) == len(data["memories"])


def test_one_request_never_takes_more_of_a_channel_than_there_is(data: dict[str, Any]) -> None:
    for times, shares in data["views"][0]["levels"]:
        assert all(a < b for a, b in pairwise(times))
        assert all(0 <= share <= 1.001 for share in shares)


def test_channels_are_taken_in_the_steady_view_as_in_the_judge_s_figures(
    verdict: Verdict, data: dict[str, Any]
) -> None:
    view = data["views"][1]
    times, shares = view["levels"][data["memories"].index("lpddr")]
    mean = _area(list(zip(times, shares, strict=True))) / view["length"]
    assert mean == pytest.approx(verdict.loads["lpddr"] / verdict.interval, rel=0.15)


def test_steps_add_what_overlaps() -> None:
    assert steps([(0, 4, 0.5), (2, 6, 0.25)], 0, 8) == [(0, 0.5), (2, 0.75), (4, 0.25), (6, 0.0), (8, 0.0)]


def test_many_steps_become_means_of_the_same_area() -> None:
    spans = [(k, k + 1, (k % 2) / 2) for k in range(100)]
    fine, coarse = steps(spans, 0, 100), steps(spans, 0, 100, most=10)
    assert len(coarse) == 11
    assert _area(coarse) == pytest.approx(_area(fine))


def test_the_timeline_is_the_same_every_time(verdict: Verdict, data: dict[str, Any]) -> None:
    assert json.dumps(section(verdict, {}).data) == json.dumps(data)


def _area(line: list[tuple[int, float]]) -> float:
    return sum((b - a) * share for (a, share), (b, _) in pairwise(line))
