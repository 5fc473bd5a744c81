"""`mapper regress schedule`: entries come, change and go; nobody else's are touched."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mapper.cli.main import main

SUITE = "schema: 1\nname: small\nmodels: {m: {file: m.onnx}}\nmatrix: [{models: [m], targets: [edge-npu, superhet]}]\n"
CRONTAB = """#!/bin/sh
case "$1" in
-l) [ -f "$HOME/tab" ] || { echo "no crontab for you" >&2; exit 1; }; cat "$HOME/tab";;
-r) rm "$HOME/tab";;
-) cat > "$HOME/tab";;
esac
"""
SYSTEMCTL = """#!/bin/sh
[ ! -f "$HOME/no-bus" ] || { echo "Failed to connect to bus" >&2; exit 1; }
echo "$*" >> "$HOME/asked"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("crontab", CRONTAB), ("systemctl", SYSTEMCTL)):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(text)
        program.chmod(0o755)
    (tmp_path / "cases.yaml").write_text(SUITE)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def schedule(*words: str) -> int:
    return main(["regress", "schedule", "cases.yaml", *words])


def units(home: Path) -> dict[str, str]:
    folder = home / ".config/systemd/user"
    return {file.suffix: file.read_text() for file in folder.glob("mapper-regress-*") if file.is_file()}


def test_systemd_has_one_entry_however_often_it_is_written(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [
        "--filter",
        "*/superhet/*",
        "--models",
        ".",
        "--db",
        "h.db",
        "--jobs",
        "2",
        "--baseline",
        "b.json",
        "--executor",
        "ray",
        "--case-memory",
        "2.5",
    ]
    assert schedule("--install", "systemd", "--at", "3:05", *options) == 0
    once = units(home)
    assert schedule("--install", "systemd", "--at", "3:05", *options) == 0
    assert units(home) == once
    assert "OnCalendar=*-*-* 03:05:00\nPersistent=true\n" in once[".timer"]
    assert f"{sys.executable} {home}/cases.yaml {home}/out/regress\n" in once[".service"]
    shared = f"--filter '*/superhet/*' --db {home}/h.db"
    assert f"{shared} --models {home} --jobs 2 --executor ray --case-memory 2.5; " in once[".service"]
    assert f"{shared} --baseline {home}/b.json; " in once[".service"]
    asked = (home / "asked").read_text().splitlines()
    assert [line.split(" mapper")[0] for line in asked] == ["--user daemon-reload", "--user enable --now"] * 2
    assert "1 cases of small every night at 03:05, by systemd" in capsys.readouterr().out


def test_another_time_replaces_the_entry_and_removal_takes_it_away(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / ".config/systemd/user").mkdir(parents=True)
    (home / ".config/systemd/user/other.timer").write_text("not ours")
    for scheduler in ("systemd", "cron"):
        assert schedule("--install", scheduler) == 0
        assert schedule("--install", scheduler, "--at", "23:59") == 0
    capsys.readouterr()
    assert schedule() == 0
    told = capsys.readouterr().out
    assert told.count("every night at 23:59") == 2
    assert (home / "tab").read_text().count("# BEGIN") == 1
    assert schedule("--remove") == 0
    assert "are gone" in capsys.readouterr().out
    assert units(home) == {}
    assert [file.name for file in (home / ".config/systemd/user").iterdir()] == ["other.timer"]
    assert not (home / "tab").exists()
    assert schedule("--remove") == 0
    assert "nothing was scheduled" in capsys.readouterr().out


@pytest.mark.slow
def test_removal_from_one_scheduler_leaves_the_other(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schedule("--install", "systemd")
    schedule("--install", "cron")
    assert "note: systemd has an entry for it as well" in capsys.readouterr().out
    schedule("--install", "systemd", "--remove")
    assert units(home) == {}
    assert "mapper-regress" in (home / "tab").read_text()


def test_what_else_is_in_a_crontab_stays(home: Path) -> None:
    mine = b"MAILTO=\xff\r\n# a comment\n\n5 4 * * * true 100\\%"  # the last line has no end
    (home / "tab").write_bytes(mine)
    schedule("--install", "cron")
    assert (home / "tab").read_bytes().startswith(mine + b"\n# BEGIN mapper-regress-cases-")
    schedule("--remove")
    assert (home / "tab").read_bytes() == mine + b"\n"


def test_without_a_systemd_to_ask_the_user_is_told_what_is_left(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "no-bus").touch()
    assert schedule("--install", "systemd") == 0
    told = capsys.readouterr().out
    assert "not active yet: systemctl --user daemon-reload: Failed to connect to bus" in told
    assert "left to do: systemctl --user daemon-reload && systemctl --user enable --now mapper-regress-cases-" in told
    assert schedule("--remove") == 0
    assert "left to do: systemctl --user stop mapper-regress-cases-" in capsys.readouterr().out
    assert units(home) == {}


@pytest.mark.slow
def test_units_are_written_where_the_user_has_them(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    schedule("--install", "systemd")
    assert len(list((home / "config/systemd/user").glob("mapper-regress-cases-*"))) == 2


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--install", "cron", "--at", "25:00"], "write a time of day as HH:MM"),
        (["--at", "03:00"], "--at is for --install"),
        (["--remove", "--at", "03:00"], "leave --at out"),
        (["--install", "cron", "--filter", "nothing"], "means none of 2 cases"),
        (["--install", "cron", "--models", "nowhere"], "not a folder"),
        (["--install", "cron", "--address", "head:6379"], "add --executor ray"),
        (["--install", "cron", "--jobs", "many"], "write a whole number"),
        (["--install", "cron", "--case-seconds", "0"], "cannot even begin"),
        (["--install", "cron", "--out", "a\nb"], "which no line of a scheduler can"),
        (["--install", "cron", "--db", "postgresql://me:secret@host/db"], "put it into ~/.pgpass"),
        (["--install", "cron", "--db", "postgresql://me@host/db?password=secret"], "put it into ~/.pgpass"),
    ],
)
def test_what_cannot_be_scheduled_is_one_error_and_changes_nothing(
    words: list[str], complaint: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert schedule(*words) in (1, 2)
    assert complaint in capsys.readouterr().err
    assert not (home / "tab").exists()


def test_a_crontab_that_cannot_be_read_is_not_written(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "bin/crontab").write_text('#!/bin/sh\ntouch "$HOME/called$1"; echo "permission denied" >&2; exit 1\n')
    assert schedule("--install", "cron") == 1
    assert "crontab -l: permission denied" in capsys.readouterr().err
    assert not (home / "called-").exists()
