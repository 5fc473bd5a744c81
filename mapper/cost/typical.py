"""Which stretch of a simulation is most like the whole: in which each step runs as often as it does for a request."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mapper.cost.machine_tables import Array
from mapper.cost.program import Program
from mapper.cost.tail import HELD, IN_PHASE, OF_STEP, START, Tail

PARTS, MOST_PARTS = 8, 512
"""A stretch may end at any of so many parts of an interval, and may be one of so many parts at the end."""


def typical_end(tail: Tail, programs: Sequence[Program], calls: Sequence[int], interval: float, length: float) -> int:
    """When the stretch of a length (on the clock of the simulation) ends whose steps are nearest in number to those of
    `length / interval` requests, each counted by how long it holds its resources; of equals the last one."""
    part = interval / PARTS
    wide = max(1, round(length / part))
    many = min(MOST_PARTS, int((tail.now - tail.began) / part)) if part else 0
    if many <= wide:
        return tail.now
    counts = _counts(tail, part, many)
    ran = np.concatenate((np.zeros((1, counts.shape[1])), np.cumsum(counts, axis=0)))
    wanted, weights = _of_a_request(tail, programs, calls)
    found = np.abs(ran[wide:] - ran[:-wide] - wanted * (wide / PARTS)) @ weights
    return tail.now - round(part * int(np.argmin(found)))


def _counts(tail: Tail, part: float, many: int) -> Array:
    """How many of each step have their middle in each part, the last part first."""
    kinds = len(tail.steps) * _width(tail)
    at = ((tail.now - (tail.seen[:, START] + tail.seen[:, HELD]) / 2) / part).astype(np.int64)
    kind = tail.seen[:, IN_PHASE] * _width(tail) + tail.seen[:, OF_STEP]
    shown = (at >= 0) & (at < many)
    return np.bincount(at[shown] * kinds + kind[shown], minlength=many * kinds).reshape(many, kinds)


def _of_a_request(tail: Tail, programs: Sequence[Program], calls: Sequence[int]) -> tuple[Array, Array]:
    """How often each step runs for a request, and for how many ticks it holds its resources."""
    times, holds = (np.zeros((len(calls), _width(tail))) for _ in range(2))
    for p, steps in enumerate(tail.steps):
        times[p, : len(steps)] = calls[p]
        holds[p, : len(steps)] = [sum(programs[p].activities[i].hold for i in step) for step in steps]
    return times.ravel(), holds.ravel()


def _width(tail: Tail) -> int:
    return max(map(len, tail.steps))
