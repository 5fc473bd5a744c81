"""The stretch of steady state in a trace."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from perfetto import faults, loads_whole
from real_plans import finished

from mapper.cost.judge import WATCHED, Verdict, judge
from mapper.cost.window import Window, window
from mapper.emit.activity_bars import nanoseconds
from mapper.emit.steady_bars import letters
from mapper.emit.trace import to_json

Event = dict[str, Any]


@cache
def verdict() -> Verdict:
    return judge(finished("gpt2-tiny", "edge-npu"), watched=WATCHED)


@cache
def stretch() -> Window:
    return window(verdict(), 1)


@cache
def data(steady: bool = True) -> dict[str, Any]:
    text = to_json(verdict().plan, verdict().programs, stretch() if steady else None)
    found: dict[str, Any] = json.loads(text)
    return found


def slices(kind: str) -> list[Event]:
    """Slices of the stretch on tracks that begin so."""
    events: list[Event] = data()["traceEvents"]
    named = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
    return [e for e in events if e["ph"] == "X" and e["pid"] == 2 and named[e["tid"]].startswith(kind)]


def test_the_stretch_stands_behind_the_single_request_which_stays_as_it_was() -> None:
    with_it, alone = data()["traceEvents"], data(steady=False)["traceEvents"]
    processes = [e["args"]["name"] for e in with_it if e["name"] == "process_name"]
    assert processes == ["predicted", "steady state"]
    assert [e for e in with_it if e["pid"] == 1] == alone


def test_the_file_says_how_long_the_stretch_is_and_what_it_leaves_out() -> None:
    assert data()["otherData"]["steady_intervals"] == 1.0
    short = window(verdict(), 1, most=50)
    words = json.loads(to_json(verdict().plan, verdict().programs, short))["otherData"]
    assert words["steady_intervals"] < 0.5
    assert words["steady_activities_left_out"] == short.left_out > 0


def test_a_unit_has_a_bar_for_each_activity_that_held_it_in_the_stretch() -> None:
    found, programs = stretch(), verdict().programs
    there = [
        bar
        for bar in found.bars
        if programs[bar.phase].activities[bar.activities[0]].where in verdict().plan.target.unit
        and nanoseconds(min(bar.held, found.end) - found.start) > nanoseconds(max(bar.start, found.start) - found.start)
    ]
    assert len(slices("unit")) == len(there) > 50


def test_bars_end_with_the_stretch() -> None:
    length = nanoseconds(stretch().end - stretch().start) / 1e3
    assert all(e["ts"] >= 0 and e["ts"] + e["dur"] <= length + 1e-3 for e in slices(""))


def test_requests_are_told_apart_by_category_and_by_letters_that_colour_them() -> None:
    for e in slices("unit"):
        number = int(e["cat"].removeprefix("request "))
        assert e["name"].startswith(f"{letters(number)} ")
    assert len({e["cat"] for e in slices("requests")}) == stretch().requests


@pytest.mark.parametrize(("number", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (702, "AAA")])
def test_requests_are_named_as_columns_of_a_sheet(number: int, name: str) -> None:
    assert letters(number) == name


def test_the_trace_with_a_stretch_keeps_the_rules_of_perfetto(tmp_path: Path) -> None:
    assert faults(data()["traceEvents"]) == []
    path = tmp_path / "trace.json"
    path.write_text(to_json(verdict().plan, verdict().programs, stretch()))
    loads_whole(path)
