"""`mapper regress bisect`: from a name of a case to the commit that moved it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bisect_repository import SUITE, git, repository

from mapper.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


def folder(tmp_path: Path, suite: str = SUITE) -> Path:
    (tmp_path / "cases.yaml").write_text(suite)
    (tmp_path / "m.onnx").touch()
    return tmp_path


def bisect(tmp_path: Path, case: str, good: str, *more: str) -> int:
    words = ["--repository", str(tmp_path / "repository"), "--out", str(tmp_path / "out"), *more]
    return main(["regress", "bisect", str(tmp_path / "cases.yaml"), case, "--good", good, *words])


@pytest.mark.slow
def test_each_step_is_printed_and_the_commit_at_the_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    programs = ["gives(100)", "import nothing", "gives(100)", "gives(98)", "gives(98)"]
    repository(folder(tmp_path) / "repository", programs)
    assert bisect(tmp_path, "it", "c0") == 0
    told = capsys.readouterr().out
    assert [line.split()[0] for line in told.splitlines()[2:6]] == ["good", "bad", "good", "bad"]
    assert "throughput_per_s 98  -2.00 %" in told
    assert f"first bad commit: {git(tmp_path / 'repository', 'rev-parse', 'c3')}\n    commit 3\n    Ann <ann@x>" in told
    assert bisect(tmp_path, "it", "c0", "--bad", "c2") == 1
    assert "the case is the same at both: throughput_per_s 100" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("case", "more", "complaint"),
    [
        ("itt", [], "did you mean 'it'?"),
        ("it", ["--models", "nowhere"], "no model file nowhere/m.onnx"),
        ("it", ["--case-seconds", "0"], "cannot even begin"),
        ("it", [], "is no commit in"),
    ],
)
def test_what_cannot_be_bisected_is_one_clear_error(
    case: str, more: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(tmp_path)
    assert bisect(tmp_path, case, "c0", *more) == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.slow
def test_code_that_takes_too_long_is_no_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository(folder(tmp_path) / "repository", ["gives(100)", "import time; time.sleep(60)"])
    assert bisect(tmp_path, "it", "c0", "--case-seconds", "2") == 0
    assert "timeout: was not done after 2 s" in capsys.readouterr().out


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    root = repository(folder(tmp_path) / "repository", ["print(flush=True); import time; time.sleep(60)"] * 2)
    (tmp_path / "temporary").mkdir()
    words = ["cases.yaml", "it", "--good", "c0", "--repository", str(root)]
    process = subprocess.Popen(
        [sys.executable, "-m", "mapper", "regress", "bisect", *words],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary"), "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list((tmp_path / "temporary").glob("*/*/dist-info")) and not list(
        (tmp_path / "temporary").glob("*/*/*.dist-info")
    ):  # what is written just before the code is started
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "answers so far are kept" in complaint
    assert list((tmp_path / "temporary").iterdir()) == []
    assert len(git(root, "worktree", "list").splitlines()) == 1


REAL = """
schema: 1
name: small
models: {bert: {file: bert-tiny.onnx, dims: {batch: 1, seq: 16}}}
defaults: {effort: quick, pipeline: "partition,options,place-greedy,schedule,memory,judge"}
cases: [{model: bert, target: edge-npu}]
"""


@pytest.mark.slow
def test_a_cost_constant_of_this_project_is_found_and_attributed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from samples.models import build

    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")  # each checkout would compile its kernels
    build.main(["bert-tiny", "--out", str(folder(tmp_path, REAL) / "bert-tiny.onnx")])
    root = tmp_path / "repository"
    for name in ("mapper", "passes", "targets"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    git(tmp_path, "init", "--quiet", str(root))

    def commit(subject: str, file: str, before: str, after: str) -> None:
        text = (root / file).read_text()
        assert before in text
        (root / file).write_text(text.replace(before, after))
        git(root, "add", "--all")
        git(root, "-c", "user.name=Ann", "-c", "user.email=a@x", "commit", "--quiet", "-m", subject)

    commit("all there is", "pyproject.toml", "", "")
    commit("a remark", "mapper/versions.py", '"""Versions', '"""The versions')
    commit("a slower array", "targets/units/systolic-32x32.yaml", "\nclock_hz: 0.8e9", "\nclock_hz: 0.7e9")
    git(root, "mv", "passes/place/baselines.py", "passes/place/simple.py")
    commit("a pass moves", "pyproject.toml", "passes.place.baselines:", "passes.place.simple:")
    assert bisect(tmp_path, "bert/edge-npu/throughput", "HEAD~2") == 0
    told = capsys.readouterr().out
    assert "    a slower array\n" in told
    assert "costs more on dsa" in told
    assert "throughput_per_s" in told
