"""The samples of nightly runs: their scripts call mapper as it is, tell who should know, and fail where they should."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from sweeps import sweep

from mapper.cli.main import _parser

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "regress"
MAPPER = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$2" in
run) exit "$RAN";;
compare) echo "### Mappings of nightly" > comment.md; exit "$HELD";;
esac
"""
GH = """#!/bin/sh
echo "gh $*" >> "$CALLS"
case "$*" in *--paginate*) echo "$ID";; esac
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with what the samples expect: a folder `regress` with a virtual environment, and `gh` on the path."""
    for name, text in (("regress/venv/bin/mapper", MAPPER), ("regress/venv/bin/gh", GH)):
        program = tmp_path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(text)
        program.chmod(0o755)
    return tmp_path


def ran(home: Path, words: list[str], ran: int = 0, held: int = 0, **more: str) -> tuple[int, list[str], str]:
    """Exit code, what was called, and what was printed, of a command in the folder `regress`."""
    calls = home / "calls"
    calls.unlink(missing_ok=True)
    where = f"{home / 'regress/venv/bin'}:{os.environ['PATH']}"
    own = {"CALLS": str(calls), "RAN": str(ran), "HELD": str(held), "HOME": str(home), "PATH": where}
    github = {"GITHUB_STEP_SUMMARY": str(home / "summary"), "GITHUB_REPOSITORY": "us/it", "GITHUB_SHA": "abc", "ID": ""}
    done = subprocess.run(
        words, cwd=home / "regress", env={**github, **own, **more}, capture_output=True, text=True, check=False
    )
    return done.returncode, calls.read_text().splitlines() if calls.exists() else [], done.stdout


def github() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((SAMPLES / "github.yml").read_text())
    return data


def step(name: str) -> dict[str, Any]:
    return next(one for one in github()["jobs"]["regress"]["steps"] if one.get("name") == name)


ENVIRONMENT = {"CASES": "regress/cases.yaml", "MODELS": "models", "OUT": "out/regress", "FILTER": "tag:fast"}


WORKFLOWS = ("github", "gitlab")


def script_of(sample: str) -> list[str]:
    if sample == "github":
        return ["bash", "-e", "-c", step("Run and compare")["run"]]
    if sample == "gitlab":
        script = yaml.safe_load((SAMPLES / "gitlab.yml").read_text())["regress"]["script"]
        assert script[0] == "python -m pip install -r requirements.lock"
        return ["bash", "-e", "-o", "pipefail", "-c", script[1]]
    if sample == "cron":
        line = (SAMPLES / "crontab").read_text().splitlines()[-1]
        assert line.startswith("0 2 * * * ")
        assert "%" not in line
        return ["/bin/sh", "-c", line.split(" ", 5)[5]]
    line = (SAMPLES / "mapper-regress.service").read_text().splitlines()[-1]
    return shlex.split(line.removeprefix("ExecStart=").replace("$$", "$"))


@pytest.mark.parametrize("sample", ["github", "gitlab", "cron", "systemd"])
def test_what_is_called_is_what_mapper_takes(sample: str, home: Path) -> None:
    code, calls, _ = ran(home, script_of(sample), **ENVIRONMENT)
    assert code == 0
    assert [call.split()[1] for call in calls] == ["run", "compare", *(["report"] if sample in WORKFLOWS else [])]
    parsed = [_parser().parse_args(call.split()) for call in calls]
    assert {args.cases for args in parsed} in ({"regress/cases.yaml"}, {"cases.yaml"})
    assert {args.out for args in parsed} == {parsed[0].out}
    assert parsed[0].filter == parsed[1].filter


@pytest.mark.parametrize("sample", ["github", "gitlab", "cron", "systemd"])
@pytest.mark.parametrize(("run", "held"), sweep([(1, 0), (0, 1), (2, 1)], 1))
def test_it_fails_where_the_run_or_the_comparison_does(sample: str, run: int, held: int, home: Path) -> None:
    code, calls, told = ran(home, script_of(sample), run, held, **ENVIRONMENT)
    assert code == (held or run)
    assert len(calls) == (3 if sample in WORKFLOWS else 2)
    assert ("FAILED" in told) == (sample in ("cron", "systemd"))


def test_pull_requests_run_the_fast_cases_and_nights_all_of_them() -> None:
    data = github()
    assert data["env"]["FILTER"] == "${{ github.event_name == 'pull_request' && 'tag:fast' || '*' }}"
    assert {"schedule", "pull_request"} <= set(data[True])  # YAML 1.1 reads `on` as true
    assert data[True]["schedule"] == [{"cron": "0 2 * * *"}]


def test_histories_are_kept_with_what_sqlite_has_beside_them() -> None:
    upload = next(s for s in github()["jobs"]["regress"]["steps"] if "upload-artifact" in s.get("uses", ""))
    assert "${{ env.OUT }}/history.db*" in upload["with"]["path"].split("\n")
    gitlab = yaml.safe_load((SAMPLES / "gitlab.yml").read_text())["regress"]
    assert "out/regress/history.db*" in gitlab["artifacts"]["paths"]


def test_each_run_writes_a_cache_that_the_next_one_finds() -> None:
    restore, save = (s for s in github()["jobs"]["regress"]["steps"] if "actions/cache" in s.get("uses", ""))
    assert restore["with"]["key"] == save["with"]["key"]
    assert save["with"]["key"].startswith(restore["with"]["restore-keys"])
    assert save["if"] == "${{ !cancelled() }}"  # after a comparison that failed, too


@pytest.mark.parametrize(
    ("number", "known", "called"),
    [
        ("", "", ["gh api repos/us/it/commits/abc/comments -F body=@shown.md"]),
        ("7", "", ["", "gh api repos/us/it/issues/7/comments -F body=@shown.md"]),
        ("7", "42", ["", "gh api --method PATCH repos/us/it/issues/comments/42 -F body=@shown.md"]),
    ],
)
def test_the_comment_goes_to_the_commit_or_once_to_the_pull_request(
    number: str, known: str, called: list[str], home: Path
) -> None:
    (home / "regress/comment.md").write_text("### Mappings of nightly\n")
    code, calls, _ = ran(home, ["bash", "-e", "-c", step("Comment")["run"]], NUMBER=number, ID=known)
    assert code == 0
    assert [call if "--paginate" not in call else "" for call in calls] == called


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
def test_systemd_takes_the_sample_units(tmp_path: Path) -> None:
    files = [str(SAMPLES / f"mapper-regress.{kind}") for kind in ("service", "timer")]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", *files], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_commands_in_the_text_are_commands_of_mapper() -> None:
    text = (SAMPLES / "README.md").read_text()
    commands = re.findall(r"mapper (regress (?:schedule|accept|bisect) [^`)\n]+)", text)
    assert len(commands) >= 3
    for command in commands:
        words = shlex.split(command.replace("...", "CASES.yaml"))
        assert _parser().parse_args(words).cases.endswith("cases.yaml") or "CASES.yaml" in words


def test_every_sample_is_told_of() -> None:
    text = (SAMPLES / "README.md").read_text()
    told = {"README.md", "mapper-regress.timer", *re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)}
    assert {file.name for file in SAMPLES.iterdir()} == told
