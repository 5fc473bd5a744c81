"""The numbered samples run as they stand, on a model small enough to be quick."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

import mapper
from mapper.cli.main import main
from mapper.emit.emit import emit
from mapper.runtime.inputs import made_up
from mapper.runtime.run import opened
from samples.models.build import MODELS

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def run(name: str, *options: str) -> str:
    command = [sys.executable, str(SAMPLES / name), "--model", "gpt2-tiny", *options]
    done = subprocess.run(command, cwd=SAMPLES, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("0*.py")), ids=lambda p: p.name)
def test_a_sample_is_at_most_sixty_lines_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.slow
def test_sample_01_says_how_fast_where_and_what_limits(tmp_path: Path) -> None:
    text = run("01_compile.py", "--effort", "quick", "--out", str(tmp_path / "out"))
    assert re.search(r"requests/s, at most .* are possible", text)
    assert "where things went" in text
    assert "what limits it" in text
    assert {"plan.json", "summary.json", "trace.json"} <= {p.name for p in (tmp_path / "out").iterdir()}


@pytest.mark.slow
def test_sample_02_compares_a_rule_of_its_own_with_the_solver() -> None:
    rule, solver = (line.split() for line in run("02_write_a_pass.py").splitlines()[-2:])
    assert rule[0] == "place-by-kind"
    assert float(solver[-2]) >= float(rule[-2])


def test_the_pass_of_sample_02_is_under_thirty_lines() -> None:
    text = (SAMPLES / "02_write_a_pass.py").read_text(encoding="utf-8")
    whole = re.search(r"@dataclass.*?return finish[^\n]*", text, re.DOTALL)
    assert whole
    assert whole[0].count("\n") + 1 < 30


@pytest.mark.slow
def test_sample_03_maps_an_operator_that_is_opaque_without_its_kind() -> None:
    assert run("03_add_a_kind.py").startswith("flash-fft-conv on ")
    without = run("03_add_a_kind.py", "--without")
    assert without.startswith("opaque on cpu")
    assert "1 x my.domain::FlashFFTConv" in without


def test_the_kind_of_sample_03_is_under_twenty_lines() -> None:
    text = (SAMPLES / "03_add_a_kind.py").read_text(encoding="utf-8")
    whole = re.search(r"def sizes.*?\n\)\n", text, re.DOTALL)
    assert whole
    assert whole[0].count("\n") < 20


@pytest.mark.slow
@pytest.mark.parametrize("phases", [slice(0, 2), slice(1, 2)], ids=["prefill and decode", "decode"])
def test_sample_04_follows_a_manifest_to_the_same_bits_without_mapper(tmp_path: Path, phases: slice) -> None:
    model, pieces = tmp_path / "model.onnx", tmp_path / "pieces"
    model.write_bytes(MODELS["llama-tiny"](None, 0).SerializeToString())
    texts = ("prefill: batch=1 seq=8 past=0", "decode: batch=1 seq=1 past=8..10")[phases]
    emit(mapper.compile(model, "edge-npu", texts, pipeline="round-robin", effort="quick").plan, [model], pieces)
    program = opened(pieces).program
    brought = made_up(program, 1, 0).arrays
    names = {at: f"{program.parts[k].line.name}.{call}" for at, (k, call) in enumerate(program.calls)}
    np.savez(tmp_path / "in.npz", **{f"{names[at]}/{name}": array for (_, at, name), array in brought.items()})
    files = ["--inputs", str(tmp_path / "in.npz"), "--outputs"]
    assert main(["run", str(pieces), "--workers", "none", *files, str(tmp_path / "a.npz")]) == 0
    sample = [sys.executable, "-P", str(SAMPLES / "04_follow_a_manifest.py"), str(pieces), *files]
    done = subprocess.run([*sample, str(tmp_path / "b.npz")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "decode: 3 calls of" in done.stdout
    with np.load(tmp_path / "a.npz") as ours, np.load(tmp_path / "b.npz") as theirs:
        assert set(theirs.files) == set(ours.files)
        assert all(theirs[name].tobytes() == ours[name].tobytes() for name in ours.files)


@pytest.mark.slow
def test_sample_04_brings_the_number_that_a_plan_was_made_for(tmp_path: Path) -> None:
    model, pieces = tmp_path / "model.onnx", tmp_path / "pieces"
    text = """<ir_version: 8, opset_import: ["": 17]>
        ramp (int64 steps, int64[1] more) => (int64[n] y) <int64 zero = {0}, int64 one = {1}>
        { numbers = Range (zero, steps, one)
          y = Add (numbers, more) }"""
    model.write_bytes(onnx.parser.parse_model(text).SerializeToString())
    emit(mapper.compile(model, "edge-npu", ["run: steps=5"], effort="quick").plan, [model], pieces)
    sample = [sys.executable, "-P", str(SAMPLES / "04_follow_a_manifest.py"), str(pieces), "--outputs"]
    done = subprocess.run([*sample, str(tmp_path / "out.npz")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "out.npz") as found:
        assert found["run.0/y"].tolist() == [1, 2, 3, 4, 5]


def test_sample_04_imports_nothing_of_mapper() -> None:
    assert "import mapper" not in (SAMPLES / "04_follow_a_manifest.py").read_text(encoding="utf-8")


@pytest.mark.slow
def test_sample_05_says_what_changes_of_a_chip_bring_and_why_the_best_one_helps() -> None:
    changes = ("--change", "dsa*.clock*=2", "--change", "hbm.bandwidth*=2")
    lines = run("05_ask_what_if.py", *changes).splitlines()
    gains = {line.split()[0]: float(line.split()[1].rstrip("%,")) for line in lines if "on that chip" in line}
    best = max(gains, key=lambda name: gains[name])
    assert len(gains) == 2
    assert gains[best] > 0
    assert lines[-1].startswith(f"{best}: ")
