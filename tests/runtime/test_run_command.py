from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from folders import Folder, Node, growing, model, phase, tensor, two_units, whole_two_units
from perfetto import faults

import mapper
from mapper.cli.main import main
from mapper.emit.emit import emit
from mapper.emit.manifest import NAME, InputLine, SpeedLine, load, sealed, to_json
from mapper.runtime import speed
from samples.models.build import MODELS

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def mapper_run(capsys: pytest.CaptureFixture[str]) -> Run:
    """`mapper run` in this process: exit code, output, errors."""

    def call(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["run", *map(str, words)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return two_units(tmp_path / "pieces")


def test_the_screen_says_first_whether_it_computes_the_same(mapper_run: Run, folder: Path, tmp_path: Path) -> None:
    whole = whole_two_units(tmp_path / "m.onnx")
    code, out, _ = mapper_run(folder, "--requests", 6, "--compare", whole)
    assert code == 0
    lines = out.splitlines()
    assert lines[1] == (
        "  m.onnx on hand-made · 6 requests of 1 call, random inputs, seed 0 · "
        "same bits as the whole model (4 calls compared)"
    )
    assert lines[4].split() == ["y", "0", "0.0e+00", "same", "bits", "same", "bits"]
    assert "requests/s" in out
    assert "2, one process each" in out
    assert "CPUExecutionProvider" in out


def test_a_difference_ends_with_exit_code_1_and_its_size(mapper_run: Run, folder: Path, tmp_path: Path) -> None:
    whole = whole_two_units(tmp_path / "m.onnx")
    model = onnx.load(str(whole))
    model.graph.node[1].op_type = "Add"
    whole.write_bytes(model.SerializeToString())
    code, out, _ = mapper_run(folder, "--workers", "none", "--compare", whole)
    assert code == 1
    assert "DIFFERS from the whole model in 1 of 1 outputs" in out
    assert "BEYOND" in out
    assert mapper_run(folder, "--workers", "none", "--compare", whole, "--tolerance", 1e6)[0] == 0


def test_json_says_the_same(mapper_run: Run, folder: Path, tmp_path: Path) -> None:
    whole = whole_two_units(tmp_path / "m.onnx")
    code, out, _ = mapper_run(folder, "--workers", "none", "--compare", whole, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["passed"]
    assert found["outputs"][0] == {
        "name": "y", "values": 1, "exact": True, "largest": 0.0, "relative": 0.0, "bound": 0.0, "passed": True
    }  # fmt: skip
    assert [u["unit"] for u in found["units"]] == ["a", "b"]


def test_results_of_given_inputs_are_written(mapper_run: Run, folder: Path, tmp_path: Path) -> None:
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.savez(tmp_path / "in.npz", x=x)
    code, _, _ = mapper_run(
        folder, "--workers", "none", "--inputs", tmp_path / "in.npz", "--outputs", tmp_path / "o.npz"
    )
    assert code == 0
    with np.load(tmp_path / "o.npz") as found:
        assert found.files == ["run.0/y"]
        assert np.array_equal(found["run.0/y"], 4 * x * x)


def test_times_at_the_speed_of_now_stand_in_a_column_of_their_own(
    mapper_run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed, "_processor", lambda: "Fast CPU 9")
    half = SpeedLine(speed=0.5, latencies_s=(0.2,), interval_s=0.2)
    found = load(folder)
    phases = (found.phases[0].model_copy(update={"latency_s": 0.1}),)
    known = {"about": "Fast CPU 9, measured.", "probe_s": 5e-4, "speeds": (half,), "phases": phases}
    (folder / NAME).write_text(to_json(sealed(found.model_copy(update=known))))
    code, out, err = mapper_run(folder, "--workers", "none", "--inflight", 1)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    head, row = next((a, b) for a, b in pairwise(lines) if "of its speed" in a)
    first, second = head.index("predicted"), head.index("at ")
    assert row[first - 1] == row[second - 1] == " "
    assert row[first:].startswith("100 ms (")
    assert row[second].isdigit()
    assert "by a probe around the requests" in out


def test_a_signal_while_results_are_written_is_told_and_leaves_no_part(
    mapper_run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mapper.emit.files.os.fsync", lambda _: os.kill(os.getpid(), signal.SIGTERM))
    code, _, err = mapper_run(folder, "--workers", "none", "--outputs", tmp_path / "out" / "o.npz")
    assert (code, err) == (143, "ended by SIGTERM: the run was done, not all of its files are written\n")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_trace_has_the_plan_and_the_run_on_tracks_of_the_same_names(mapper_run: Run, tmp_path: Path) -> None:
    folder, path = growing(tmp_path / "pieces"), tmp_path / "t.json"
    mapper_run(folder, "--workers", "none", "--requests", 2, "--trace", path)
    events: list[dict[str, Any]] = json.loads(path.read_text())["traceEvents"]
    assert faults(events) == []
    tracks = [(e["pid"], e["args"]["name"]) for e in events if e["name"] == "thread_name"]
    assert [name for pid, name in tracks if pid == 2 and name.startswith("unit")] == ["unit a", "unit b"]
    assert (1, "requests") in tracks
    assert [e["args"]["name"] for e in events if e["name"] == "process_name"] == ["predicted", "measured"]
    assert len([e for e in events if e["ph"] == "s"]) == 6


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--requests", "0"], "--requests 0: write a whole number of 1 or more"),
        (["--calls", "x"], "--calls x: write a whole number of 1 or more"),
        (["--random", "--inputs", "a.npz"], "--inputs and --random: give one of them"),
        (["--compare"], "has no whole model"),
        (["--tolerance", "nan"], "--tolerance nan: write a number of 0 or more"),
        (["--tolerance", "inf"], "--tolerance inf: write a number of 0 or more"),
        (["--seed", "-1"], "--seed -1: write a whole number of 0 or more"),
        (["--pin", "--workers", "none"], "--pin and --workers none"),
        (["--pin", "--threads", "999"], "--pin: 2 workers of 999 threads, but"),
    ],
)
def test_words_that_contradict_are_refused_before_anything_runs(
    words: list[str], message: str, mapper_run: Run, folder: Path
) -> None:
    code, _, err = mapper_run(folder, *words)
    assert code == 2
    assert message in err


def test_a_folder_that_was_tampered_with_is_refused(mapper_run: Run, folder: Path) -> None:
    path = folder / NAME
    path.write_text(path.read_text().replace("hand-made", "other"))
    code, _, err = mapper_run(folder)
    assert code == 1
    assert "was changed after it was written" in err


def test_a_whole_model_that_is_not_there_is_told(mapper_run: Run, folder: Path, tmp_path: Path) -> None:
    code, _, err = mapper_run(folder, "--workers", "none", "--compare", tmp_path / "no.onnx")
    assert code == 1
    assert "no.onnx: no such file" in err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("x", "q", "float"), "has no input 'x', which phase run has"),
        (("y", "q", "float"), "has no result 'y', which phase run has"),
        (("x", "x", "float16"), "input 'x' is of type float16; phase run has float"),
    ],
)
def test_another_model_than_that_of_the_plan_is_refused(
    change: tuple[str, str, str], message: str, mapper_run: Run, folder: Path, tmp_path: Path
) -> None:
    old, new, dtype = change
    x, y = (tensor(new if n == old else n, 2, 3, dtype=dtype) for n in "xy")
    whole = tmp_path / "m.onnx"
    whole.write_bytes(model([x], [y], [("Add", [x.name, x.name], [y.name], {})]).SerializeToString())
    code, _, err = mapper_run(folder, "--workers", "none", "--compare", whole)
    assert code == 1
    assert message in err


def test_an_input_that_no_piece_reads_gets_zeros_and_a_note(mapper_run: Run, folder: Path, tmp_path: Path) -> None:
    whole = tmp_path / "m.onnx"
    nodes: list[Node] = [("Add", ["x", "x"], ["s"], {}), ("Mul", ["s", "s"], ["y"], {})]
    unread = tensor("unread", 2, "batch")
    whole.write_bytes(model([tensor("x", 2, 3), unread], [tensor("y", 2, 3)], nodes).SerializeToString())
    code, out, _ = mapper_run(folder, "--workers", "none", "--compare", whole)
    assert code == 0
    assert "input 'unread' of the whole model got zeros (2x1): no piece reads it" in out


def test_without_a_comparison_nothing_passed(mapper_run: Run, folder: Path, tmp_path: Path) -> None:
    _, out, _ = mapper_run(folder, "--workers", "none", "--json", "--outputs", tmp_path / "o.npz")
    assert (json.loads(out)["passed"], json.loads(out)["compared_calls"]) == (None, 0)


def test_a_scalar_of_a_file_is_compared_as_one(mapper_run: Run, tmp_path: Path) -> None:
    pieces, values = Folder(tmp_path / "pieces"), [tensor("x"), tensor("y")]
    nodes: list[Node] = [("Neg", ["x"], ["y"], {})]
    pieces.manifest([phase(values, [pieces.step("a", values, nodes)], ["y"], inputs=(InputLine(value="x"),))])
    whole = tmp_path / "m.onnx"
    whole.write_bytes(model(values[:1], values[1:], nodes).SerializeToString())
    np.savez(tmp_path / "in.npz", x=np.float32(3))
    words = ("--workers", "none", "--inputs", tmp_path / "in.npz", "--compare", whole)
    assert mapper_run(tmp_path / "pieces", *words)[0] == 0


def test_results_that_were_too_large_to_keep_are_no_success(
    mapper_run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mapper.runtime.compare.KEPT_BYTES", 1)
    whole = whole_two_units(tmp_path / "m.onnx")
    code, out, _ = mapper_run(folder, "--workers", "none", "--compare", whole)
    assert code == 1
    assert "NOTHING was compared with the whole model" in out


def test_without_onnxruntime_it_says_what_to_install(
    mapper_run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, _, err = mapper_run(folder)
    assert code == 1
    assert "pip install hetmap[run]" in err


@pytest.mark.slow
def test_a_decoder_with_its_cache_computes_the_same_bits_over_prefill_and_decode(
    mapper_run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "llama-tiny.onnx"
    path.write_bytes(MODELS["llama-tiny"](None, 0).SerializeToString())
    phases = ("prefill: batch=1 seq=8 past=0", "decode: batch=1 seq=1 past=8..10")
    done = mapper.compile(path, "edge-npu", phases, pipeline="round-robin", effort="quick")
    emit(done.plan, [path], tmp_path / "pieces")
    code, out, _ = mapper_run(tmp_path / "pieces", "--requests", 2, "--compare", path, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["compared_calls"] == 8
    assert len(found["outputs"]) == 5
    assert all(e["exact"] for e in found["outputs"])
