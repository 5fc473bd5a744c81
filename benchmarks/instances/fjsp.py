"""Reads the text format of flexible job shops: `jobs machines [average]`, then a line per job."""

from __future__ import annotations

from pathlib import Path

from mapper.errors import MapperError
from mapper.solve.makespan import Resource
from mapper.solve.makespan.flexible import Edge, Mode, Problem, Task


def read(path: Path) -> Problem:
    """The problem of a file; tasks are "job.op" and modes the machine's number, which is also their only resource.

    Raises MapperError on another format.
    """
    try:
        return parse(path.read_text())
    except (OSError, ValueError, IndexError) as error:
        raise MapperError(f"{path} is not a flexible job shop: {type(error).__name__}: {error}") from error


def parse(text: str) -> Problem:
    """The problem of a file's text."""
    lines = [line.split() for line in text.splitlines() if line.split()]
    jobs, machines = int(lines[0][0]), int(lines[0][1])
    if len(lines) < 1 + jobs:
        raise ValueError(f"{len(lines) - 1} of {jobs} jobs")
    tasks: list[Task] = []
    edges: list[Edge] = []
    for job, line in enumerate(lines[1 : 1 + jobs]):
        numbers = list(map(int, line))
        at = 1
        for op in range(numbers[0]):
            count = numbers[at]
            pairs = numbers[at + 1 : at + 1 + 2 * count]
            if len(pairs) < 2 * count:
                raise ValueError(f"job {job} ends within operation {op}")
            at += 1 + 2 * count
            if op:
                edges.append(Edge(len(tasks) - 1, len(tasks)))
            modes = (
                Mode(str(machine), ticks, ((_within(machine, machines, job, op) - 1, 1),))
                for machine, ticks in zip(pairs[::2], pairs[1::2], strict=True)
            )
            tasks.append(Task(f"{job}.{op}", tuple(modes)))
        if at != len(numbers):
            raise ValueError(f"job {job} has {len(numbers) - at} numbers after its last operation")
    return Problem(tuple(tasks), tuple(edges), tuple(Resource(f"M{m + 1}", 1) for m in range(machines)))


def _within(machine: int, machines: int, job: int, op: int) -> int:
    """The machine's number, if there is such a machine."""
    if not 1 <= machine <= machines:
        raise ValueError(f"job {job}, operation {op}: machine {machine} of {machines}")
    return machine
