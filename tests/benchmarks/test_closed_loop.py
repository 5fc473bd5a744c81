from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.closed_loop import CASES, LEAST_MODELS, MAPPINGS, PIPELINED, RANKED, Row, checked, counted, main
from mapper.errors import MapperError
from mapper.pipeline.named import pipeline_of
from mapper.runtime import speed
from samples.models.build import MODELS

EQUAL, OTHER = "{use: units/cpu-neoverse-8c, probe_s: 0.5e-3}", "{use: units/cpu-neoverse-8c, cores: 4}"


def two(folder: Path, second: str, first: str = EQUAL) -> Path:
    path = folder / "two.yaml"
    path.write_text(
        f"schema: 1\nname: two\nabout: Fast CPU 9, measured.\nunits: {{a: {first}, b: {second}}}\n"
        "memories: {ram: {use: memories/ddr5-4800, serves: [a, b]}}\nsource: assumed\n"
    )
    return path


@pytest.fixture(autouse=True)
def _processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "_processor", lambda: "Fast CPU 9")


def test_a_target_of_two_equal_units_is_taken(tmp_path: Path) -> None:
    assert checked(two(tmp_path, EQUAL)) == two(tmp_path, EQUAL)


def test_another_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MapperError, match="two equal units"):
        checked(two(tmp_path, OTHER))


def test_a_target_of_another_machine_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MapperError, match="not measured on this machine"):
        checked(two(tmp_path, EQUAL.replace("0.5e-3", "0.0"), EQUAL.replace("0.5e-3", "0.0")))
    monkeypatch.setattr(speed, "_processor", lambda: "Slow CPU 1")
    with pytest.raises(MapperError, match="not measured on this machine"):
        checked(two(tmp_path, EQUAL))


@pytest.mark.parametrize("words", [["--only", "bert-bas"], ["--only", "vit", "--part", "pipeline"]])
def test_what_leaves_nothing_to_run_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["closed_loop.py", str(two(tmp_path, EQUAL)), *words])
    with pytest.raises(SystemExit, match="2"):
        main()


def test_cases_are_sample_models_and_mappings_are_pipelines() -> None:
    assert set(CASES) <= set(MODELS)
    assert len(CASES) >= LEAST_MODELS
    assert {*RANKED, PIPELINED} <= set(CASES)
    assert all(pipeline_of(name) for name in MAPPINGS)


def test_pairs_count_if_they_differ_and_are_right_if_the_faster_one_was_predicted_so() -> None:
    slow, fast, alike = Row(2.0, (1.0, 1.0, 1.0)), Row(1.0, (2.0, 2.0, 0.9)), Row(2.5, (1.02, 1.02, 1.02))
    assert counted([slow, alike]) == (0, 0, 0, 0)
    assert counted([slow, fast]) == (1, 1, 0, 0)
    assert counted([slow, Row(3.0, (2.0, 2.0, 2.0))]) == (0, 1, 0, 1)
    assert counted([slow, Row(2.0, (2.0, 2.0, 2.0))]) == (0, 1, 0, 1)
