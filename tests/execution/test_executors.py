"""Executors: the same outcomes whoever runs jobs; a job that crashes or takes too much is an outcome of its own."""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from execution import some_jobs as jobs

from mapper.errors import UsageError
from mapper.execution.here import Here
from mapper.execution.jobs import Executor, Guard, Job, Nobody, Outcome, Status
from mapper.execution.local import Local

ALL = [
    Job("a", jobs.double, 3),
    Job("b", jobs.refuse, "figure"),
    Job("c", jobs.stumble, "key"),
    Job("d", jobs.double, 4),
]


def run(executor: Executor, some: list[Job], guard: Guard | None = None, watch: Any = None) -> dict[str, Outcome]:
    found = list(executor.run(some, guard or Guard(), threading.Event(), watch or Nobody()))
    assert len(found) == len(some)
    return {outcome.name: outcome for outcome in found}


class Listener:
    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def begun(self, name: str) -> None:
        self.heard.append((name, "begun"))

    def tell(self, name: str, what: str) -> None:
        self.heard.append((name, what))


@pytest.mark.parametrize("executor", [Here(), Local(2)])
def test_each_job_ends_with_its_value_or_with_what_it_raised(executor: Executor) -> None:
    listener = Listener()
    found = run(executor, ALL, watch=listener)
    assert [found[n].status for n in "abcd"] == [Status.DONE, Status.RAISED, Status.RAISED, Status.DONE]
    assert (found["a"].value, found["d"].value) == (6, 8)
    refused, stumbled = found["b"].failure, found["c"].failure
    assert refused is not None
    assert stumbled is not None
    assert (refused.kind, refused.message, refused.details, refused.hint) == (
        "UsageError", "no figure", ("one", "two"), "another")  # fmt: skip
    assert refused.trace == ""
    assert stumbled.kind == "KeyError"
    assert "stumble" in stumbled.trace
    assert listener.heard.index(("a", "begun")) < listener.heard.index(("a", "at 3"))


def test_a_process_that_ends_or_is_killed_is_an_outcome_and_the_others_go_on() -> None:
    some = [Job("left", jobs.leave, 7), Job("killed", jobs.be_killed, signal.SIGKILL), Job("fine", jobs.double, 1)]
    found = run(Local(2), some)
    assert found["fine"].value == 2
    for name, words in (("left", "ended with exit code 7"), ("killed", "was killed by signal 9")):
        assert found[name].status is Status.CRASHED
        assert words in str(found[name].failure)
    assert "--jobs 1" in str(found["killed"].failure)


def test_what_takes_too_long_is_ended_and_told() -> None:
    some = [Job("long", jobs.sleep, 60.0), Job("short", jobs.double, 1), Job("talks", jobs.chatter)]
    found = run(Local(2), some, Guard(seconds=1.0))
    for name in ("long", "talks"):
        assert found[name].status is Status.TIMEOUT
        assert "not done after 1 s" in str(found[name].failure)
    assert found["short"].status is Status.DONE


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="memory is watched through /proc")
def test_what_takes_too_much_memory_is_ended_and_told() -> None:
    found = run(Local(1), [Job("vast", jobs.hoard, 600 << 20)], Guard(memory_bytes=400 << 20))
    assert found["vast"].status is Status.MEMORY
    assert found["vast"].peak_bytes > 400 << 20
    assert "of at most 419 MB" in str(found["vast"].failure)


@pytest.mark.skipif(sys.platform == "win32", reason="the system does not tell")
def test_the_memory_of_a_job_is_told() -> None:
    assert 10 << 20 < run(Local(1), [Job("a", jobs.double, 1)])["a"].peak_bytes < 2 << 30


@pytest.mark.parametrize("executor", [Here(), Local(1)])
def test_once_somebody_stops_no_job_is_begun_and_those_that_run_end_by_themselves(executor: Executor) -> None:
    stop = threading.Event()

    class Stopper(Nobody):
        def begun(self, name: str) -> None:
            threading.Timer(0.3, stop.set).start()

    some = [Job("first", jobs.sleep, 60.0), Job("second", jobs.sleep, 60.0)]
    began = time.monotonic()
    found = {o.name: o for o in executor.run(some, Guard(), stop, Stopper())}
    assert time.monotonic() - began < 30
    assert (found["first"].status, found["first"].value) == (Status.DONE, "stopped")
    assert found["second"].status is Status.STOPPED


def test_who_closes_the_iterator_leaves_no_process(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    running = Local(2).run(
        [Job("stays", jobs.never_stop, str(file)), Job("ends", jobs.double, 1)], Guard(), threading.Event(), Nobody()
    )
    assert next(running).name == "ends"
    while not (file.exists() and file.read_text()):
        time.sleep(0.02)
    running.close()  # type: ignore[attr-defined]
    assert not Path("/proc", file.read_text()).exists()


def test_a_result_that_no_process_can_send_is_told_as_an_error() -> None:
    for what in ("lock", "nameless function"):
        found = run(Local(1), [Job(what, jobs.unsendable, what)])[what]
        assert found.status is Status.RAISED
        assert "cannot be sent" in str(found.failure)


def test_jobs_do_not_hear_ctrl_c() -> None:
    assert run(Local(1), [Job("deaf", jobs.interrupt_self)])["deaf"].value.startswith("deaf")


def test_guards_that_nothing_passes_and_guards_of_this_process_are_refused() -> None:
    with pytest.raises(UsageError, match="cannot even begin"):
        Guard(seconds=0)
    with pytest.raises(UsageError, match="cannot even begin"):
        Guard(memory_bytes=0)
    with pytest.raises(UsageError, match="no guard"):
        list(Here().run(ALL, Guard(seconds=1.0), threading.Event(), Nobody()))
