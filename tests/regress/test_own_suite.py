"""The project's own suite: large enough, about all kinds of units, and every case accepted."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mapper.hw.library import target_names
from mapper.regress.baseline import Baseline, load_baseline
from mapper.regress.cases import Case, MappingCase, cases, chosen
from mapper.regress.suite import Suite, read_suite

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def suite() -> Suite:
    return read_suite(HERE / "cases.yaml")


@pytest.fixture(scope="module")
def some(suite: Suite) -> tuple[Case, ...]:
    return cases(suite, HERE)


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return load_baseline(HERE / "baseline.json")


def test_it_has_sixty_mappings_on_targets_that_there_are_and_some_for_every_change(some: tuple[Case, ...]) -> None:
    mappings = [case for case in some if isinstance(case, MappingCase)]
    assert len(mappings) >= 60
    assert {case.target for case in mappings} <= set(target_names())
    assert 20 <= len(chosen(some, ["tag:fast"])) <= 40


def test_its_models_are_those_that_the_project_builds(suite: Suite) -> None:
    from samples.models import build

    files = {file for workload in suite.models.values() for file in workload.files}
    assert {Path(file).stem for file in files} <= set(build.MODELS)


def test_its_baseline_has_exactly_its_cases(some: tuple[Case, ...], baseline: Baseline) -> None:
    assert set(baseline.records) == {case.name for case in some}
    assert baseline.text == (HERE / "baseline.json").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(("ran", "what"), [(1, ["run", "compare"]), (130, ["run"])])
def test_a_case_without_an_answer_fails_the_night_and_the_others_are_compared(
    ran: int, what: list[str], tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    for name in (".ready", ".kernels"):
        (tmp_path / name).touch()
    for name, words in (("python", ""), ("mapper", f'echo "did $2"; if [ "$2" = run ]; then exit {ran}; fi')):
        (file := tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{words}\n")
        file.chmod(0o755)
    night = ["make", "-s", "regress-nightly", f"VENV={tmp_path}"]
    done = subprocess.run(night, cwd=HERE.parents[1], capture_output=True, text=True, check=False)
    assert done.stdout.split() == [word for one in what for word in ("did", one)]
    assert done.returncode
