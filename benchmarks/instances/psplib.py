"""Reads PSPLIB's .sm format (Kolisch, Sprecher, 1996): single mode, renewable resources."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mapper.errors import MapperError
from mapper.solve.makespan import Activity, Problem, Resource


def read(path: Path) -> Problem:
    """The problem of a file; activities are named by their job numbers. Raises MapperError on another format."""
    try:
        return parse(path.read_text())
    except (OSError, ValueError, IndexError, StopIteration) as error:
        raise MapperError(f"{path} is not a PSPLIB instance of one mode: {type(error).__name__}: {error}") from error


def parse(text: str) -> Problem:
    """The problem of a file's text."""
    lines = text.splitlines()
    count = int(re.findall(r"\d+", lines[_section(lines, "jobs")])[-1])
    first = _section(lines, "PRECEDENCE") + 2
    after: list[list[int]] = [[] for _ in range(count)]
    for line in lines[first : first + count]:
        job, modes, successors, *followers = map(int, line.split())
        if modes != 1 or successors != len(followers):
            raise ValueError(f"job {job} has {modes} modes and lists {len(followers)} of {successors} successors")
        for follower in followers:
            if not 1 <= follower <= count:
                raise ValueError(f"job {job} precedes job {follower} of {count}")
            after[follower - 1].append(job - 1)
    capacities = list(map(int, lines[_section(lines, "RESOURCEAVAIL") + 2].split()))
    first = _section(lines, "REQUESTS") + 3
    activities = tuple(_activity(line, len(capacities)) for line in lines[first : first + count])
    if [a.name for a in activities] != [str(k + 1) for k in range(count)]:
        raise ValueError(f"the requests are not those of jobs 1 to {count}")
    resources = tuple(Resource(f"R{r + 1}", capacity) for r, capacity in enumerate(capacities))
    return Problem(activities, resources, tuple(map(tuple, after)))


def _section(lines: Sequence[str], title: str) -> int:
    return next(k for k, line in enumerate(lines) if line.startswith(title))


def _activity(line: str, resources: int) -> Activity:
    job, _, ticks, *demands = map(int, line.split())
    if len(demands) != resources:
        raise ValueError(f"job {job} requests {len(demands)} of {resources} resources")
    return Activity(str(job), ticks, ticks, tuple((r, d) for r, d in enumerate(demands) if d))
