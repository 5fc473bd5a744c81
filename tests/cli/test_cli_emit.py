"""`mapper emit`: what was written, and what goes elsewhere than planned, on one screen and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from cli_words import GREEDY, QUICK

from samples.models.build import MODELS


@pytest.fixture(scope="session")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with its weights in a file beside it, which tests emit next to."""
    path = tmp_path_factory.mktemp("beside") / "m.onnx"
    onnx.save(MODELS["bert-tiny"](None, 0), str(path), save_as_external_data=True, location="w.bin")
    return path


def test_pieces_without_numbers_are_told_and_the_next_command_makes_some_up(mapper, compiled: Path, gpt2_tiny: Path):
    ran = mapper("emit", compiled, gpt2_tiny, "--out", "pieces")
    assert ran.code == 0
    assert "no numbers" in ran.out
    assert "--random-weights" in ran.out.splitlines()[-1]
    found = json.loads(mapper("emit", compiled, gpt2_tiny, "--out", "pieces", "--random-weights", "--json").out)
    assert found["bytes"] == sum(
        p.stat().st_size for p in Path("pieces").rglob("*") if p.is_file() and p.name != "manifest.json"
    )


def test_data_that_is_referred_to_does_not_count_as_written(mapper, beside: Path):
    assert mapper("compile", beside, *QUICK, *GREEDY, "--phase", "run: batch=1 seq=8", "--out", "plan").code == 0
    found = json.loads(mapper("emit", "plan", beside, "--out", beside.parent, "--weights", "reference", "--json").out)
    assert found["bytes"] == sum(p.stat().st_size for p in beside.parent.glob("0*.onnx"))
    assert found["referred"] == [str(beside.parent / "w.bin")]
    assert found["weight_bytes"] == 0


def test_nodes_of_units_that_onnxruntime_has_no_provider_for_are_told(mapper, compiled: Path, gpt2_tiny: Path):
    ran = mapper("emit", compiled, gpt2_tiny, "--format", "ort-ep", "--out", "ort.json")
    rows = json.loads(Path("ort.json").read_text())
    others = sorted({row["unit"] for row in rows["nodes"]} - {"cpu"})
    assert others == rows["without_provider"] != []
    assert f"none for {', '.join(others)}: nodes of these go to CPUExecutionProvider" in ran.out


@pytest.mark.parametrize("words", [["--weights", "reference"], ["--random-weights"]])
def test_what_an_assignment_has_no_use_for_is_refused(mapper, compiled: Path, gpt2_tiny: Path, words: list[str]):
    ran = mapper("emit", compiled, gpt2_tiny, "--format", "ort-ep", *words)
    assert ran.code != 0
    assert f"error: {words[0]} " in ran.err
