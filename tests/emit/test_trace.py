from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import tiny_graph, tiny_inputs, tiny_plan
from perfetto import faults, loads_whole

from mapper.cost.activity import Activity, Program
from mapper.emit import activity_bars
from mapper.emit.events import Bar
from mapper.emit.trace import MOST_CALLS, stages, to_json, trace
from mapper.errors import MapperError
from mapper.ir.plan import Block, Plan, Slot


def programs(plan: Plan) -> tuple[Program, ...]:
    """Programs of the tiny plan: the product, its result on the link, the sum."""
    return tuple(
        Program(
            p,
            (
                _activity(f"{p}/c0", "a", task=f"{p}/c0"),
                _activity(f"{p}/g->b", "a.mem > b.mem", reads=((0, "g"),), exclusive=(("ab:a>b", 1),), kind="move"),
                _activity(f"{p}/c1", "b", task=f"{p}/c1", reads=((1, "g"), (-1, "past"))),
            ),
            (),
            (),
            (),
        )
        for p in plan.phase
    )


def _activity(name: str, where: str, **changes: object) -> Activity:
    fields: dict[str, object] = {
        "kind": "task", "ticks": 74_000, "hold": 64_000, "exclusive": (), "channels": (), "loads": (), "after": (),
        "energy_pj": (("compute", 5),), "makes": (), "reads": (), "bytes": 64, "limited_by": "memory",
    }  # fmt: skip
    return Activity(name=name, where=where, **{**fields, **changes})  # type: ignore[arg-type]


def events(plan: Plan, kind: str) -> list[dict[str, Any]]:
    return [e for e in trace(plan, programs(plan))["traceEvents"] if e["ph"] == kind]


@pytest.fixture
def plan(tiny_models: None) -> Plan:
    graph = tiny_graph()
    mm, act, add = graph.ops
    act = replace(act, kind="elementwise", attrs=(("function", "gelu"),))
    return tiny_plan(
        graph=replace(graph, ops=(mm, act, replace(add, kind="elementwise", attrs=(("function", "add"),))))
    )


def bars(plan: Plan, track: str) -> list[tuple[str, float, float]]:
    tids = {e["args"]["name"]: e["tid"] for e in events(plan, "M") if e["name"] == "thread_name"}
    return [(e["name"], e["ts"], e["dur"]) for e in events(plan, "X") if e["tid"] == tids[track]]


def test_a_request_holds_its_phases_and_these_their_calls(plan: Plan) -> None:
    assert bars(plan, "requests") == [
        ("request 0", 0.0, 7.152),
        ("prefill", 0.0, 4.074),
        ("prefill 0", 0.0, 4.074),
        ("c0", 0.0, 2.0),
        ("c1", 2.074, 2.0),
        ("decode", 4.074, 3.078),
        ("decode 0", 4.074, 1.026),
        ("c0", 4.074, 0.5),
        ("c1", 4.6, 0.5),
        ("decode 1", 5.1, 1.026),
        ("decode 2", 6.126, 1.026),
    ]


def test_units_and_links_have_a_track_each_in_one_process(plan: Plan) -> None:
    named = events(plan, "M")
    assert [e["args"]["name"] for e in named if e["name"] == "process_name"] == ["predicted"]
    tracks = [e["args"]["name"] for e in named if e["name"] == "thread_name"]
    assert tracks == ["requests", "unit a", "unit b", "link ab:a>b"]


def test_a_task_holds_its_ops_in_the_parts_of_its_cost(plan: Plan) -> None:
    assert bars(plan, "unit a")[:3] == [("c0", 0.0, 2.0), ("mm", 0.0, 1.0), ("act", 1.0, 1.0)]


def test_a_task_says_what_limits_it_and_what_it_takes(plan: Plan) -> None:
    args = next(e["args"] for e in events(plan, "X") if e["name"] == "c0" and e["cat"] == "task")
    assert args == {
        "ops": "mm act", "limited_by": "memory", "bytes": 64, "gb_per_s": 0.032, "energy_uj": 5e-6, "types": "f16",
        "weights": "a.mem", "repeat": "product",
    }  # fmt: skip


def test_of_too_many_ops_the_trace_says_how_many_it_leaves_out(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "ops_left_out" not in trace(plan, programs(plan))["otherData"]
    monkeypatch.setattr(activity_bars, "MOST_OPS", 5)
    assert trace(plan, programs(plan))["otherData"]["ops_left_out"] == 6
    assert bars(plan, "unit a") == [("c0", 0.0, 2.0), ("c0", 4.074, 0.5)]


def test_a_move_is_on_its_link_as_long_as_it_holds_it(plan: Plan) -> None:
    assert bars(plan, "link ab:a>b") == [("g->b", 2.0, 0.064), ("g->b", 4.574, 0.026)]


def test_arrows_lead_from_the_maker_over_the_link_to_the_reader(plan: Plan) -> None:
    assert [(e["ts"], e["name"]) for e in events(plan, "s")][:2] == [(1.999, "g"), (2.063, "g")]
    assert [(e["ts"], e["name"]) for e in events(plan, "f")][:2] == [(2.0, "g"), (2.074, "g")]


def test_live_bytes_rise_and_fall_with_the_buffers(plan: Plan) -> None:
    live = [(e["ts"], e["args"]["bytes"]) for e in events(plan, "C") if e["name"] == "live bytes in b.mem"]
    assert live == [(2.0, 64), (2.074, 128), (4.074, 0)]


def test_weights_and_states_are_told_apart_from_what_comes_and_goes(plan: Plan) -> None:
    held = {e["name"]: e["args"]["bytes"] for e in events(plan, "C") if e["name"].startswith("weights")}
    assert held == {"weights and states in a.mem": 128, "weights and states in b.mem": 64}


def test_layers_of_a_block_stand_in_their_call(plan: Plan) -> None:
    layered = replace(plan, blocks=(Block("c0", (("c0",), ("c1",))),))
    assert [name for name, _, _ in bars(layered, "requests")][2:5] == ["prefill 0", "layer 0", "layer 1"]


def test_layers_on_one_unit_after_another_are_a_stage() -> None:
    layers = [(("a",), Bar("0", 0, 1)), (("a",), Bar("1", 1, 3)), (("b",), Bar("2", 3, 4))]
    assert [(bar.name, bar.start, bar.end) for bar in stages(layers)] == [("stage on a", 0, 3), ("2", 3, 4)]
    assert [bar.name for bar in stages(layers[:2])] == ["0", "1"]


def test_a_slot_that_nothing_calls_for_is_still_shown(plan: Plan) -> None:
    odd = replace(plan, schedule=(Slot("refresh", "a", 0, 1000),), memory=None)
    assert bars(odd, "unit a") == [("refresh", 0.0, 0.001)]


def test_calls_without_end_are_drawn_as_one(plan: Plan) -> None:
    many = replace(plan, phases=(plan.phases[0], replace(plan.phases[1], calls=10**6)))
    names = [name for name, _, _ in bars(many, "requests")]
    assert len(names) == MOST_CALLS + 9
    assert names[-1] == f"decode {MOST_CALLS} to 999999"


def test_a_plan_without_a_schedule_has_no_trace() -> None:
    with pytest.raises(MapperError, match="no schedule to trace"):
        trace(tiny_inputs())


def test_the_trace_keeps_the_rules_of_perfetto(plan: Plan) -> None:
    assert faults(trace(plan, programs(plan))["traceEvents"]) == []


def test_perfetto_itself_loads_all_of_it(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_text(to_json(plan, programs(plan)))
    loads_whole(path)


def test_the_file_has_an_event_a_line(plan: Plan) -> None:
    text = to_json(plan, programs(plan))
    assert len(text.splitlines()) == len(json.loads(text)["traceEvents"]) + 2
    assert json.loads(text)["otherData"] == {"model": "tiny", "target": "tiny", "objective": "energy"}
