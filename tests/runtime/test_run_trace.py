"""The trace of a run: what was measured beside what the plan says, from a record made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from folders import phase, tensor
from perfetto import Event, faults, loads_whole

from mapper.emit.manifest import BufferLine, InputLine, Manifest, Move, Port, Step, UnitLine
from mapper.runtime import predicted, trace
from mapper.runtime.flow import CallTime, Record, StepTime
from mapper.runtime.program import Program, program_of

MS = 1_000_000


def step(name: str, unit: str, reads: str, makes: str, start_s: float, end_s: float) -> Step:
    return Step(
        name=name,
        piece="p.onnx",
        unit=unit,
        inputs=(Port(name=reads, value=reads),),
        outputs=(Port(name=makes, value=makes),),
        tasks=(name,),
        start_s=start_s,
        end_s=end_s,
    )


@pytest.fixture
def program() -> Program:
    """Two calls of a phase in which `first` on a hands h to `then` on b."""
    steps = [step("first", "a", "x", "h", 0.0, 0.001), step("then", "b", "h", "y", 0.0015, 0.003)]
    move = Move(
        name="move h", value="h", kind="move", source="a.mem", sink="b.mem", links=("ab:a>b",), bytes=16,
        start_s=0.001, end_s=0.0015,
    )  # fmt: skip
    buffer = BufferLine(value="h", maker="first", memory="a.mem", offset=0, size=16, start_s=0.0, end_s=0.0015)
    line = phase(
        [tensor("x", 4), tensor("h", 4), tensor("y", 4)], steps, ["y"], name="run", calls=2, latency_s=0.003,
        inputs=(InputLine(value="x"),), moves=(move,), buffers=(buffer,),
    )  # fmt: skip
    units = tuple(UnitLine(name=n, kind="k", family="cpu") for n in "ab")
    return program_of(
        Manifest(model="m.onnx", sha256="", target="t", tool="test", units=units, phases=(line,), inflight=2)
    )


def recorded(requests: int, start: int = 5000 * MS) -> Record:
    """Requests a millisecond apart, each call 4 ms, its steps 1 ms each."""
    record = Record()
    for number in range(requests):
        at = start + number * MS
        for call in range(2):
            begin = at + 4 * call * MS
            record.calls.append(CallTime(number, 0, call, begin, begin + 4 * MS))
            for k in range(2):
                record.steps.append(StepTime(number, 0, call, k, k, begin + (1 + 2 * k) * MS, begin + (2 + 2 * k) * MS))
                record.live.append((begin + (1 + 2 * k) * MS, 64 * (k + 1)))
        record.requests[number] = (at, at + 8 * MS)
    return record


def bars(events: list[Event], process: str, track: str) -> list[tuple[str, float, float]]:
    pid = next(e["pid"] for e in events if e["name"] == "process_name" and e["args"]["name"] == process)
    tid = next(
        e["tid"] for e in events if e["pid"] == pid and e["name"] == "thread_name" and e["args"]["name"] == track
    )
    return [(e["name"], e["ts"], e["dur"]) for e in events if e["ph"] == "X" and (e["pid"], e["tid"]) == (pid, tid)]


def test_a_request_holds_phases_calls_and_steps_as_measured(program: Program) -> None:
    found = bars(list(trace.events(program, recorded(1))), "measured", "requests")
    assert found[:5] == [
        ("request 0", 0.0, 8000.0),
        ("run", 0.0, 8000.0),
        ("run 0", 0.0, 4000.0),
        ("first", 1000.0, 1000.0),
        ("then", 3000.0, 1000.0),
    ]


def test_the_plan_of_a_request_stands_beside_it_from_the_same_moment_on(program: Program) -> None:
    found = bars(list(trace.events(program, recorded(1))), "predicted", "requests")
    assert found[:5] == [
        ("request 0", 0.0, 6000.0),
        ("run", 0.0, 6000.0),
        ("run 0", 0.0, 3000.0),
        ("first", 0.0, 1000.0),
        ("then", 1500.0, 1500.0),
    ]


def test_units_have_tracks_of_the_same_name_in_both(program: Program) -> None:
    events = list(trace.events(program, recorded(1)))
    assert [name for name, _, _ in bars(events, "predicted", "unit a")] == ["first", "first"]
    assert [name for name, _, _ in bars(events, "measured", "unit a")] == ["first", "first"]


def test_moves_of_the_plan_are_on_links_and_those_of_the_run_between_units(program: Program) -> None:
    events = list(trace.events(program, recorded(1)))
    assert bars(events, "predicted", "link ab:a>b")[0] == ("move h", 1000.0, 500.0)
    assert bars(events, "measured", "handed a > b")[0] == ("first to then", 2000.0, 1000.0)
    handed = next(e for e in events if e["name"] == "first to then")
    assert handed["args"] == {"bytes": 16, "values": "h", "request": 0}


def test_counters_tell_live_bytes_of_plan_and_run(program: Program) -> None:
    counters = [(e["name"], e["ts"], e["args"]["bytes"]) for e in trace.events(program, recorded(1)) if e["ph"] == "C"]
    assert counters[:2] == [("live bytes in a.mem", 0.0, 16), ("live bytes in a.mem", 1500.0, 0)]
    assert ("live bytes in shared memory", 1000.0, 64) in counters


def test_arrows_lead_from_step_to_step_in_both(program: Program) -> None:
    events = list(trace.events(program, recorded(1)))
    assert [(e["pid"], e["ts"]) for e in events if e["ph"] == "s"] == [
        (1, 999.999), (1, 3999.999), (2, 1999.999), (2, 5999.999)
    ]  # fmt: skip


def test_requests_at_once_get_rows_of_their_own(program: Program) -> None:
    events = list(trace.events(program, recorded(3)))
    assert bars(events, "measured", "requests #3")[0] == ("request 2", 2000.0, 8000.0)


def test_of_long_runs_later_requests_have_one_bar_each(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "MOST_STEPS", 9)
    events = list(trace.events(program, recorded(4)))
    assert len(bars(events, "measured", "requests #2")) == 1 + 1 + 2 + 4
    assert len(bars(events, "measured", "requests #3")) == 1


def test_calls_of_a_long_plan_say_what_is_not_drawn_of_them(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicted, "MOST_BARS", 1)
    group, _ = predicted.predicted(program)
    (run,) = group.tracks["requests"][0].inside
    assert [call.args for call in run.inside] == [{}, {"steps_left_out": 2, "moves_left_out": 1}]


def test_perfetto_takes_all_of_it(program: Program, tmp_path: Path) -> None:
    assert faults(trace.events(program, recorded(3))) == []
    trace.write(program, recorded(3), tmp_path / "trace.json")
    loads_whole(tmp_path / "trace.json")
