"""Cases on other machines: refused where the files are others than those that are meant; plans come back."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from mapper.regress.cases import cases
from mapper.regress.digests import Digests
from mapper.regress.elsewhere import Brought, bring
from mapper.regress.record import Ended
from mapper.regress.solving import MappingTask, solve, task_of
from mapper.regress.suite import read_suite
from samples.models import build

SUITE = """
schema: 1
name: small
models: {bert: {file: bert-tiny.onnx, dims: {batch: 1, seq: 16}}}
defaults: {effort: quick, pipeline: "partition,options,place-greedy,schedule,memory,judge"}
cases: [{model: bert, target: edge-npu}]
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    build.main(["bert-tiny", "--out", str(folder / "bert-tiny.onnx")])
    return folder


@pytest.fixture
def task(models: Path, tmp_path: Path) -> MappingTask:
    (tmp_path / "cases.yaml").write_text(SUITE)
    (case,) = cases(read_suite(tmp_path / "cases.yaml"), tmp_path)
    return task_of(case, models, tmp_path, tmp_path / "plans", Digests())


def brought(task: MappingTask) -> Brought:
    return bring(task, threading.Event(), lambda what: None)


def test_a_node_that_does_not_see_the_model_says_which_and_where(task: MappingTask, tmp_path: Path) -> None:
    found = brought(replace(task, models=tmp_path / "nowhere")).record
    assert (found.ended, found.case, found.key) == (Ended.REFUSED, task.case.name, task.key)
    assert found.reason.startswith("on ")
    assert "no model file" in found.reason
    assert "nowhere" in found.reason


def test_a_node_that_sees_another_model_is_refused(task: MappingTask, models: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(models, copy)
    with (copy / "bert-tiny.onnx").open("ab") as file:
        file.write(b"\x3a\x00")  # an empty graph laid over the other: the same model in other bytes
    found = brought(replace(task, models=copy))
    assert found.record.ended is Ended.REFUSED
    assert "not those of the machine that asks" in found.record.reason
    assert found.files == {}


@pytest.mark.slow
def test_the_plan_comes_back_and_is_the_one_that_this_machine_keeps(task: MappingTask, tmp_path: Path) -> None:
    found = brought(task)
    assert not task.plans.exists()
    record = found.kept(tmp_path / "brought")
    here = solve(task, threading.Event(), lambda what: None)
    assert replace(record, timings={}) == replace(here, timings={})
    plans = [(folder / task.key / "plan.json").read_bytes() for folder in (tmp_path / "brought", task.plans)]
    assert plans[0] == plans[1]


@pytest.mark.slow
def test_a_plan_that_cannot_be_kept_is_no_answer(task: MappingTask, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    record = brought(task).kept(tmp_path / "file")
    assert (record.ended, record.plan, record.metrics) == (Ended.REFUSED, "", {})
    assert record.reason
