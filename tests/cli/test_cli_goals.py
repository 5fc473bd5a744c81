"""Limits, fronts and batches on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mapper.cli.main import main
from samples.models.build import MODELS

PHASES = ["--phase", "prefill: seq=16 past=0", "--phase", "decode: seq=1 past=16..23"]
QUICK = ["--effort", "quick", "--quiet", "--time-limit", "2"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("models") / "gpt2-tiny.onnx"
    path.write_bytes(MODELS["gpt2-tiny"](None, None).SerializeToString())
    return str(path)


def compiled(model: str, out: Path, *more: str, batch: str = "1") -> int:
    return main(["compile", model, "--target", "edge-npu", *PHASES, *QUICK, "--out", str(out), "--batch", batch, *more])


def summary(out: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((out / "summary.json").read_text())
    return found


@pytest.mark.slow
def test_a_limit_of_power_is_kept_and_told(model: str, tmp_path: Path) -> None:
    assert compiled(model, tmp_path, "--objective", "throughput subject to power<=2 inflight<=3") == 0
    found = summary(tmp_path)
    assert float(str(found["average_power_w"])) <= 2 * (1 + 1e-9)
    limits = found["limits"]
    assert isinstance(limits, list)
    assert [x["quantity"] for x in limits] == ["power", "inflight"]
    assert main(["check", str(tmp_path)]) == 0


@pytest.mark.slow
def test_a_batch_counts_its_requests(model: str, tmp_path: Path) -> None:
    assert compiled(model, tmp_path / "a") == 0
    assert compiled(model, tmp_path / "b", batch="4") == 0
    one, four = summary(tmp_path / "a"), summary(tmp_path / "b")
    assert four["batch"] == 4
    assert float(str(four["throughput_per_s"])) == pytest.approx(4 / float(str(four["interval_s"])))
    assert float(str(four["throughput_per_s"])) > float(str(one["throughput_per_s"]))
    assert main(["check", str(tmp_path / "b")]) == 0


def test_idle_power_above_the_limit_is_impossible(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compiled(model, tmp_path, "--objective", "throughput subject to power<=1mW") == 3
    assert "idle power alone" in capsys.readouterr().err


@pytest.mark.slow
def test_an_impossible_latency_is_told_with_the_least(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compiled(model, tmp_path, "--objective", "throughput subject to latency<=1ns") == 3
    text = capsys.readouterr().err
    assert "latency<=1e-09 cannot be met" in text
    assert "no placement is below" in text
    assert "levers" in text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--objective", "throughput subject to speed<=3"), "cannot be limited"),
        (("--inflight", "none"), "--inflight none"),
        (("--inflight", "2", "--objective", "latency subject to inflight<=3"), "limited twice"),
        (("--dim", "batch=2"), "gives a batch, and so does --batch"),
        (("--pareto", "energy"), "two different objectives"),
        (("--pareto", "energy,energy"), "two different objectives"),
        (("--pareto", "energy,beauty"), "no objective 'beauty'"),
        (("--pareto", "energy,latency", "--points", "1"), "two at least"),
    ],
)
def test_what_contradicts_itself_is_a_usage_error(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], words: str
) -> None:
    assert compiled(model, tmp_path, *more) == 2
    assert words in capsys.readouterr().err


def test_a_batch_is_a_number_or_auto(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compiled(model, tmp_path, batch="many") == 2
    assert "--batch many" in capsys.readouterr().err


def test_a_batch_beyond_the_cache_says_how_many_requests_fit(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compiled(model, tmp_path, batch="8000000") == 3
    text = capsys.readouterr().err
    assert "states (KV)" in text
    fit = int(text.split("at most ")[-1].split()[0])
    assert 0 < fit < 8_000_000
    assert f"a batch of {fit} or less" in text


def test_a_time_per_token_needs_later_tokens(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    phase = ["--phase", "prefill: batch=1 seq=16 past=0"]
    code = main(
        ["compile", model, "--target", "edge-npu", *phase, *QUICK, "--objective", "tpot", "--out", str(tmp_path)]
    )
    assert code == 1
    assert "reads a cache" in capsys.readouterr().err
