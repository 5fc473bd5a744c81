"""`mapper claims`: claims computed on tiny models, kept, and told as text, page and data."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mapper.claims.read import read_claims
from mapper.cli.main import main
from samples.models.build import MODELS

Mapper = Callable[..., Any]
FILES = Path(__file__).resolve().parent.parent / "claims" / "files"
OWN = Path(__file__).resolve().parents[2] / "samples" / "claims.yaml"


@pytest.fixture(scope="session")
def checked(gpt2_tiny: Path, bert_tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that one run wrote; tests only read it."""
    out = tmp_path_factory.mktemp("claims")
    (out / "models").mkdir()
    for model in (gpt2_tiny, bert_tiny):
        shutil.copy(model, out / "models")
    words = ["claims", str(FILES / "tiny.yaml"), "--out", str(out), "--quiet"]
    assert main(words) == 0
    return out


@pytest.mark.slow
def test_all_is_told_as_before(
    mapper: Mapper, checked: Path, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    shutil.copytree(checked, "out")
    ran = mapper("claims", FILES / "tiny.yaml", "--out", "out", "--markdown", "claims.md")
    assert ran.code == 0
    assert "0 compiled, 6 known from before" in ran.out
    golden("claims.txt", ran.out[: ran.out.index("  0 compiled")])
    golden("claims.md", Path("claims.md").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_a_figure_that_grows_and_one_that_shrinks_have_answers_of_their_own(checked: Path) -> None:
    rows = [
        json.loads((checked / f"bert-npuany.clock_hz-{how}-2" / "answer.json").read_text()) for how in ("over", "times")
    ]
    assert rows[0]["row"]["throughput_per_s"] < rows[1]["row"]["throughput_per_s"]


@pytest.mark.slow
def test_no_line_is_wider_than_the_terminal(mapper: Mapper, checked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    told, _, _ = mapper("claims", FILES / "tiny.yaml", "--out", checked).out.partition("  0 compiled")
    assert max(len(line) for line in told.splitlines() if "nobody.onnx" not in line) <= 100


@pytest.mark.slow
def test_data_is_what_the_file_holds(mapper: Mapper, checked: Path) -> None:
    ran = mapper("claims", FILES / "tiny.yaml", "--out", checked, "--json")
    assert json.loads(ran.out) == json.loads((checked / "claims.json").read_text(encoding="utf-8"))
    claims = {claim["id"]: claim for claim in json.loads(ran.out)["claims"]}
    assert claims["a-fleet"]["verdict"] == "reproduced"
    assert claims["service"]["verdict"] == "answered"
    assert claims["no-model"]["why_not"].startswith("no model nobody.onnx")
    assert claims["what-runs"]["figures"][0]["found"]["value"] == 2


def test_claims_are_listed_and_chosen_by_name(mapper: Mapper) -> None:
    listed = mapper("claims", FILES / "tiny.yaml", "--only", "a-*", "--list").out
    assert [line.split()[0] for line in listed.splitlines()] == ["a-token", "a-fleet"]
    ran = mapper("claims", FILES / "tiny.yaml", "--only", "a-fleat")
    assert (ran.code, "did you mean 'a-fleet'" in ran.err) == (2, True)


def test_a_file_that_is_not_there_is_told(mapper: Mapper) -> None:
    ran = mapper("claims", "none.yaml")
    assert (ran.code, ran.err.splitlines()[0]) == (1, "error: there is no file none.yaml")


def test_the_claims_of_the_market_are_all_there_and_none_is_without_a_source(mapper: Mapper) -> None:
    listed = [line.split()[0] for line in mapper("claims", OWN, "--list").out.splitlines()]
    assert {
        "gpt3-350-ms", "gpt4-3-percent", "gpu-hours-a-day", "gpt3-training", "efficiency-5-or-50",
        "decoders-on-96-chips", "watts-per-petaflops", "access-against-add", "cim-two-to-three-orders",
        "above-h100-at-its-power", "picture-20-tflop", "models-outgrow-memory", "hundred-thousand-queries",
        "edge-chip-runs",
    } <= set(listed)  # fmt: skip


def test_every_model_of_the_market_can_be_built() -> None:
    assert {Path(name).stem for name in read_claims(OWN).models} <= set(MODELS)
