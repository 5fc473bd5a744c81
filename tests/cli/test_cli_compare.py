"""`mapper compare`: one question to many targets, a folder for each answer."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_words import GREEDY, PHASES

from mapper.cli.main import main

Mapper = Callable[..., Any]
MAPPER = [sys.executable, "-c", "import sys; from mapper.cli import main; sys.exit(main())"]
ASKED = ["--effort", "quick", *GREEDY, "--dim", "batch=1", "--dim", "seq=4"]
"""One phase of a few tokens of bert-tiny, placed in no time."""


@pytest.fixture(scope="session")
def compared(bert_tiny: Path) -> list[str]:
    """A comparison of two targets in this process, in the folder that its last word names; tests only read it."""
    words = ["compare", str(bert_tiny), "--targets", "edge-npu,l4", *ASKED, "--jobs", "1"]
    words += ["--out", str(bert_tiny.parent / "compared")]
    assert main([*words, "--quiet"]) == 0
    return words


@pytest.fixture
def two(mapper: Mapper, compared: list[str]) -> list[str]:
    """The same in the folder `out`, to be changed."""
    shutil.copytree(compared[-1], "out")
    return [*compared[:-1], "out"]


@pytest.mark.slow
def test_each_plan_is_the_one_that_compile_makes(mapper: Mapper, bert_tiny: Path, two: list[str]) -> None:
    assert mapper("compile", bert_tiny, "--target", "l4", *ASKED, "--out", "one", "--quiet").code == 0
    assert Path("out/l4/plan.json").read_bytes() == Path("one/plan.json").read_bytes()


def test_what_is_known_is_not_asked_again_and_the_comparison_is_the_same(mapper: Mapper, two: list[str]) -> None:
    before = Path("out/compare.json").read_bytes()
    again = mapper(*two)
    assert "2 of 2 known from before" in again.out
    assert Path("out/compare.json").read_bytes() == before


def test_an_answer_whose_plan_was_changed_is_made_again(mapper: Mapper, two: list[str]) -> None:
    plan = Path("out/l4/plan.json")
    good = plan.read_bytes()
    plan.write_bytes(good + b" ")
    assert "1 of 2 known from before" in mapper(*two).out
    assert plan.read_bytes() == good


@pytest.mark.slow
def test_another_question_is_asked_anew(mapper: Mapper, two: list[str]) -> None:
    assert "known from before" not in mapper(*two, "--objective", "latency").out


def test_json_is_all_there_is_on_standard_output(mapper: Mapper, two: list[str]) -> None:
    ran = mapper(*two, "--json", "--sort", "energy", "--baseline", "l4")
    data = json.loads(ran.out)
    assert ran.err == ""
    assert data == json.loads(Path("out/compare.json").read_text())
    assert [t["target"] for t in data["targets"]] == ["edge-npu", "l4"]
    assert data["targets"][1]["ratios"]["energy_j"] == 1.0


def test_a_target_that_cannot_run_the_model_is_a_row_with_its_reason(mapper: Mapper, two: list[str]) -> None:
    ran = mapper(*two, "--targets", "isaac-ce")
    assert ran.code == 0
    assert "no unit of isaac-ce can run" in ran.out


def test_a_target_without_a_plan_keeps_no_plan_of_another_question(mapper: Mapper, two: list[str]) -> None:
    assert mapper(*two, "--objective", "energy subject to power<=0.0001").code == 3
    assert [p.name for p in Path("out/l4").iterdir()] == ["answer.json"]


def test_a_model_that_no_target_can_run_ends_with_code_3(mapper: Mapper, bert_tiny: Path) -> None:
    ran = mapper("compare", bert_tiny, "--targets", "isaac-ce,cicc21-aimc", *ASKED, "--jobs", 1, "--quiet")
    assert ran.code == 3
    assert "fits none of 2 targets" in ran.err


def test_an_unknown_target_is_told_before_the_model_is_read(mapper: Mapper) -> None:
    ran = mapper("compare", "no-such-model.onnx", "--targets", "edge-npu,edge-nup", *GREEDY)
    assert (ran.code, ran.out) == (1, "")
    assert "did you mean 'edge-npu'" in ran.err


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_searched(mapper: Mapper, bert_tiny: Path) -> None:
    Path("file").touch()
    ran = mapper("compare", bert_tiny, "--targets", "l4", *ASKED, "--out", "file/below", "--jobs", 1)
    assert (ran.code, ran.out) == (1, "")
    assert "cannot write file/below/compare.json" in ran.err
    assert "l4" not in ran.err


def test_a_baseline_that_is_not_asked_is_refused(mapper: Mapper) -> None:
    ran = mapper("compare", "no-such-model.onnx", "--targets", "edge-npu", "--baseline", "l4", *GREEDY)
    assert ran.code == 2
    assert "--baseline l4" in ran.err


@pytest.mark.slow
def test_the_batch_can_be_decided_for_each_target(mapper: Mapper, gpt2_tiny: Path) -> None:
    dims = ["--dim", "seq=4", "--dim", "past=0", "--effort", "quick", *GREEDY]
    words = [gpt2_tiny, *dims, "--batch", "auto"]
    assert mapper("compare", *words, "--targets", "edge-npu", "--out", "out", "--quiet").code == 0
    assert mapper("compile", *words, "--target", "edge-npu", "--out", "one", "--quiet").code == 0
    assert Path("out/edge-npu/plan.json").read_bytes() == Path("one/plan.json").read_bytes()


@pytest.mark.slow
def test_side_by_side_gives_the_same_bytes(mapper: Mapper, two: list[str]) -> None:
    words = ["--targets", "isaac-ce", "--quiet"]
    assert mapper(*two, *words).code == 0
    assert mapper(*two, *words, "--jobs", "3", "--out", "more").code == 0
    for name in ("compare.json", "compare.html", "edge-npu/plan.json", "l4/plan.json"):
        assert Path("more", name).read_bytes() == Path("out", name).read_bytes()


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished_and_goes_on_from_there(gpt2_tiny: Path, tmp_path: Path) -> None:
    words = ["compare", str(gpt2_tiny), "--targets", "isaac-ce,superhet,dgx-a100", "--effort", "max", *PHASES]
    words += ["--jobs", "2", "--out", str(tmp_path / "out")]
    with subprocess.Popen(
        [*MAPPER, *words], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if line.split()[:1] == ["isaac-ce"]:
                break
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does: all processes hear it
        _, stderr = running.communicate(timeout=300)
    assert running.returncode in (0, 130), stderr
    assert "keeping the best plan so far" in stderr
    data = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert {t["target"] for t in data["targets"]} == {"isaac-ce", "superhet", "dgx-a100"}
    assert json.loads((tmp_path / "out" / "isaac-ce" / "answer.json").read_text())["whole"]


def test_what_other_code_answered_is_asked_again(
    mapper: Mapper, two: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mapper.comparison.machines.code", lambda without: "of another day")
    assert "known from before" not in mapper(*two).out
