"""The command that a plan gives of itself makes the same plan."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from cli_words import GREEDY, PHASES, QUICK
from pairs import encoder_decoder
from real_plans import finished

from mapper.ir.serial import load
from mapper.report.reproduce import command
from samples.models.build import MODELS

BATCHED = ["--phase", "prefill: seq=16 past=0", "--phase", "decode: seq=1 past=16..19 calls=3", "--batch", "2"]
CHIP = ["--target", "superhet", "--effort", "quick"]
LIMITED = ["--objective", "latency subject to power<=74.123456789 inflight<=2"]


def _again(mapper, words: Sequence[object], tmp_path: Path) -> str:
    """Compile, take the command of the plan, compile by it; the command, once both plans are the same bytes."""
    ran = mapper("compile", *words, "--out", "first", "--quiet")
    assert ran.code == 0, ran.err
    line = command(load(tmp_path / "first" / "plan.json"))
    program, *rest = shlex.split(line)
    assert program == "mapper"
    ran = mapper(*rest, "--out", "second", "--quiet")
    assert ran.code == 0, f"{line}\n{ran.err}"
    assert (tmp_path / "first" / "plan.json").read_bytes() == (tmp_path / "second" / "plan.json").read_bytes()
    return line


@pytest.fixture
def beside(gpt2_tiny: Path, tmp_path: Path) -> Path:
    """The model in the folder of the test, where the command looks for it."""
    return Path(shutil.copy(gpt2_tiny, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        [*QUICK, *PHASES],
        [*QUICK, *BATCHED],
        [*CHIP, *PHASES, *LIMITED],
        [*CHIP, *PHASES, "--set", "gpu0.launch_gap_s=8e-6", "--set", "hbm.bandwidth*=2"],
        [*QUICK, *PHASES, "--precision", "fp16", "--seed", "7"],
    ],
)
def test_the_command_of_a_plan_makes_it_again(mapper, beside: Path, tmp_path: Path, words: list[str]) -> None:
    line = _again(mapper, [beside.name, *words, *GREEDY], tmp_path)
    assert line.startswith("mapper compile gpt2-tiny.onnx --target ")


@pytest.mark.slow
def test_models_side_by_side_are_made_again(mapper, beside: Path, tmp_path: Path) -> None:
    other = tmp_path / "bert-tiny.onnx"
    other.write_bytes(MODELS["bert-tiny"](None, None).SerializeToString())
    dims = ["--dim", "batch=1", "--dim", "seq=16", "--dim", "past=4"]
    _again(mapper, [other.name, beside.name, *QUICK, *GREEDY, *dims], tmp_path)
    _again(mapper, [other.name, beside.name, *QUICK, *GREEDY, *dims, "--mix", "gpt2-tiny=3,bert-tiny=2"], tmp_path)


@pytest.mark.slow
def test_files_that_phases_name_are_named_again(mapper, tmp_path: Path) -> None:
    files = [path.name for path in encoder_decoder(tmp_path)]
    phases = ["--phase", "one@encoder.onnx:", "--phase", "two@decoder: seq=1 calls=9"]
    line = _again(mapper, [*files, *QUICK, *GREEDY, *phases], tmp_path)
    assert "two@decoder: seq=1 calls=9" in line


def test_what_happens_anyway_is_not_said() -> None:
    line = command(finished())
    assert "--objective" not in line
    assert "--seed" not in line
    assert "'decode: batch=1 seq=1 past=16..23'" in line
