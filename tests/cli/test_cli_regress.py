"""`mapper regress`: run, accept, compare, from a file of cases to an exit code."""

from __future__ import annotations

import importlib.util
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock
from xml.etree.ElementTree import parse

import pytest

from mapper.cli.main import main
from mapper.emit.files import locked
from mapper.regress.history import opened
from mapper.regress.record import Ended, Record

SUITE = """
schema: 1
name: small
models: {bert: {file: bert-tiny.onnx, dims: {batch: 1, seq: 16}}}
defaults: {effort: quick, pipeline: "partition,options,place-greedy,schedule,memory,judge"%s}
matrix: [{models: [bert], targets: [edge-npu, superhet]}]
"""
SLOWER = ', set: ["*.clock_hz/=1.01"]'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from samples.models import build

    made = tmp_path_factory.mktemp("regress")
    build.main(["bert-tiny", "--out", str(made / "bert-tiny.onnx")])
    return made


def regress(folder: Path, what: str, *more: str, changed: str = "") -> int:
    suite = folder / "cases.yaml"
    suite.write_text(SUITE % changed)
    return main(["regress", what, str(suite), "--out", str(folder / "out"), *more])


@pytest.mark.slow
def test_a_slower_clock_is_caught_and_attributed_until_it_is_accepted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert regress(folder, "run", "--quiet") == 0
    assert regress(folder, "compare") == 1  # nothing is accepted yet
    assert "mapper regress accept" in capsys.readouterr().err
    assert regress(folder, "accept", "-m", "first") == 0
    assert regress(folder, "compare") == 0
    assert regress(folder, "run", "--quiet", changed=SLOWER) == 0
    capsys.readouterr()
    files = ["--markdown", str(folder / "comment.md"), "--junit", str(folder / "junit.xml")]
    assert regress(folder, "compare", *files, changed=SLOWER) == 1
    told = capsys.readouterr().out
    assert "FAILED: 2 worse" in told
    assert "fewer requests" in told
    assert "| worse |" in (folder / "comment.md").read_text()
    assert parse(folder / "junit.xml").getroot().get("failures") == "2"
    assert regress(folder, "accept", "-m", "a slower clock", "--filter", "*/superhet/*", changed=SLOWER) == 0
    capsys.readouterr()
    assert regress(folder, "compare", "--json", changed=SLOWER) == 1
    said = {case["case"]: case["said"] for case in json.loads(capsys.readouterr().out)["cases"]}
    assert sorted(said.values()) == ["same", "worse"]


@pytest.mark.slow
def test_a_run_tells_what_is_known_and_what_cannot_be_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    regress(folder, "run", "--quiet")
    capsys.readouterr()
    assert regress(folder, "run") == 0
    assert "2 found · 2 known from before" in capsys.readouterr().out
    assert regress(folder, "run", "--models", str(folder / "out")) == 1
    assert "2 refused" in capsys.readouterr().out


MIXED = r"""
schema: 1
name: mixed
models: {gone: {file: gone.onnx}, bert: {file: bert-tiny.onnx, dims: {batch: 1, seq: 16}}}
cases: [{model: gone, target: edge-npu}, {model: bert, target: edge-nup}]
scores:
  none: {command: [no-such-program]}
  absent: {command: [python, "{data}"], data: {data: nowhere}}
  crash: {command: [python, -c, "import sys; sys.exit('no more disk')"]}
  good: {command: [python, -c, "print('{\"solved\": 3}')"], better: {solved: more}}
"""


@pytest.mark.slow
def test_what_cannot_be_asked_is_told_and_the_run_goes_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mixed.yaml").write_text(MIXED)
    arguments = [str(folder / "mixed.yaml"), "--out", str(folder / "mixed")]
    assert main(["regress", "run", *arguments]) == 1
    told = capsys.readouterr()
    assert [line.split()[:2] for line in told.err.splitlines() if "good" in line] == [["found", "scores/good"]]
    assert "1 found, 3 refused, 1 broken, 1 skipped" in told.out
    for words in (
        "gone/edge-npu/throughput: no model file",
        "did you mean 'edge-npu'",
        "scores/none: cannot run 'no-such-program'",
        "scores/crash: its command ended with exit code 1; no more disk",
        "scores/absent: no data here",
    ):
        assert words in told.out
    arguments += ["--baseline", str(folder / "mixed.json")]
    assert main(["regress", "accept", *arguments, "-m", "first"]) == 0
    assert "1 of 6 records" in capsys.readouterr().out
    good = ["--filter", "scores/good", "--filter", "scores/absent"]
    assert main(["regress", "compare", *arguments, *good]) == 0
    assert "passed: 1 skipped, 1 same" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("what", "more", "complaint"),
    [
        ("run", ["--filter", "tag:none"], "means none of 2 cases"),
        ("run", ["--models", "/no/such/folder"], "not a folder"),
        ("run", ["--case-seconds", "0"], "cannot even begin"),
        ("run", ["--case-memory", "nan"], "give GB"),
        ("run", ["--case-memory", "1e305"], "give GB"),
        ("run", ["--case-memory", "-1"], "cannot even begin"),
        ("run", ["--address", "head:6379"], "add --executor ray"),
        ("run", ["--executor", "ray", "--jobs", "0"], "--jobs 0"),
        ("compare", [], "there is no run of small yet"),
        ("accept", ["-m", "x"], "there is no run of small yet"),
    ],
)
def test_what_is_wrong_is_one_clear_error(
    what: str, more: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert regress(tmp_path, what, *more) in (1, 2)
    assert complaint in capsys.readouterr().err


def test_a_second_run_in_a_folder_is_refused_while_the_first_is_at_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    with locked(tmp_path / "out"):
        assert regress(tmp_path, "run") == 1
    told = capsys.readouterr().err
    assert "another run is at work in this folder" in told
    assert "--out" in told


def test_a_clock_that_is_behind_a_run_is_told_and_the_runs_keep_their_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = opened(tmp_path / "out" / "history.db")[0]
    history.begin("small", "{}", datetime(2999, 1, 1, tzinfo=UTC))
    assert regress(tmp_path, "run") == 1  # there is no model
    assert "a run began at 2999-01-01T00:00:00Z" in capsys.readouterr().err
    assert history.runs("small")[0].begun.startswith("2999")


def test_a_run_is_held_against_a_file_the_run_before_it_or_any_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    history = opened(tmp_path / "out" / "history.db")[0]
    names = []
    for latency in (1.0, 2.0, 1.0):
        names.append((run := history.begin("small", "{}")).name)
        metrics = {"latency_s": latency, "value": 9.0, "bound": 9.0}
        history.add(run, Record("bert/superhet/throughput", "k", Ended.FOUND, metrics, placed="p"))
    some = ["--filter", "*/superhet/*"]
    assert regress(tmp_path, "compare", *some, "--baseline", "previous") == 0
    assert "1 better" in capsys.readouterr().out
    assert regress(tmp_path, "compare", *some, "--baseline", names[0]) == 0
    assert "1 same" in capsys.readouterr().out
    assert regress(tmp_path, "compare", *some, "--run", names[1], "--baseline", "previous") == 1
    monkeypatch.setenv("PATH", "")  # no git, and nobody whom the system has a name for
    monkeypatch.setattr("getpass.getuser", Mock(side_effect=KeyError("uid not found: 1234")))
    assert regress(tmp_path, "accept", *some, "--run", names[1], "-m", "late", "--baseline", f"{tmp_path}/b.json") == 0
    assert f'"who": "user {os.getuid()}"' in (tmp_path / "b.json").read_text()
    assert regress(tmp_path, "compare", *some, "--baseline", f"{tmp_path}/b.json") == 0
    few = tmp_path / "few.yaml"
    few.write_text((SUITE % "").replace("edge-npu, superhet", "edge-npu"))
    shorter = ["regress", "compare", str(few), "--out", str(tmp_path / "out"), "--baseline"]
    assert main([*shorter, f"{tmp_path}/b.json"]) == 1
    assert "it was accepted, and the suite no longer has it" in capsys.readouterr().out
    assert main([*shorter, f"{tmp_path}/b.json", "--filter", "*/edge-npu/*"]) == 0
    assert main([*shorter, names[1]]) == 0  # that run was not accepted
    capsys.readouterr()
    assert regress(tmp_path, "compare", *some, "--run", names[0], "--baseline", "previous") == 1
    assert "is the first run of small" in capsys.readouterr().err
    assert regress(tmp_path, "compare", *some, "--baseline", "previuos") == 2
    assert "previous" in capsys.readouterr().err
    assert regress(tmp_path, "compare", *some, "--baseline", "latest-accepted") == 1
    assert "mapper regress accept" in capsys.readouterr().err
    other = tmp_path / "b.json"
    other.write_text(other.read_text().replace('"suite": "small"', '"suite": "large"'))
    for what in (["compare"], ["accept", "-m", "mine"], ["report"]):  # none of them takes it for its own
        assert regress(tmp_path, *what, *some, "--baseline", str(other)) == 1
        assert "b.json is what was accepted of large, not of small" in capsys.readouterr().err


def test_a_cluster_without_ray_is_one_clear_error_and_begins_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "ray" else found(name, *more))
    assert regress(tmp_path, "run", "--executor", "ray") == 1
    assert "pip install 'hetmap[ray]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install 'hetmap[ray]'")
def test_a_cluster_gives_what_this_machine_gives_and_says_no_more(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    capfd.readouterr()
    found = []
    for name in ("local", "ray"):
        out = tmp_path / name
        assert regress(folder, "run", "--quiet", "--executor", name, "--out", str(out)) == 0
        assert capfd.readouterr() == ("", "")
        history = opened(out / "history.db")[0]
        (made,) = history.runs()
        records = {record.case: replace(record, timings={}) for record in history.records(made)}
        found.append((records, {path.parent.name: path.read_bytes() for path in out.glob("plans/*/plan.json")}))
    assert found[0] == found[1]
    assert [len(part) for part in found[0]] == [2, 2]


def test_after_a_run_all_of_its_history_is_in_one_file(tmp_path: Path) -> None:
    regress(tmp_path, "run", "--quiet")
    assert [path.name for path in (tmp_path / "out").glob("history.db*")] == ["history.db"]
