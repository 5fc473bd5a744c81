from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz_frontend import STEPS, Corpus, attempt

FEW = 100
PARTS = [range(first, first + 150) for first in range(50_000, 51_200, 150)]
"""Numbers of inputs; `benchmarks/fuzz_frontend.py` goes through as many as one likes."""


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


@pytest.fixture(scope="module")
def exports(models_folder: Path) -> Corpus:
    return Corpus.of(models_folder)


@pytest.mark.slow
@pytest.mark.parametrize("numbers", PARTS, ids=lambda numbers: str(numbers.start))
def test_damaged_exports_end_in_a_plan_or_in_a_clear_error(exports: Corpus, numbers: range, tmp_path: Path) -> None:
    assert not failures(exports, numbers, tmp_path)
