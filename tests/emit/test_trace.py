from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import tiny_inputs, tiny_plan

from mapper.emit.trace import trace, write
from mapper.errors import MapperError
from mapper.ir.plan import Plan, Slot


def events(plan: Plan, kind: str) -> list[dict[str, Any]]:
    return [e for e in trace(plan)["traceEvents"] if e["ph"] == kind]


def test_each_phase_is_a_process_with_a_track_per_unit_and_link() -> None:
    named = events(tiny_plan(), "M")
    processes = {e["pid"]: e["args"]["name"] for e in named if e["name"] == "process_name"}
    tracks = [e["args"]["name"] for e in named if e["name"] == "thread_name"]
    assert processes == {1: "prefill: one call", 2: "decode: one call"}
    assert tracks == ["a", "b", "ab"] * 2


def test_times_are_microseconds_with_a_fraction() -> None:
    first = events(tiny_plan(schedule=(Slot("prefill/c0", "a", 500_001, 2_000_000),)), "X")[0]
    assert (first["ts"], first["dur"]) == (0.500001, 1.499999)
    assert first["args"] == {"cluster": "c0", "repeat": "product", "ops": "mm act"}


def test_slots_that_overlap_on_a_unit_get_tracks_of_their_own() -> None:
    slots = (Slot("prefill/c0", "a", 0, 10), Slot("prefill/c1", "a", 5, 8), Slot("prefill/x", "a", 10, 12))
    plan = tiny_plan(schedule=slots)
    lanes = {e["tid"]: e["args"]["name"] for e in events(plan, "M") if e["name"] == "thread_name"}
    assert {e["name"]: lanes[e["tid"]] for e in events(plan, "X")} == {
        "prefill/c0": "a",
        "prefill/c1": "a #2",
        "prefill/x": "a",
    }


def test_live_bytes_rise_and_fall_with_the_buffers() -> None:
    live = [(e["ts"], e["args"]["bytes"]) for e in events(tiny_plan(), "C") if e["name"] == "live bytes in b.mem"]
    assert live == [(2.0, 64), (2.074, 128), (4.074, 0)]


def test_an_arrow_leads_from_the_maker_to_the_reader() -> None:
    starts, ends = events(tiny_plan(), "s"), events(tiny_plan(), "f")
    assert [(s["pid"], s["id"]) for s in starts] == [(f["pid"], f["id"]) for f in ends] == [(1, "1.1"), (2, "2.1")]
    assert starts[0]["ts"] < ends[0]["ts"] == 2.074


def test_a_slot_of_no_known_phase_is_still_shown() -> None:
    plan = tiny_plan(schedule=(Slot("refresh", "a", 0, 1),), memory=None)
    assert [e["args"]["name"] for e in events(plan, "M") if e["name"] == "process_name"] == ["of no phase"]


def test_a_plan_without_a_schedule_has_no_trace() -> None:
    with pytest.raises(MapperError, match="no schedule to trace"):
        trace(tiny_inputs())


def test_the_file_holds_the_same_events_a_line_each(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    write(tiny_plan(), path)
    text = path.read_text()
    assert json.loads(text) == trace(tiny_plan())
    assert len(text.splitlines()) == len(trace(tiny_plan())["traceEvents"]) + 2
