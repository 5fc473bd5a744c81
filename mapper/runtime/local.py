"""All places in this process, one job after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

from mapper.errors import MapperError
from mapper.runtime.jobs import Done, Job, Setup, Unfit
from mapper.runtime.memory import Memory
from mapper.runtime.sessions import Runner, StepFailed


class Local:
    """Runs jobs when their results are asked for."""

    def __init__(self, setups: Sequence[Setup], memory: Memory) -> None:
        self._runners = [Runner(setup, memory, place) for place, setup in enumerate(setups)]
        self._jobs: deque[tuple[int, Job]] = deque()
        self._done: list[Done | Unfit] = []
        self.providers: Sequence[Sequence[str]] = ()

    def __enter__(self) -> Local:
        try:
            self.providers = [runner.open() for runner in self._runners]
        except StepFailed as error:
            raise failure(error.piece, "", error.text) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._runners.clear()

    def submit(self, place: int, job: Job) -> None:
        """Have it run after what was submitted before."""
        self._jobs.append((place, job))

    def store(self, place: int, job: int, offsets: Sequence[int]) -> None:
        """Where outputs of an unfit run go."""
        self._done.append(self._runners[place].store(job, offsets))

    def results(self) -> Sequence[Done | Unfit]:
        """What was stored, or the next job's result."""
        if not self._done:
            place, job = self._jobs.popleft()
            try:
                self._done.append(self._runners[place].run(job))
            except StepFailed as error:
                raise failure(error.piece, self._runners[place].setup.label, error.text) from None
        found, self._done = self._done, []
        return found


def failure(piece: str, label: str, text: str, log: Sequence[str] = ()) -> MapperError:
    """The error of a piece that onnxruntime cannot load (no label) or run."""
    doing = f"{label} failed in piece" if label else "onnxruntime cannot load piece"
    return MapperError(
        f"{doing} {Path(piece).name}: {text}",
        details=[f"log: {line}" for line in log],
        hint="run with --workers none --debug to see more, or the piece alone in onnxruntime",
    )
