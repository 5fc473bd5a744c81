"""Jobs on a cluster of Ray: the outcomes that a machine's own processes give, and none lost with a worker."""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from execution import some_jobs as jobs

from mapper.errors import MapperError
from mapper.execution.cluster import Ray
from mapper.execution.jobs import Guard, Job, Nobody, Outcome, Status
from mapper.execution.joining import joined
from mapper.execution.local import Local
from mapper.execution.worker import Sources

slow = pytest.mark.slow
TESTS = Path(__file__).resolve().parents[1]
JOIN = """
import sys, threading
from execution import some_jobs as jobs
from mapper.errors import MapperError
from mapper.execution.cluster import Ray
from mapper.execution.jobs import Guard, Job, Nobody

try:
    for outcome in Ray(sys.argv[1]).run([Job("a", jobs.double, 3)], Guard(), threading.Event(), Nobody()):
        print(outcome.status.name, outcome.value)
except MapperError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Ray]:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'hetmap[ray]'")
    with pytest.MonkeyPatch.context() as patch:
        paths = [str(TESTS), str(TESTS.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))  # a node's workers find the tests' jobs
        patch.delenv("RAY_ADDRESS", raising=False)
        with joined(None, 2):
            yield Ray()


def run(
    executor: Ray | Local,
    some: list[Job],
    guard: Guard | None = None,
    watch: Any = None,
    stop: threading.Event | None = None,
) -> dict[str, Outcome]:
    found = list(executor.run(some, guard or Guard(), stop or threading.Event(), watch or Nobody()))
    assert len(found) == len(some)
    return {outcome.name: outcome for outcome in found}


def words(outcome: Outcome) -> Any:
    """What must be the same wherever a job runs."""
    failure = outcome.failure
    said = None if failure is None else (failure.kind, failure.message, failure.details, failure.hint)
    return outcome.status, outcome.value, said


def gone(pid: int) -> bool:
    until = time.monotonic() + 20
    while Path("/proc", str(pid)).exists() and time.monotonic() < until:
        time.sleep(0.05)
    return not Path("/proc", str(pid)).exists()


def pid_in(file: Path) -> int:
    until = time.monotonic() + 60
    while not (file.exists() and file.read_text().strip()):
        assert time.monotonic() < until, "the job did not begin"
        time.sleep(0.02)
    return int(file.read_text().split()[0])


def parent(pid: int) -> int:
    return int(Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[1])


@slow
def test_outcomes_are_those_of_processes_of_this_machine(cluster: Ray) -> None:
    some = [
        Job("done", jobs.double, 3),
        Job("refused", jobs.refuse, "figure"),
        Job("stumbled", jobs.stumble, "key"),
        Job("left", jobs.leave, 7),
        Job("killed", jobs.be_killed, signal.SIGKILL),
        Job("lock", jobs.unsendable, "lock"),
        Job("deaf", jobs.interrupt_self),
    ]
    here, there = run(Local(2), some), run(cluster, some)
    assert {n: words(o) for n, o in there.items()} == {n: words(o) for n, o in here.items()}
    assert 1 << 20 < there["done"].peak_bytes < 2 << 30


@slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="memory is watched through /proc")
def test_guards_of_time_and_memory_are_kept_on_a_node(cluster: Ray) -> None:
    guard = Guard(seconds=8.0, memory_bytes=400 << 20)
    found = run(cluster, [Job("long", jobs.sleep, 60.0), Job("vast", jobs.hoard, 600 << 20)], guard)
    assert found["long"].status is Status.TIMEOUT
    assert "not done after 8 s" in str(found["long"].failure)
    assert found["vast"].status is Status.MEMORY


@slow
def test_the_watcher_hears_that_a_job_begins_and_how_it_stands(cluster: Ray) -> None:
    heard = []

    class Listener:
        def begun(self, name: str) -> None:
            heard.append((name, "begun"))

        def tell(self, name: str, what: str) -> None:
            heard.append((name, what))

    run(cluster, [Job(n, jobs.double, i) for i, n in enumerate("abc")], watch=Listener())
    assert sorted(heard) == [(n, what) for i, n in enumerate("abc") for what in (f"at {i}", "begun")]
    assert all(heard.index((n, "begun")) < heard.index((n, f"at {i}")) for i, n in enumerate("abc"))


@slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="workers are found through /proc")
def test_a_job_whose_worker_is_killed_runs_anew_and_its_first_process_is_gone(cluster: Ray, tmp_path: Path) -> None:
    file = tmp_path / "pids"
    running = cluster.run(
        [Job("twice", jobs.second_time, str(file)), Job("other", jobs.double, 2)], Guard(), threading.Event(), Nobody()
    )
    found = {}

    def kill() -> None:
        first = pid_in(file)
        os.kill(parent(parent(first)), signal.SIGKILL)  # its parent is the server of forks, whose parent is the worker
        found["first is gone"] = gone(first)

    killer = threading.Thread(target=kill)
    killer.start()
    outcomes = {outcome.name: outcome for outcome in running}
    killer.join()
    assert found["first is gone"]
    assert (outcomes["twice"].status, outcomes["twice"].value) == (Status.DONE, 2)
    assert outcomes["other"].value == 4
    assert len(file.read_text().split()) == 2


@slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="workers are found through /proc")
def test_a_job_whose_workers_are_all_killed_is_told_as_crashed(cluster: Ray) -> None:
    found = run(cluster, [Job("deadly", jobs.kill_worker), Job("other", jobs.double, 2)])
    assert found["deadly"].status is Status.CRASHED
    assert "was killed, 4 times" in str(found["deadly"].failure)
    assert found["other"].value == 4


@slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found through /proc")
def test_jobs_are_stopped_though_what_passes_messages_was_killed_before(cluster: Ray) -> None:
    stop = threading.Event()

    def kill() -> None:
        for process in Path("/proc").glob("[0-9]*"):
            if (process / "cmdline").read_bytes().startswith(b"ray::Post"):
                os.kill(int(process.name), signal.SIGKILL)
        threading.Timer(1.0, stop.set).start()

    class Killer(Nobody):
        def begun(self, name: str) -> None:
            threading.Timer(0.5, kill).start()

    some = [Job(name, jobs.sleep, 120.0) for name in ("first", "second")]
    began = time.monotonic()
    found = {o.name: o for o in Ray(jobs=1).run(some, Guard(), stop, Killer())}
    assert time.monotonic() - began < 60
    assert (found["first"].status, found["first"].value) == (Status.DONE, "stopped")
    assert found["second"].status is Status.STOPPED


@slow
def test_once_somebody_stops_those_that_run_end_by_themselves_and_no_other_begins(cluster: Ray) -> None:
    stop = threading.Event()

    class Stopper(Nobody):
        def begun(self, name: str) -> None:
            threading.Timer(0.3, stop.set).start()

    some = [Job(name, jobs.sleep, 60.0) for name in ("first", "second", "third")]
    began = time.monotonic()
    found = {o.name: o for o in Ray(jobs=1).run(some, Guard(), stop, Stopper())}
    assert time.monotonic() - began < 30
    assert (found["first"].status, found["first"].value) == (Status.DONE, "stopped")
    assert [found[n].status for n in ("second", "third")] == [Status.STOPPED, Status.STOPPED]


@slow
def test_jobs_that_wait_for_a_cpu_are_stopped_though_they_never_get_one(cluster: Ray) -> None:
    stop = threading.Event()
    some = [Job(str(k), jobs.sleep, 60.0) for k in range(5)]  # on a cluster of two CPUs
    begun = []

    class Stopper(Nobody):
        def begun(self, name: str) -> None:
            begun.append(name)
            if len(begun) == 2:
                stop.set()

    found = {o.name: o for o in cluster.run(some, Guard(), stop, Stopper())}
    assert sorted(n for n in found if found[n].value == "stopped") == sorted(begun)
    assert sum(o.status is Status.STOPPED for o in found.values()) == 3


@slow
def test_no_more_jobs_run_at_once_than_there_are_cpus_though_they_wait_for_an_answer(
    cluster: Ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mapper.execution.cluster.Post", jobs.SlowPost)
    stop = threading.Event()
    begun = []

    class Stopper(Nobody):
        def begun(self, name: str) -> None:
            begun.append(name)
            if len(begun) == 2:
                threading.Timer(6, stop.set).start()  # time for a third on a cluster of two CPUs

    found = run(cluster, [Job(str(k), jobs.sleep, 60.0) for k in range(4)], watch=Stopper(), stop=stop)
    assert len(begun) == 2
    assert sorted(n for n in found if found[n].value == "stopped") == sorted(begun)


@slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found through /proc")
def test_who_closes_the_iterator_leaves_no_process_of_a_job(cluster: Ray, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    running = cluster.run(
        [Job("stays", jobs.never_stop, str(file)), Job("ends", jobs.double, 1)], Guard(), threading.Event(), Nobody()
    )
    assert next(running).name == "ends"
    stays = pid_in(file)
    running.close()  # type: ignore[attr-defined]
    assert gone(stays)


@slow
def test_a_node_with_other_sources_is_refused(cluster: Ray, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Sources()
    monkeypatch.setattr("mapper.execution.cluster.Sources", lambda: Sources(here.versions, "0" * 64))
    with pytest.raises(MapperError, match="other sources of mapper"):
        list(cluster.run([Job("a", jobs.double, 1)], Guard(), threading.Event(), Nobody()))


@slow
def test_a_node_that_lacks_the_code_of_a_job_is_told(
    cluster: Ray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text("def job(what, stop, tell):\n    return what\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    job = importlib.import_module("only_here").job
    with pytest.raises(MapperError, match=r"cannot run jobs.*only_here"):
        list(cluster.run([Job("a", job, 1)], Guard(), threading.Event(), Nobody()))


@slow
@pytest.mark.parametrize(("mode", "said"), [("token", "DONE 6"), ("", "asks for a token")])
def test_a_cluster_is_joined_at_its_address_by_those_who_have_its_token(cluster: Ray, mode: str, said: str) -> None:
    import ray

    words = [sys.executable, "-c", JOIN, ray.get_runtime_context().gcs_address]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_AUTH_MODE"}
    more = {"RAY_AUTH_MODE": mode} if mode else {}
    done = subprocess.run(words, env=environment | more, text=True, capture_output=True, timeout=120)
    assert said in done.stdout
    assert done.stderr == ""


def test_other_versions_are_told_before_other_sources() -> None:
    mine = Sources({"hetmap": "1", "ortools": "9.14"}, "a")
    assert mine.differs(mine) == ""
    assert mine.differs(Sources({"hetmap": "1", "ortools": "9.15"}, "b")) == "ortools 9.15 instead of 9.14"
    assert "sources" in mine.differs(Sources(mine.versions, "b"))
