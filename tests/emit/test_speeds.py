from __future__ import annotations

from pathlib import Path

import pytest
from emit_builders import model_file

import mapper
from mapper.cost.activity import Activity
from mapper.cost.program import Program, Spelling
from mapper.emit.speeds import SPEEDS, _ticks, at_speed, at_speeds, probe_seconds
from mapper.ir.plan import Slot

TARGET = """schema: 1
name: two
units:
  a: {use: units/cpu-neoverse-8c, PROBE}
  b: {use: units/cpu-neoverse-8c, PROBE}
memories: {ram: {use: memories/ddr5-4800, serves: [a, b]}}
source: assumed
"""


def target(folder: Path, probe: str = "probe_s: 0.5e-3") -> Path:
    path = folder / "two.yaml"
    path.write_text(TARGET.replace("PROBE", probe))
    return path


def test_a_slower_machine_takes_longer_but_its_memory_does_not(tmp_path: Path) -> None:
    plan = mapper.compile(
        model_file("bert-tiny", tmp_path), target(tmp_path), ["run: batch=1 seq=64"], pipeline="round-robin"
    ).plan
    lines = at_speeds(plan, Spelling(plan).programs())
    now = dict(plan.figures or ())["latency_ticks"] / 1e12
    found = {line.speed: line.latencies_s[0] for line in lines}
    assert tuple(found) == SPEEDS
    assert found[0.5] > found[0.7] > found[0.85] > now > found[1.2]
    assert found[0.5] <= 2 * now
    slow = mapper.compile(
        model_file("bert-tiny", tmp_path), at_speed(plan.target, 0.5), ["run: batch=1 seq=64"], pipeline="round-robin"
    ).plan
    assert found[0.5] == pytest.approx(dict(slow.figures or ())["latency_ticks"] / 1e12, rel=0.05)


def test_a_target_that_was_not_probed_has_one_speed(tmp_path: Path) -> None:
    path = model_file("bert-tiny", tmp_path)
    plan = mapper.compile(path, target(tmp_path, "probe_s: 0.0"), ["run: batch=1 seq=8"], pipeline="one-unit").plan
    assert probe_seconds(plan.target) == 0
    assert at_speeds(plan, Spelling(plan).programs()) == ()


def test_what_has_no_slot_in_the_plan_comes_after_what_it_needs() -> None:
    def activity(name: str, *after: int) -> Activity:
        return Activity(name, "task", "a", 10, 10, (("a", 1),), (), (), (), after, (), ())

    program = Program("run", (activity("x"), activity("other way", 0), activity("y", 1)), (), (), {})
    slots = {"x": Slot("x", "a", 0, 10), "y": Slot("y", "a", 10, 20)}
    assert _ticks(program, slots) == 30
