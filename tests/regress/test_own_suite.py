"""The project's own suite: large enough, about all kinds of units, and every case accepted."""

from __future__ import annotations

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
