from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from folders import slow, two_units

from mapper.errors import MapperError
from mapper.runtime.inputs import made_up
from mapper.runtime.run import Emitted, Settings, opened, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

PATIENCE_S = 20.0
"""A second on a quiet machine; the tests run beside others. What is left behind counts."""

COMMAND = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "  # a shell's `&` has it ignored
    "from mapper.cli.main import main; sys.exit(main())"
)


def children(process: int) -> list[int]:
    """Processes that a process started and that are there, ended or not."""
    found: list[int] = []
    for task in Path(f"/proc/{process}/task").glob("*"):
        found += map(int, (task / "children").read_text().split())
    return found


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def workers_of(process: int) -> list[int]:
    """The children that are workers by now, not forks on their way to become one."""
    found = []
    for child in children(process):
        try:
            if b"mapper.runtime.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
        except OSError:
            continue
    return found


def gone(processes: list[int], seconds: float) -> bool:
    """Whether all have ended before so long."""
    end = time.monotonic() + seconds
    while any(map(is_alive, processes)) and time.monotonic() < end:
        time.sleep(0.01)
    return not any(map(is_alive, processes))


@contextmanager
def nothing_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No process, descriptor, temporary file or shared memory more than before."""

    def there() -> tuple[int, set[str], list[str]]:
        shared = {n for n in os.listdir("/dev/shm") if "mapper" in n} if Path("/dev/shm").is_dir() else set()
        return (
            len(os.listdir("/proc/self/fd")),
            shared,
            sorted({*os.listdir(folder)} - {".ses"}),
        )  # onnxruntime makes that when it is imported

    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    before = there()
    yield
    assert workers_of(os.getpid()) == []
    assert there() == before


class Killer(threading.Thread):
    """Kills one of this process's workers after a while, once there is one; at: when it did. over: none will come."""

    def __init__(self, delay: float, choice: random.Random) -> None:
        super().__init__()
        self.delay, self.choice = delay, choice
        self.at: float | None = None
        self.over = False
        self.start()

    def run(self) -> None:
        time.sleep(self.delay)
        end = time.monotonic() + PATIENCE_S
        while not (found := workers_of(os.getpid())) and time.monotonic() < end and not self.over:
            time.sleep(0.005)
        if found:
            os.kill(self.choice.choice(found), signal.SIGKILL)
            self.at = time.monotonic()


def kill_one(emitted: Emitted, delay: float, choice: random.Random) -> MapperError | None:
    """What a run says whose worker is killed after a while; it has to end soon."""
    killer = Killer(delay, choice)
    error = None
    try:
        run(emitted, Settings(requests=5000), made_up(emitted.program, 1, 0))
    except MapperError as found:
        error = found
    end = time.monotonic()
    killer.over = True
    killer.join()
    assert killer.at is None or end - killer.at < PATIENCE_S
    return error


def test_a_killed_worker_is_told_and_the_others_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emitted = opened(slow(tmp_path / "folder"))
    with nothing_left(tmp_path / "temporary", monkeypatch):
        error = kill_one(emitted, 0.8, random.Random(0))
    assert error is not None
    assert "was killed by signal 9 (SIGKILL)" in error.message
    assert "the worker of " in error.message


@pytest.mark.slow
def test_two_hundred_random_kills_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emitted = opened(slow(tmp_path / "folder"))
    choice = random.Random(0)
    with nothing_left(tmp_path / "temporary", monkeypatch):
        delays = [choice.expovariate(5.0) for _ in range(200)]  # half of them while workers start, a few much later
        errors = [kill_one(emitted, delay, choice) for delay in delays]
        told = {str(e) for e in errors if e is not None}
        assert {words for words in told if "was killed by signal 9" not in words} == set()
        assert sum(e is not None for e in errors) == 200


def start(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """The command on its own, once its workers are there."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "run", str(folder), "--requests", "100000"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    end = time.monotonic() + 30
    while len(found := workers_of(process.pid)) < 2:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)
    return process, found


@pytest.mark.parametrize("later", [0.0, 0.6])
def test_workers_end_when_their_coordinator_is_killed(later: float, tmp_path: Path) -> None:
    process, workers = start(slow(tmp_path))
    with process:
        time.sleep(later)
        process.kill()
    assert gone(workers, PATIENCE_S)


def test_an_interrupt_ends_all(tmp_path: Path) -> None:
    process, workers = start(slow(tmp_path))
    with process:
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        since = time.monotonic()
        assert process.wait() == 130
        assert time.monotonic() - since < PATIENCE_S
        assert process.stderr is not None
        assert process.stderr.read() == "interrupted: nothing was written\n"
    assert gone(workers, 0.0)


def test_workers_of_a_finished_run_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emitted = opened(two_units(tmp_path / "folder"))
    with nothing_left(tmp_path / "temporary", monkeypatch):
        run(emitted, Settings(), made_up(emitted.program, 1, 0))


def test_workers_run_no_code_of_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emitted = opened(two_units(tmp_path / "folder"))
    for name in ("mapper/__init__.py", "numpy.py", "json.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("raise SystemExit('code of the working directory runs')")
    monkeypatch.chdir(tmp_path)
    run(emitted, Settings(), made_up(emitted.program, 1, 0))


def test_a_worker_that_cannot_start_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emitted = opened(two_units(tmp_path / "folder"))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with nothing_left(tmp_path / "temporary", monkeypatch):
        monkeypatch.setattr("mapper.runtime.processes.subprocess.Popen", full)
        with pytest.raises(MapperError, match="no worker for a: Too many open files"):
            run(emitted, Settings(), made_up(emitted.program, 1, 0))


def test_what_a_worker_printed_is_shown_when_it_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emitted = opened(two_units(tmp_path))
    monkeypatch.setattr("mapper.runtime.processes.sys.executable", _broken(tmp_path))
    with pytest.raises(
        MapperError, match=r"the worker of [ab] ended by itself \(exit code 3\) before it was ready"
    ) as found:
        run(emitted, Settings(), made_up(emitted.program, 1, 0))
    assert found.value.details == ("log: no luck today",)


def _broken(folder: Path) -> str:
    """An interpreter that says something and gives up."""
    path = folder / "python"
    path.write_text("#!/bin/sh\necho no luck today >&2\nexit 3\n")
    path.chmod(0o755)
    return str(path)
