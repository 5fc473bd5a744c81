"""Nightly entries: what cron and systemd make of them is the command that was meant, whatever paths hold."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples, sweep

from mapper.errors import MapperError, UsageError
from mapper.regress.schedule import Nightly, name_of, time_of
from mapper.regress.schedule_cron import line_of, with_entry, without_entry
from mapper.regress.schedule_systemd import units

ODD = st.text(st.sampled_from("a %\\\"'$#;`~!*{}é\u2028\u00a0"), min_size=1, max_size=12)
NIGHTLY = Nightly(Path("/w/cases.yaml"), Path("/w/out"), Path("/venv/bin/python"), time(2, 0))


def command_of_cron(line: str, backslashes: bool) -> str:
    """What cron hands to sh: all up to a % that is not escaped. backslashes: whether two of them are one."""
    text, found, k = line.split(" ", 5)[5], "", 0
    while k < len(text) and text[k] != "%":
        if text[k] == "\\" and text[k + 1 : k + 2] in (("%", "\\") if backslashes else ("%",)):
            k += 1
        elif text[k] == "\\":  # it escapes whatever comes, and stays
            found, k = found + text[k], k + 1
        found, k = found + text[k], k + 1
    return found


def words_of_systemd(service: str) -> list[str]:
    """The words that systemd makes of ExecStart: quotes and escapes, then specifiers, then variables."""
    line = next(x for x in service.split("\n") if x.startswith("ExecStart=")).removeprefix("ExecStart=")
    found = []
    for word in re.findall(r'"(?:[^"\\]|\\.)*"|[^\s"]+', line):
        text = re.sub(r'\\(["\\])', r"\1", word[1:-1]) if word.startswith('"') else word
        assert not re.search(r"(?<!%)(?:%%)*%[^%]|%$", text.replace("%%", ""))
        assert "$" not in text.replace("$$", "")
        found.append(text.replace("%%", "%").replace("$$", "$"))
    return found


@examples(10, 300)
@given(ODD, ODD, ODD, ODD)
def test_both_schedulers_start_the_command_that_was_meant(cases: str, out: str, python: str, pattern: str) -> None:
    paths = (Path(f"/{part}") for part in (cases, out, python))
    nightly = Nightly(*paths, time(2, 0), ("--filter", pattern), ("--filter", pattern))
    line = line_of(nightly)
    for backslashes in (False, True):
        assert shlex.split(command_of_cron(line, backslashes)) == list(nightly.words)
    assert words_of_systemd(units(nightly)[f"{nightly.name}.service"]) == list(nightly.words)


@examples(10, 300)
@given(st.lists(st.binary(max_size=6).map(lambda b: b.replace(b"\n", b"")), max_size=4), st.booleans())
def test_other_lines_of_a_crontab_stay_byte_for_byte(lines: list[bytes], ended: bool) -> None:
    before = b"\n".join(lines) + (b"\n" if lines and ended else b"")
    once = with_entry(before, NIGHTLY)
    assert once.startswith(before)
    assert with_entry(once, NIGHTLY) == once
    later = with_entry(once, replace(NIGHTLY, at=time(4, 30)))
    assert later == once.replace(b"\n0 2 * * * ", b"\n30 4 * * * ")
    other = replace(NIGHTLY, cases=Path("/v/cases.yaml"))
    both = with_entry(once, other)
    assert both.count(b"# BEGIN mapper-regress-cases-") == 2
    assert without_entry(both, other.name) == once
    after = without_entry(once, NIGHTLY.name)
    assert after == (before if before.endswith(b"\n") or not before else before + b"\n")
    assert without_entry(after, NIGHTLY.name) == after


def test_a_block_that_somebody_broke_is_not_guessed_at() -> None:
    broken = with_entry(b"", NIGHTLY).replace(b"# END", b"# THE END")
    with pytest.raises(MapperError, match="no '# END mapper-regress-cases-"):
        without_entry(broken, NIGHTLY.name)


@pytest.mark.parametrize("character", ["\n", "\r", "\x1b", "\udcff"])
def test_what_no_line_can_hold_is_refused(character: str) -> None:
    with pytest.raises(UsageError, match="which no line of a scheduler can"):
        replace(NIGHTLY, out=Path(f"/w/o{character}ut"))


def test_a_command_too_long_for_old_crons_is_refused() -> None:
    with pytest.raises(UsageError, match="cron takes commands of 990 bytes"):
        line_of(replace(NIGHTLY, run=("--filter", "x" * 800)))


@pytest.mark.parametrize(
    ("ran", "held", "code"), sweep([(1, 0, 1), (0, 0, 0), (0, 1, 1), (2, 2, 1)], 2)
)  # a run that failed, and a comparison of the night before that passes
def test_the_night_fails_where_the_run_or_the_comparison_does(ran: int, held: int, code: int, tmp_path: Path) -> None:
    python = tmp_path / "py'th\"on $x"
    python.write_text(f'#!/bin/sh\nprintf "<%s>" "$@"; case "$4" in run) exit {ran};; compare) exit {held};; esac\n')
    python.chmod(0o755)
    out = tmp_path / "100% o'ut\\"
    nightly = replace(NIGHTLY, python=python, out=out, run=("--filter", "*/superhet/*"))
    done = subprocess.run(["/bin/sh", "-c", command_of_cron(line_of(nightly), False)], capture_output=True, text=True)
    assert done.returncode == code
    assert ("FAILED" in done.stdout) == bool(code)
    log = (out / "nightly.log").read_text()
    assert f"<-m><mapper><regress><run></w/cases.yaml><--out><{out}><--filter><*/superhet/*>" in log
    assert f"<-m><mapper><regress><compare></w/cases.yaml><--out><{out}>" in log


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    nightly = replace(NIGHTLY, out=Path('/w/100% "o\'ut" $HOME\\'), cases=Path("/w/%n cases.yaml\\"))
    for name, text in units(nightly).items():
        (tmp_path / name).write_text(text)
    files = [str(tmp_path / f"{nightly.name}.{kind}") for kind in ("service", "timer")]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", *files], capture_output=True, text=True, env=environment
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_entry_is_named_by_the_path_of_its_cases() -> None:
    assert re.fullmatch(r"mapper-regress-cases-[0-9a-f]{8}", name_of(Path("/w/cases.yaml")))
    assert name_of(Path("/w/cases.yaml")) != name_of(Path("/v/cases.yaml"))
    assert re.fullmatch(r"mapper-regress-a-b-[0-9a-f]{8}", name_of(Path("/w/a % b.yaml")))


@pytest.mark.parametrize("text", ["24:00", "2", "02:60", "-1:00", "02:00:00", "٢:00", ""])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write a time of day as HH:MM"):
        time_of(text)
