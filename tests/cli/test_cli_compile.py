"""`mapper compile` and `mapper opt`: what they write and print."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from cli_words import PHASES, PLACE, QUICK
from sweeps import sweep

import mapper as api
from mapper.pipeline.pipeline import Pipeline
from passes.pipelines import FINISH, PREPARE

TOP = {
    "schema", "model", "target", "objective", "status", "value", "bound", "bound_name", "gap", "latency_s",
    "interval_s", "throughput_per_s", "tokens_per_s", "energy_j", "average_power_w", "deploy_s", "deploy_j", "phases",
    "units", "links", "memories", "wear", "ops", "fallbacks", "seconds", "work", "versions", "bands", "decisions",
    "energy_by_cause_j", "energy_per_token_j", "ttft_s", "tpot_s",
}  # fmt: skip
INNER = {
    "phases": {"calls", "latency_s", "energy_j"},
    "units": {"kind", "busy_s", "utilisation", "energy_j", "weight_bytes"},
    "links": {"bytes", "busy_s"},
    "memories": {"capacity_bytes", "peak_bytes"},
    "bands": {"low", "high", "relative", "unvalidated"},
}
BERT = ["--dim", "batch=1", "--dim", "seq=16"]


def test_the_summary_has_exactly_the_documented_fields(compiled: Path) -> None:
    summary = json.loads((compiled / "summary.json").read_text())
    assert set(summary) == TOP
    for table, fields in INNER.items():
        assert summary[table], table
        assert all(set(row) == fields for row in summary[table].values()), table
    assert {"total", "by_unit_kind"} <= set(summary["ops"])
    assert all(set(row) == {"op", "wanted", "reason"} for row in summary["fallbacks"])
    assert set(summary["seconds"]) == {"import", "passes", "solve", "total"}
    assert set(summary["work"]) == {"deterministic_s", "by_solver_s"}
    assert summary["work"]["deterministic_s"] == pytest.approx(sum(summary["work"]["by_solver_s"].values()), abs=1e-6)


def test_the_trace_loads_and_has_events(compiled: Path) -> None:
    assert json.loads((compiled / "trace.json").read_text())["traceEvents"]


def test_nothing_but_the_three_files_is_written(compiled: Path) -> None:
    assert sorted(p.name for p in compiled.iterdir()) == ["plan.json", "report.html", "summary.json", "trace.json"]


BY_PLACER = pytest.mark.parametrize("place", [PLACE, pytest.param("place-cpsat", marks=pytest.mark.slow)])


@BY_PLACER
def test_the_same_input_gives_the_same_bytes(mapper, gpt2_tiny: Path, tmp_path: Path, place: str) -> None:
    words = [*QUICK, *PHASES, "--pipeline", f"{PREPARE},{place},{FINISH}", "--quiet"]
    for name in ("one", "two"):
        ran = mapper("compile", gpt2_tiny, *words, "--out", tmp_path / name)
        assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert (tmp_path / "one/plan.json").read_bytes() == (tmp_path / "two/plan.json").read_bytes()


@BY_PLACER
def test_stopping_and_going_on_is_one_go(mapper, gpt2_tiny: Path, tmp_path: Path, place: str) -> None:
    out, pipeline = tmp_path / "part", ["--pipeline", f"{PREPARE},{place},{FINISH}"]
    assert mapper("compile", gpt2_tiny, *QUICK, *PHASES, *pipeline, "--out", tmp_path / "whole").code == 0
    ran = mapper("compile", gpt2_tiny, *QUICK, *PHASES, *pipeline, "--out", out, "--stop-after", "options")
    assert ran.code == 0
    assert "stopped early" in ran.out
    assert [p.name for p in out.iterdir()] == ["plan.json"]
    assert mapper("explain", out).code == 1
    ran = mapper("opt", out, "--pipeline", f"{place},{FINISH}", "--effort", "quick", "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    whole, parts = (api.load_plan(folder / "plan.json") for folder in (tmp_path / "whole", out))
    for field in ("placement", "residency", "schedule", "memory", "inflight", "figures", "bounds", "search"):
        assert getattr(whole, field) == getattr(parts, field), field


def test_json_is_all_that_goes_to_stdout(mapper, bert_tiny: Path) -> None:
    words = ["--pipeline", "greedy", "--json", "--timing", "--print-after", "partition"]
    ran = mapper("compile", bert_tiny, "--target", "edge-npu", "--effort", "quick", *BERT, *words)
    assert ran.code == 0
    assert set(json.loads(ran.out)) == TOP
    assert "after partition" in ran.err


def test_the_default_folder_names_model_and_target(mapper, bert_tiny: Path) -> None:
    ran = mapper("compile", bert_tiny, "--target", "edge-npu", *BERT, "--pipeline", "greedy", "--timing")
    assert ran.code == 0
    assert Path("out/bert-tiny-edge-npu/plan.json").is_file()
    assert "bert-tiny on edge-npu" in ran.out
    assert "total" in ran.out
    assert "import" in ran.err
    assert mapper("check", "out/bert-tiny-edge-npu").code == 0


@pytest.mark.parametrize("objective", sweep(["edp", "latency", "energy"], 1))
def test_each_objective_has_its_screen(mapper, bert_tiny: Path, objective: str) -> None:
    words = ["--pipeline", "greedy", "--objective", objective]
    ran = mapper("compile", bert_tiny, *QUICK, *BERT, *words)
    assert ran.code == 0
    assert f"· {objective} ·" in ran.out


def test_the_python_api_takes_a_built_pipeline_and_tells_what_limits(bert_tiny: Path) -> None:
    from mapper.pipeline.named import pipeline_of

    steps = pipeline_of("greedy")
    assert isinstance(steps, Pipeline)
    done = api.compile(bert_tiny, "edge-npu", dims={"batch": 1, "seq": 16}, pipeline=steps)
    assert 1 <= len(done.limits) <= 3
    assert all(0 < share.part <= 1 and share.what for share in done.limits)
    assert set(done.units) == {"cpu", "dsa", "cim"}


def test_a_model_of_constants_has_nothing_to_place(mapper, tmp_path: Path) -> None:
    """Its outputs are weights that are there before any call."""
    values = onnx.numpy_helper.from_array(np.ones((2, 3), np.float32))
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [2, 3])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Constant", [], ["y"], value=values)], "g", [], [output])
    path = tmp_path / "constant.onnx"
    onnx.save(onnx.helper.make_model(graph), path)
    ran = mapper("compile", path, *QUICK, "--out", tmp_path / "out", "--json")
    assert (ran.code, json.loads(ran.out)["latency_s"]) == (0, 0)


def test_a_figure_that_is_set_is_part_of_the_plan_and_of_its_check(mapper, gpt2_tiny: Path, tmp_path: Path) -> None:
    place = ["--pipeline", f"{PREPARE},{PLACE},{FINISH}", "--effort", "quick", "--quiet"]
    words = ["--target", "a100-80", *PHASES, *place, "--set", "gpu0.launch_gap_s=2e-6", "--out", tmp_path]
    assert mapper("compile", gpt2_tiny, *words).code == 0
    units = json.loads((tmp_path / "summary.json").read_text())["units"]
    assert units["gpu0"]["kind"] == "gpu-a100-80+launch_gap_s=2e-06"
    assert mapper("check", tmp_path / "plan.json").code == 0
