"""One score taken, in whatever process: its command run, its numbers read."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from mapper.errors import MapperError
from mapper.execution.jobs import Tell
from mapper.pipeline.pass_ import Progress
from mapper.regress import keeper
from mapper.regress.digests import Digests, address, program
from mapper.regress.record import Ended, Record
from mapper.regress.scores import ScoreCase
from mapper.versions import machine, versions

LOOK_S = 0.2
"""How often somebody looks whether the command is to end, and what it says of itself."""
MOST_BYTES, MOST_ERRORS = 4_000_000, 400_000_000
"""The longest output that is read, and the most bytes of standard error that a command may fill the disk with."""
TAIL_BYTES, TAIL_LINES = 4096, 4
"""How much of the end of standard error is told."""
TIMINGS = "timings"
"""The object among a command's numbers that holds those of the wall clock."""


class Absent(MapperError):
    """Data of a score is not here."""


class NoScore(Exception):
    """What a command did is no score, in words."""


@dataclass(frozen=True)
class ScoreTask:
    """A score to take. folder: that of the suite, where the command runs and paths begin."""

    case: ScoreCase
    key: str
    folder: Path

    def run(self, stop: threading.Event, tell: Tell) -> Record:
        """Its record, whatever goes wrong with it."""
        return scored(self, stop, tell)

    def key_here(self) -> str:
        """Its key by the files that are here now. Raises MapperError where they are not."""
        return score_task(self.case, self.folder, Digests()).key


def score_task(case: ScoreCase, folder: Path, digests: Digests) -> ScoreTask:
    """The score as a task. Raises Absent where data are not here, MapperError where an input is not."""
    data = {name: digests.of(folder / path) for name, path in case.score.data.items()}
    for name, digest in data.items():
        if not digest:
            raise Absent(f"no {name} here ({folder / case.score.data[name]})")
    inputs = {path: digests.of(folder / path) for path in case.score.inputs}
    for path, digest in inputs.items():
        if not digest:
            raise MapperError(f"no input {folder / path}")
    words = [str(word) for word in case.score.command]
    asked = {"command": words, "data": data, "inputs": inputs, **program()}
    return ScoreTask(case, address(asked), folder)


def scored(task: ScoreTask, stop: threading.Event, tell: Tell) -> Record:
    """The record of a score: its numbers, or why there are none."""
    record = Record(
        task.case.name, task.key, Ended.FOUND, versions=versions(), about=task.case.about, machine=machine()
    )
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        try:
            if not _ran(task, out, errors, stop, tell):
                return replace(record, ended=Ended.STOPPED, reason="stopped before its command was over")
            _refuse_flood(out, errors)
            numbers, timings = printed(_text(out))
        except NoScore as broken:
            reason = "; ".join([str(broken), *_tail(errors)])
            return replace(record, ended=Ended.BROKEN, reason=reason)
        except (MapperError, OSError) as error:
            reason = error.message if isinstance(error, MapperError) else str(error)
            return replace(record, ended=Ended.REFUSED, reason=reason)
    return replace(record, metrics=numbers, timings=timings)


def _ran(task: ScoreTask, out: IO[bytes], errors: IO[bytes], stop: threading.Event, tell: Tell) -> bool:
    """Run the command to its end; False where it was stopped before. Raises NoScore for an exit code that is not 0,
    MapperError where there is no such command."""
    if sys.platform == "win32":
        raise MapperError("commands are run in groups of processes, which this system does not have")
    folder = task.folder
    words = task.case.command({name: str((folder / path).resolve()) for name, path in task.case.score.data.items()})
    program = sys.executable if words[0] == "python" else words[0]
    kept = [sys.executable, "-I", "-S", keeper.__file__, program, *words[1:]]
    running = subprocess.Popen(
        kept, cwd=folder, stdin=subprocess.PIPE, stdout=out, stderr=errors, start_new_session=True
    )
    try:
        while not stop.is_set():
            with suppress(subprocess.TimeoutExpired):
                running.wait(LOOK_S)
                break
            _refuse_flood(out, errors)
            tell(Progress("score", doing=next(iter(_tail(errors)[-1:]), "")))
    finally:
        with suppress(ProcessLookupError):  # with whatever it has left behind
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        assert running.stdin is not None
        running.stdin.close()
    if stop.is_set():
        return False
    if running.returncode == keeper.NO_COMMAND:
        raise MapperError(next(iter(_tail(errors)[-1:]), f"cannot run '{words[0]}'"))
    if running.returncode:
        raise NoScore(f"its command ended with exit code {running.returncode}")
    return True


def _refuse_flood(*files: IO[bytes]) -> None:
    """Raises NoScore for more on standard output or error than a command has any use for."""
    for file, most, did in zip(files, (MOST_BYTES, MOST_ERRORS), ("printed", "complained of"), strict=True):
        if os.fstat(file.fileno()).st_size > most:
            raise NoScore(f"its command {did} more than {most / 1e6:g} MB")


def _text(out: IO[bytes]) -> str:
    out.seek(0)
    return out.read().decode("utf-8", "replace")


def _tail(errors: IO[bytes]) -> list[str]:
    """The last lines of standard error."""
    size = os.fstat(errors.fileno()).st_size
    data = os.pread(errors.fileno(), TAIL_BYTES, max(0, size - TAIL_BYTES))
    return [line.strip() for line in data.decode("utf-8", "replace").splitlines() if line.strip()][-TAIL_LINES:]


def printed(text: str) -> tuple[dict[str, float], dict[str, float]]:
    """The numbers that a command printed, and among them those of the wall clock. Raises NoScore where it printed
    something else than one JSON object of finite numbers."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise NoScore(f"its command printed no JSON object: {error}") from None
    if not isinstance(data, dict):
        raise NoScore(f"its command printed a JSON {type(data).__name__}, no object")
    timings = data.pop(TIMINGS, {})
    if not isinstance(timings, dict):
        raise NoScore(f"'{TIMINGS}' is no object of numbers")
    numbers = _named(data)
    if not numbers:
        raise NoScore("its command printed no number")
    return numbers, _named(timings)


def _named(data: Mapping[str, Any]) -> dict[str, float]:
    """Numbers by name: one within an object is called as in `solved of j30`."""
    found: dict[str, float] = {}
    for name, number in _flat("", data):
        if name in found:
            raise NoScore(f"two numbers are called '{name}'")
        found[name] = number
    return found


def _flat(above: str, data: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for key, value in data.items():
        name = f"{above} of {key}" if above else key
        if isinstance(value, dict):
            yield from _flat(name, value)
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NoScore(f"'{name}' is {json.dumps(value)[:40]}, no number")
        yield name, _finite(name, value)


def _finite(name: str, value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise NoScore(f"'{name}' is {number}, no finite number")
    return number
