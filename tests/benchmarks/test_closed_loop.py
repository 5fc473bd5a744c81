from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.closed_loop import CASES, LEAST_MODELS, MAPPINGS, PIPELINED, RANKED, two_of
from mapper.errors import MapperError
from mapper.hw.load import load_target
from mapper.pipeline.named import pipeline_of
from samples.models.build import MODELS

ONE = """schema: 1
name: one
units: {cpu: {use: units/cpu-neoverse-8c}}
memories: {ram: {use: memories/ddr5-4800, serves: [cpu]}}
source: assumed
"""


def test_two_units_are_like_the_one_and_share_its_memory(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(ONE)
    one, two = load_target(tmp_path / "one.yaml"), load_target(two_of(tmp_path / "one.yaml", tmp_path))
    assert [unit.model for unit in two.units] == 2 * [one.units[0].model]
    assert two.memories[0].capacity_bytes == one.memories[0].capacity_bytes
    assert set(two.memories[0].serves) == set(two.unit)


def test_a_target_of_several_units_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(ONE)
    with pytest.raises(MapperError, match="has 2 units"):
        two_of(two_of(tmp_path / "one.yaml", tmp_path), tmp_path)


def test_cases_are_sample_models_and_mappings_are_pipelines() -> None:
    assert set(CASES) <= set(MODELS)
    assert len(CASES) >= LEAST_MODELS
    assert {*RANKED, PIPELINED} <= set(CASES)
    assert all(pipeline_of(name) for name in MAPPINGS)
