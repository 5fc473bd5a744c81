"""A cluster of this machine: it says nothing, and nothing is left of it, however the process that had it ends."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from execution import some_jobs as jobs

from mapper.errors import MapperError
from mapper.execution.cluster import Ray
from mapper.execution.jobs import Guard, Job, Nobody

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install 'hetmap[ray]'"
)
needs_proc = pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found through /proc")
TESTS = Path(__file__).resolve().parents[1]
SCRIPT = """
import sys, threading
from execution import some_jobs as jobs
from mapper.execution.cluster import Ray
from mapper.execution.jobs import Guard, Job, Nobody

if __name__ == "__main__":
    some = [Job("it", getattr(jobs, sys.argv[1]), sys.argv[2])]
    for outcome in Ray(jobs=1).run(some, Guard(), threading.Event(), Nobody()):
        print(outcome.status.value, flush=True)
"""


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files, named as short as sockets need it."""
    with tempfile.TemporaryDirectory(prefix="m") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS.parent)]))
        monkeypatch.delenv("RAY_ADDRESS", raising=False)
        yield Path(folder)


def started(job: str, argument: object) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", SCRIPT, job, str(argument)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def of_folder(folder: Path) -> list[str]:
    """The processes that have this folder for temporary files."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"TMPDIR={folder}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:100])
        except OSError:  # it has just ended
            continue
    return found


def left_of(folder: Path, but_for: str = "nothing") -> list[str]:
    until = time.monotonic() + 20
    while (left := [name for name in of_folder(folder) if but_for not in name]) and time.monotonic() < until:
        time.sleep(0.1)
    return left


@pytest.mark.slow
@needs_ray
@needs_proc
def test_nothing_is_said_and_no_process_and_no_file_is_left_though_all_workers_were_killed(apart: Path) -> None:
    process = started("kill_worker", "")
    assert process.communicate(timeout=240) == ("crashed\n", "")
    assert left_of(apart) == []
    assert list(apart.iterdir()) == []


@pytest.mark.slow
@needs_ray
@needs_proc
@pytest.mark.parametrize(
    ("number", "but_for"),
    [
        (signal.SIGINT, "nothing"),
        (signal.SIGTERM, "nothing"),
        (signal.SIGKILL, "Agent"),  # two of Ray's own look for the others once a minute
    ],
)
def test_no_process_is_left_when_the_one_that_asked_is_ended(apart: Path, number: int, but_for: str) -> None:
    file = apart / "pid"
    process = started("never_stop", file)
    until = time.monotonic() + 120
    while not (file.exists() and file.read_text()):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode not in (0, None)
    assert left_of(apart, but_for) == []
    if number != signal.SIGKILL:
        assert [path.name for path in apart.iterdir()] == ["pid"]


@pytest.mark.slow
@needs_ray
def test_an_address_where_nobody_listens_is_one_clear_error() -> None:
    with pytest.raises(MapperError, match=r"joins no cluster at 127.0.0.1:1: .*refused"):
        list(Ray("127.0.0.1:1").run([Job("a", jobs.double, 1)], Guard(), threading.Event(), Nobody()))


def test_without_ray_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MapperError, match="not installed") as caught:
        list(Ray().run([Job("a", jobs.double, 1)], Guard(), threading.Event(), Nobody()))
    assert caught.value.hint == "pip install 'hetmap[ray]'"
