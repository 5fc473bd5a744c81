"""Signals end a command soon, once it has cleaned up; what it prints steers no terminal and may go unread."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from mapper.cli.ending import TWICE_S, Ended, ended_by_signals, stopped_by_signals
from mapper.cli.main import main
from mapper.cli.saying import say
from mapper.errors import MapperError, plain

WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM", signal.SIGHUP: "ended by SIGHUP"}


@pytest.fixture
def heard() -> Iterator[None]:
    """Signals as a terminal has them, even where nohup began the tests."""
    before = {n: signal.signal(n, signal.default_int_handler) for n in WORDS}
    yield
    for n, handler in before.items():
        signal.signal(n, handler)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("number", list(WORDS))
def test_a_signal_ends_the_block_which_cleans_up_undisturbed(number: int) -> None:
    cleaned, before = [], [signal.getsignal(n) for n in WORDS]

    def work() -> None:
        try:
            os.kill(os.getpid(), number)
        finally:
            os.kill(os.getpid(), number)
            cleaned.append(True)

    with pytest.raises(Ended) as found, ended_by_signals("half was written"):
        work()
    assert cleaned == [True]
    assert str(found.value) == f"{WORDS[signal.Signals(number)]}: half was written"
    assert [signal.getsignal(n) for n in WORDS] == before


def test_what_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_block_that_ends_by_itself_leaves_no_thread_and_no_descriptor() -> None:
    with ended_by_signals(at_once=True):
        pass
    there = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    for _ in range(20):
        with ended_by_signals(at_once=True):
            pass
    assert sys.platform != "linux" or len(os.listdir("/proc/self/fd")) == there


LONG = """
import hashlib, sys
from mapper.cli.ending import ended_by_signals
with ended_by_signals(at_once=True):
    print("ready", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)  # foreign code that looks at no signal
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_in_foreign_code_ends_soon_where_nothing_is_left(number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LONG], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert err == f"{WORDS[signal.Signals(number)]}: nothing was written\n"


def test_names_of_models_steer_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("\x1b[31ma\u202eb\x07\n")
    assert capsys.readouterr().out == "\\x1b[31ma\\u202eb\\x07\n"
    assert str(MapperError("'a\nerror: b\x1b' is lost", details=["\x9bc"], hint="d\r")) == (
        "'a\\nerror: b\\x1b' is lost\n  \\x9bc\n  next: d\\r"
    )
    assert plain("naïve 模型 · ok") == "naïve 模型 · ok"


def test_a_terminal_of_few_letters_gets_all_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", screen)
    say("a · naïve 50 % ██░\n")
    assert screen.buffer.getvalue() == b"a * na\\xefve 50 % ##.\n"  # type: ignore[attr-defined]


UNREAD = "import sys; from mapper.cli.saying import say; sys.stdin.readline(); say('x' * 10**6); sys.exit(7)"


def test_a_reader_who_leaves_early_changes_no_exit_code() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", UNREAD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        _, err = process.communicate(b"\n", timeout=30)
    assert (process.returncode, err) == (7, b"")


def test_too_little_memory_is_told_as_that(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def full(_: object) -> int:
        raise MemoryError("Unable to allocate 4 TiB")

    monkeypatch.setattr("mapper.cli.lists.passes", full)
    assert main(["passes"]) == 1
    assert capsys.readouterr().err == "error: not enough memory: Unable to allocate 4 TiB\n"


def test_the_same_wish_told_twice_at_once_is_one_and_a_later_one_ends() -> None:
    with stopped_by_signals("nothing") as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.event.is_set()
        assert stop.code == 143
        time.sleep(TWICE_S + 0.05)
        with pytest.raises(Ended, match="SIGTERM: nothing"):
            os.kill(os.getpid(), signal.SIGTERM)
