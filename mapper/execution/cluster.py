"""Jobs on a cluster of Ray: each in a process of its own beside a worker, and anew where its worker is killed."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from mapper.errors import MapperError
from mapper.execution.jobs import Failure, Guard, Job, Outcome, Status, Watcher, not_begun
from mapper.execution.joining import joined
from mapper.execution.local import MEMORY_HINT
from mapper.execution.worker import Post, Sources, Stranger, work

LOOK_S = 0.1
"""How often somebody looks whether the user wants it to end, and what is new."""
RETRIES = 3
"""How often a job whose worker was killed is begun anew."""
SAME = "install the same mapper on all nodes"


@dataclass(frozen=True)
class Ray:
    """Runs jobs on the cluster at `address`; without one on that of RAY_ADDRESS, or one of this machine's for as long
    as they take. At most `jobs` at once, None: as many as the cluster has CPUs. preload: modules that all of them need.

    Every job has a process of its own on its node, with its guard. One whose worker or node is lost runs anew.
    """

    address: str | None = None
    jobs: int | None = None
    preload: tuple[str, ...] = ()
    elsewhere: ClassVar[bool] = True

    def run(self, jobs: Sequence[Job], guard: Guard, stop: threading.Event, watch: Watcher) -> Iterator[Outcome]:
        """The outcomes, in the order in which jobs end. Raises MapperError where there is no such cluster, where its
        nodes have other versions of mapper, and where it is lost."""
        if not jobs:
            return
        with joined(self.address, self.jobs) as ray:
            run = _Run(ray, guard, watch, self.preload, deque(jobs), self.jobs or len(jobs))
            try:
                yield from run.outcomes(stop)
            except ray.exceptions.RayError as error:
                raise MapperError(
                    f"the cluster is lost: {_words(error)}", hint="begin again: what is done stays"
                ) from None
            finally:
                run.end()


class _Run:
    """Jobs on their way."""

    def __init__(
        self, ray: Any, guard: Guard, watch: Watcher, preload: tuple[str, ...], waiting: deque[Job], at_once: int
    ) -> None:
        self.ray, self.watch, self.waiting, self.at_once = ray, watch, waiting, at_once
        lasting = {"max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": _here(ray)}
        self.post = ray.remote(num_cpus=0, **lasting)(Post).remote()
        self.shared = (guard, preload, self.post, [self.post.stopped.remote()], Sources())
        self.work = ray.remote(num_cpus=1, max_retries=RETRIES)(work)
        self.running: dict[Any, str] = {}
        self.begun: set[str] = set()

    def outcomes(self, stop: threading.Event) -> Iterator[Outcome]:
        """The outcomes, in the order in which jobs end."""
        told = False
        while self.waiting or self.running:
            if stop.is_set() and not told:
                told = True
                yield from self._stopped()
            while self.waiting and len(self.running) < self.at_once and not stop.is_set():
                job = self.waiting.popleft()
                self.running[self.work.remote(job, *self.shared)] = job.name
            ended = self._ended()
            self._tell()
            for ref in ended:
                name = self.running.pop(ref)
                outcome = self._outcome(name, ref)
                if name not in self.begun and outcome.status is not Status.STOPPED:
                    self._begins(name)
                yield outcome

    def end(self) -> None:
        """Stop what runs at once: what jobs write must be whole at any time."""
        with suppress(self.ray.exceptions.RayError, RuntimeError):  # the cluster may be gone
            for ref in self.running:
                self.ray.cancel(ref, force=True)
            self.ray.kill(self.post)

    def _stopped(self) -> Iterator[Outcome]:
        """Let no other job begin; the outcomes of those that now never do."""
        begun = self.begun | self.ray.get(self.post.stop.remote())
        for ref, name in list(self.running.items()):
            if name not in begun:  # it waits for a CPU, perhaps for ever
                del self.running[ref]
                self.ray.cancel(ref)
                yield Outcome(name, Status.STOPPED)
        left = list(self.waiting)
        self.waiting.clear()
        yield from not_begun(left)

    def _ended(self) -> list[Any]:
        """Jobs that have ended, after a short while at most."""
        refs = list(self.running)
        if refs and self.ray.wait(refs, num_returns=1, timeout=LOOK_S)[0]:
            ended: list[Any] = self.ray.wait(refs, num_returns=len(refs), timeout=0)[0]
            return ended
        return []

    def _tell(self) -> None:
        """Tell the watcher what is new of those that run."""
        begun, news = self.ray.get(self.post.take.remote())
        known = set(self.running.values())
        for name in sorted((begun - self.begun) & known):
            self._begins(name)
        for name, what in news:
            if name in known:
                self.watch.tell(name, what)

    def _begins(self, name: str) -> None:
        self.begun.add(name)
        self.watch.begun(name)

    def _outcome(self, name: str, ref: Any) -> Outcome:
        """The outcome of a job that has ended. Raises MapperError for a node that must not, or cannot, run jobs."""
        errors = self.ray.exceptions
        try:
            found = self.ray.get(ref)
        except errors.OutOfMemoryError as error:
            return Outcome(name, Status.MEMORY, failure=Failure(Status.MEMORY.value, _words(error)))
        except (errors.WorkerCrashedError, errors.NodeDiedError):
            words = f"the worker that ran it was killed, {RETRIES + 1} times"
            return Outcome(name, Status.CRASHED, failure=Failure(Status.CRASHED.value, words, hint=MEMORY_HINT))
        except errors.RayTaskError as error:
            raise MapperError(f"a node of the cluster cannot run jobs: {_words(error)}", hint=SAME) from None
        if isinstance(found, Stranger):
            raise MapperError(f"{found.node} has {found.what}", hint=SAME)
        assert isinstance(found, Outcome)
        return found


def _here(ray: Any) -> Any:
    """Where to put what must not be lost: on the node that asks."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)


def _words(error: BaseException) -> str:
    """The last line of what Ray says: those before are a trace."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
