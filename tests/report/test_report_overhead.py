"""Links whose transfers take the units at their ends, from the target's file to the summary and the trace."""

from __future__ import annotations

import json

import pytest

import mapper
from samples.models.build import MODELS

TARGET = """schema: 1
name: two
units:
  a: {use: units/cpu-neoverse-8c}
  b: {use: units/cpu-neoverse-8c}
memories:
  at_a: {use: memories/ddr5-4800, serves: [a]}
  at_b: {use: memories/ddr5-4800, serves: [b]}
links:
  handing: {bandwidth_bytes_per_s: 1e12, latency_s: 1e-4, overhead_s: 2e-4, energy_pj_per_bit: 0, between: [a, b]}
io: at_a
source: assumed
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> mapper.Compiled:
    folder = tmp_path_factory.mktemp("overhead")
    (folder / "two.yaml").write_text(TARGET)
    (folder / "m.onnx").write_bytes(MODELS["bert-tiny"](None, None).SerializeToString())
    return mapper.compile(folder / "m.onnx", folder / "two.yaml", ["run: batch=1 seq=16"], pipeline="round-robin")


def test_bytes_of_moves_are_the_links_and_their_time_is_the_units_too(done: mapper.Compiled) -> None:
    moves = [a for program in done.verdict.programs for a in program.activities if a.kind == "move"]
    assert moves
    assert {a.hold for a in moves} == {200_000_000}
    summary = done.summary
    assert list(summary["links"]) == ["handing"]
    assert summary["links"]["handing"]["bytes"] == sum(a.bytes for a in moves)
    assert summary["links"]["handing"]["busy_s"] == pytest.approx(2e-4 * len(moves))
    for unit in summary["units"].values():
        assert unit["busy_s"] > 2e-4 * len(moves)
        assert 0 < unit["utilisation"] <= 1


def test_a_trace_has_moves_on_links_alone(done: mapper.Compiled) -> None:
    events = json.loads(done.files()["trace.json"])["traceEvents"]
    names = {e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert {"link handing:a>b", "link handing:b>a", "unit a", "unit b"} <= names
