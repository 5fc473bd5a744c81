"""Scores: a command's numbers are a record; what it does instead of printing numbers is told, and nothing is left."""

from __future__ import annotations

import os
import re
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mapper.errors import UsageError
from mapper.execution.here import Here
from mapper.execution.jobs import Guard
from mapper.execution.local import Local
from mapper.regress.cases import cases
from mapper.regress.compared import Baseline, compared
from mapper.regress.history import opened
from mapper.regress.record import Ended, Record
from mapper.regress.run import Folders, run_cases
from mapper.regress.said import Said
from mapper.regress.scores import ScoreCase
from mapper.regress.scoring import NoScore, ScoreTask, printed, scored
from mapper.regress.suite import Score, read_suite
from tests.regress.told import Told

PRINTED = '{"solved": {"j30": 28, "fjsp": 36}, "mape": 4.5, "timings": {"seconds": 3}}'
SUITE = """
schema: 1
name: scored
scores:
  bench:
    command: [python, score.py, "{bench}", --seed, 3]
    data: {bench: data}
    inputs: [score.py]
    better: {solved*: more, mape: less}
    tolerances: {mape: {absolute: 0.1}}
    tags: [nightly]
  elsewhere: {command: [python, "{gone}"], data: {gone: no/such/folder}}
  incomplete: {command: [python, -V], inputs: [gone.py]}
  misspelt: {command: [no-such-program]}
"""


def scored_by(script: str, tmp_path: Path, *words: str | float) -> Record:
    """The record of a score whose command is a Python script."""
    case = ScoreCase("scores/one", Score(command=["python", "-c", textwrap.dedent(script), *words]))
    return scored(ScoreTask(case, "k", tmp_path), threading.Event(), lambda what: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("1")
    (tmp_path / "score.py").write_text(f"import pathlib, sys; pathlib.Path(sys.argv[1], 'a.txt').read_text()\n"
                                       f"assert sys.argv[2:] == ['--seed', '3']; print('{PRINTED}')")  # fmt: skip
    (tmp_path / "cases.yaml").write_text(SUITE)
    return tmp_path


def run(folder: Path) -> tuple[dict[str, Record], Told]:
    some, told = cases(read_suite(folder / "cases.yaml"), folder), Told()
    history, folders = opened(folder / "history.db")[0], Folders(folder, folder, folder / "plans")
    _, records = run_cases("scored", some, history, Here(), folders, Guard(), threading.Event(), told)
    return {record.case: record for record in records}, told


def test_scores_are_records_beside_those_that_cannot_be_taken(folder: Path) -> None:
    records, _ = run(folder)
    found = records["scores/bench"]
    assert found.ended is Ended.FOUND
    assert found.metrics == {"solved of j30": 28.0, "solved of fjsp": 36.0, "mape": 4.5}
    assert found.timings["seconds"] == 3.0
    ends = {name: (record.ended, record.reason.partition(" (")[0]) for name, record in records.items()}
    assert ends["scores/elsewhere"] == (Ended.SKIPPED, "no gone here")
    assert ends["scores/incomplete"] == (Ended.REFUSED, f"no input {folder / 'gone.py'}")
    assert ends["scores/misspelt"] == (Ended.REFUSED, "cannot run 'no-such-program': No such file or directory")


@pytest.mark.slow
def test_a_score_is_taken_again_only_where_what_it_reads_has_changed(folder: Path) -> None:
    assert "scores/bench" in run(folder)[1].solved
    assert run(folder)[1].known == ["scores/bench"]
    (folder / "data" / "a.txt").write_text("2")
    assert "scores/bench" in run(folder)[1].solved
    assert run(folder)[1].known == ["scores/bench"]
    (folder / "score.py").write_text((folder / "score.py").read_text() + "# other\n")
    assert "scores/bench" in run(folder)[1].solved


def test_a_better_side_and_a_tolerance_are_those_of_the_score(folder: Path) -> None:
    some = cases(read_suite(folder / "cases.yaml"), folder)[:1]
    before = Record(
        "scores/bench", "k", Ended.FOUND, {"solved of j30": 28.0, "mape": 4.5, "value": 9.0, "bound": 8.0, "gap": 0.1}
    )

    def said(after: Record) -> Said:
        baseline = Baseline("scored", {before.case: before})
        return compared("scored", "r", some, [after], baseline, folder, {}).verdicts[0].said

    def now(**metrics: float) -> Record:
        return Record(before.case, "k", Ended.FOUND, {**before.metrics, **metrics})

    assert said(now()) is Said.SAME
    assert said(now(mape=4.55)) is Said.SAME
    assert said(now(mape=4.7)) is Said.WORSE
    assert said(now(**{"solved of j30": 27.0})) is Said.WORSE
    assert said(now(**{"solved of j30": 29.0})) is Said.BETTER
    assert said(now(bound=8.001)) is Said.CHANGED  # neither a bound's rules nor its tolerance are a score's
    assert said(now(gap=0.2)) is Said.CHANGED  # nor is the better side that it has of mappings
    less = {name: number for name, number in before.metrics.items() if name != "solved of j30"}
    assert said(replace(now(), metrics=less)) is Said.WORSE
    assert said(replace(now(), metrics={**less, "solved of j30": 28.0, "bound": 8.0})) is Said.SAME
    assert said(Record(before.case, "", Ended.SKIPPED, reason="no bench here")) is Said.SKIPPED


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hello", "printed no JSON object: Expecting value"),
        ("[1]", "a JSON list, no object"),
        ("{}", "printed no number"),
        ('{"a": {"b": NaN}}', "'a of b' is nan, no finite number"),
        ('{"a": 1e999}', "'a' is inf"),
        ('{"a": 1%s}' % (400 * "0"), "'a' is inf"),
        ('{"a": true}', "'a' is true, no number"),
        ('{"a of b": 1, "a": {"b": 2}}', "two numbers are called 'a of b'"),
        ('{"a": 1, "timings": 3}', "'timings' is no object"),
    ],
)
def test_what_is_no_object_of_numbers_is_no_score(text: str, why: str) -> None:
    with pytest.raises(NoScore, match=re.escape(why)):
        printed(text)


def test_a_command_that_fails_or_is_killed_is_broken_and_tells_its_last_words(tmp_path: Path) -> None:
    failed = scored_by("import sys; sys.exit('first\\nit is broken')", tmp_path)
    assert (failed.ended, failed.reason) == (
        Ended.BROKEN, "its command ended with exit code 1; first; it is broken")  # fmt: skip
    killed = scored_by("import os; os.kill(os.getpid(), 9)", tmp_path)
    assert (killed.ended, killed.reason) == (Ended.BROKEN, "its command ended with exit code 137")


@pytest.mark.slow
def test_a_command_that_prints_without_end_is_ended_before_the_disk_is_full(tmp_path: Path) -> None:
    flood = scored_by("import itertools\nfor _ in itertools.repeat(0): print('x' * 1000)", tmp_path)
    assert (flood.ended, flood.reason) == (Ended.BROKEN, "its command printed more than 4 MB")


SLEEPER = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open(sys.argv[1], "w").write(str(child.pid))
time.sleep(60 if sys.argv[2] == "wait" else 0)
print('{"a": 1}')
"""


def gone(file: Path) -> bool:
    """Whether the process whose number is in a file has ended, or does within seconds."""
    pid = int(file.read_text())
    for _ in range(100):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
def test_what_a_command_leaves_behind_is_ended(tmp_path: Path) -> None:
    assert scored_by(SLEEPER, tmp_path, str(tmp_path / "pid"), "no").metrics == {"a": 1.0}
    assert gone(tmp_path / "pid")


def test_what_is_stopped_ends_with_all_that_it_started(tmp_path: Path) -> None:
    stop, found = threading.Event(), list[Record]()
    case = ScoreCase("scores/one", Score(command=["python", "-c", SLEEPER, str(tmp_path / "pid"), "wait"]))
    thread = threading.Thread(
        target=lambda: found.append(scored(ScoreTask(case, "k", tmp_path), stop, lambda what: None))
    )
    thread.start()
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.01)
    stop.set()
    thread.join()
    assert found[0].ended is Ended.STOPPED
    assert gone(tmp_path / "pid")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("guard", "ended"),
    [(Guard(seconds=4.0), Ended.TIMEOUT), (Guard(memory_bytes=500_000_000), Ended.MEMORY)],
    ids=["time", "memory"],
)
def test_a_guard_ends_the_command_and_what_it_started(guard: Guard, ended: Ended, tmp_path: Path) -> None:
    hoard = "hoard = bytearray(500_000_000)\n" if ended is Ended.MEMORY else ""
    script = SLEEPER.replace("time.sleep(60 if", f"{hoard}time.sleep(60 if")
    (tmp_path / "score.py").write_text(script)
    (tmp_path / "cases.yaml").write_text(
        "schema: 1\nname: scored\nscores: {one: {command: [python, score.py, pid, wait], inputs: [score.py]}}\n"
    )
    some = cases(read_suite(tmp_path / "cases.yaml"), tmp_path)
    history, folders = opened(tmp_path / "history.db")[0], Folders(tmp_path, tmp_path, tmp_path / "plans")
    executor = Local(1, ("mapper.regress.run",))
    _, (record,) = run_cases("scored", some, history, executor, folders, guard, threading.Event(), Told())
    assert record.ended is ended
    assert gone(tmp_path / "pid")


def test_a_place_for_data_that_there_is_not_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text(
        'schema: 1\nname: s\nscores: {a: {command: [python, "{bnch}"], data: {bench: x}}}\n'
    )
    with pytest.raises(UsageError, match=r"no data 'bnch' for '\{bnch\}'; did you mean 'bench'"):
        cases(read_suite(tmp_path / "cases.yaml"), tmp_path)
