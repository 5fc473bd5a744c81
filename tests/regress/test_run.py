"""Runs: every case has a record, known ones are not solved again, and what goes wrong with one is its own record."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from pathlib import Path

import pytest

from mapper.execution.here import Here
from mapper.execution.jobs import Executor, Guard
from mapper.execution.local import Local
from mapper.regress.cases import Case, MappingCase, cases
from mapper.regress.digests import Digests
from mapper.regress.history import History, opened
from mapper.regress.record import Ended, Record
from mapper.regress.run import Folders, run_cases
from mapper.regress.solving import MappingTask, solve, task_of
from mapper.regress.suite import read_suite
from tests.regress.told import Told

SUITE = """
schema: 1
name: small
models:
  bert: {file: bert-tiny.onnx, dims: {batch: 1, seq: 16}}
  gone: {file: gone.onnx}
defaults: {effort: quick, pipeline: "partition,options,place-greedy,schedule,memory,judge"}
cases:
  - {model: bert, target: edge-npu}
  - {model: bert, target: superhet}
  - {model: bert, target: edge-npu, objective: "throughput subject to latency<=1e-9", name: too fast}
  - {model: gone, target: edge-npu}
  - {model: bert, target: edge-nup}
  - {model: bert, target: edge-npu, objective: throughputt, name: misspelt}
"""
NAMES = ["bert/edge-npu/throughput", "bert/superhet/throughput", "too fast", "gone/edge-npu/throughput",
         "bert/edge-nup/throughput", "misspelt"]  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "samples" / "models"))
    import build

    folder = tmp_path_factory.mktemp("models")
    build.main(["bert-tiny", "--out", str(folder / "bert-tiny.onnx")])
    return folder


@pytest.fixture
def folders(models: Path, tmp_path: Path) -> Folders:
    return Folders(models, tmp_path, tmp_path / "plans")


@pytest.fixture
def history(tmp_path: Path) -> History:
    return opened(tmp_path / "history.db")[0]


def some(tmp_path: Path) -> tuple[Case, ...]:
    (tmp_path / "cases.yaml").write_text(SUITE)
    return cases(read_suite(tmp_path / "cases.yaml"), tmp_path)


def run(
    all_cases: tuple[Case, ...], history: History, folders: Folders, executor: Executor | None = None
) -> tuple[dict[str, Record], Told]:
    told = Told()
    _, records = run_cases(
        "small", all_cases, history, executor or Here(), folders, Guard(), threading.Event(), told
    )  # fmt: skip
    return {record.case: record for record in records}, told


@pytest.mark.slow
def test_each_case_is_a_record_whatever_becomes_of_it(tmp_path: Path, folders: Folders, history: History) -> None:
    records, told = run(some(tmp_path), history, folders)
    assert list(records) == NAMES
    ended = [records[name].ended for name in NAMES]
    assert ended == [Ended.FOUND, Ended.FOUND, Ended.INFEASIBLE, Ended.REFUSED, Ended.REFUSED, Ended.REFUSED]
    assert "gone.onnx" in records["gone/edge-npu/throughput"].reason
    assert "did you mean 'edge-npu'" in records["bert/edge-nup/throughput"].reason
    assert records["bert/edge-npu/throughput"].metrics["throughput_per_s"] > 0
    assert sorted(told.solved) == sorted(NAMES)
    kept = history.records(history.runs()[-1])
    assert {record.case: record for record in kept} == records
    assert set(json.loads(history.runs()[-1].versions)) >= {"python", "ortools", "code"}


@pytest.mark.slow
def test_what_lasts_is_not_solved_again_and_what_does_not_is(
    tmp_path: Path, folders: Folders, history: History
) -> None:
    first, _ = run(some(tmp_path), history, folders)
    second, told = run(some(tmp_path), history, folders)
    assert sorted(told.known) == sorted(NAMES[:3])
    assert sorted(told.solved) == sorted(NAMES[3:])
    assert {n: second[n] for n in NAMES[:3]} == {n: first[n] for n in NAMES[:3]}


@pytest.mark.slow
def test_another_model_file_another_option_and_a_lost_plan_are_asked_anew(
    tmp_path: Path, folders: Folders, history: History
) -> None:
    one = some(tmp_path)[:1]
    before = run(one, history, folders)[0][NAMES[0]]
    shutil.rmtree(folders.plans / before.key)
    assert run(one, history, folders)[1].solved == [NAMES[0]]
    other = one[0].asked.model_copy(update={"seed": 1})
    changed = (MappingCase(one[0].name, one[0].model, one[0].workload, one[0].target, other),)
    assert run(changed, history, folders)[1].solved == [NAMES[0]]
    copy = tmp_path / "models"
    shutil.copytree(folders.models, copy)
    with (copy / "bert-tiny.onnx").open("ab") as file:
        file.write(b"\x3a\x00")  # an empty graph laid over the other: the same model in other bytes
    assert run(one, history, Folders(copy, tmp_path, folders.plans))[1].solved == [NAMES[0]]


def test_another_version_of_a_plug_in_or_of_what_compiles_kernels_is_another_question(
    tmp_path: Path, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, keys = some(tmp_path)[0], set()
    for version in ("1.0", "1.1"):
        info = tmp_path / version / "other_passes-1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: other-passes\nVersion: {version}\n")
        (info / "entry_points.txt").write_text("[mapper.passes]\nother = other:Other\n")
        with monkeypatch.context() as seen:
            seen.syspath_prepend(tmp_path / version)
            keys.add(task_of(case, folders.models, folders.targets, folders.plans, Digests()).key)
    monkeypatch.setattr("mapper.regress.digests.compiled_by", lambda: "numba 9")
    keys.add(task_of(case, folders.models, folders.targets, folders.plans, Digests()).key)
    assert len(keys) == 3


def test_what_was_stopped_is_no_answer_and_leaves_no_plan(tmp_path: Path, folders: Folders, history: History) -> None:
    stop = threading.Event()
    stop.set()
    found = [solve(MappingTask(case, "k", folders.models, folders.targets, folders.plans), stop, lambda what: None)
             for case in some(tmp_path)[::2][:2]]  # fmt: skip
    assert [record.ended for record in found] == [Ended.STOPPED, Ended.STOPPED]
    assert not folders.plans.exists()


@pytest.mark.slow
def test_processes_find_what_this_one_finds(tmp_path: Path, folders: Folders, history: History) -> None:
    here, _ = run(some(tmp_path), history, folders)
    other = opened(tmp_path / "other.db")[0]
    apart = Folders(folders.models, folders.targets, tmp_path / "other plans")
    local, _ = run(some(tmp_path), other, apart, Local(2, ("mapper.regress.run",)))
    assert list(local) == list(here)
    for name, record in here.items():
        assert (local[name].ended, local[name].metrics, local[name].plan, local[name].key) == (
            record.ended, record.metrics, record.plan, record.key)  # fmt: skip
