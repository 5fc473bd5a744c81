from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz_frontend import STEPS, Corpus, attempt

FEW, MANY = 200, 3000


def failures(corpus: Corpus, numbers: range, folder: Path) -> list[str]:
    """The inputs that end neither in a plan nor in an error for the user, with what they ended in."""
    found = []
    path = folder / "input.onnx"
    for number in numbers:
        seed, blob = corpus.input(number)
        path.write_bytes(blob)
        kind, text = attempt(path, seed, STEPS[number % len(STEPS)])
        if kind != "plan" and not kind.endswith(" (clear)"):
            found.append(f"input {number} of {seed.name}: {text}")
    return found


@pytest.fixture(scope="module")
def small() -> Corpus:
    return Corpus.of(None)


def test_undamaged_seeds_end_in_a_plan(small: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "seed.onnx"
    for seed in small.seeds:
        path.write_bytes(seed.blob)
        assert attempt(path, seed, "prepare")[0] == "plan", seed.name


def test_damaged_models_end_in_a_plan_or_in_a_clear_error(small: Corpus, tmp_path: Path) -> None:
    assert not failures(small, range(FEW), tmp_path)


def test_a_number_stands_for_the_same_bytes_each_time(small: Corpus) -> None:
    again = Corpus.of(None)
    assert [small.input(n) for n in range(40)] == [again.input(n) for n in range(40)]


@pytest.mark.slow
def test_damaged_exports_end_in_a_plan_or_in_a_clear_error(models_folder: Path, tmp_path: Path) -> None:
    assert not failures(Corpus.of(models_folder), range(50_000, 50_000 + MANY), tmp_path)
