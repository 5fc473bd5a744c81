"""The project's own suite catches what gets one percent worse, and takes no other seed for a regression."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import regression_power
from samples.models import build

SUITE = Path(__file__).resolve().parents[1] / "regress" / "cases.yaml"


@pytest.mark.slow
def test_a_figure_that_is_one_percent_worse_is_caught_and_another_seed_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build.main(["bert-tiny", "--out", str(tmp_path / "bert-tiny.onnx")])
    some = ["--filter", "bert-tiny/edge-npu/throughput"]
    words = [str(SUITE), "--models", str(tmp_path), *some, "--every", "12", "--seeds", "1", "--json"]
    monkeypatch.setattr(sys, "argv", ["regression_power.py", *words])
    regression_power.main()
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["missed"] == 0
    assert found["caught"] >= 2
    assert found["seeds"] == 1
    assert found["cases reported"] == 0
