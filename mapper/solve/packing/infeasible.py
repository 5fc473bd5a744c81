"""Why buffers do not fit: those that cannot lie beside each other, what they need and what there is, and the levers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapper.errors import Infeasible
from mapper.solve.packing.problem import Problem
from mapper.solve.packing.sections import sections

MOST_NAMES = 8
"""Buffers that a message names at most, the largest first."""


@dataclass(frozen=True, slots=True)
class Core:
    """Buffers, by index, that cannot fit together: `bytes` of them are live at `time`, the most at any time.

    When `bytes` is within the capacity, it is not their sum that is too much: an exhaustive search found no offsets.
    """

    members: tuple[int, ...]
    time: int
    bytes: int


def overload(problem: Problem) -> Core:
    """The buffers of the moment at which most is live, each counted up to the next unit."""
    return _at_peak(problem, tuple(range(len(problem.items))), alone=True)


def no_order(problem: Problem, members: tuple[int, ...]) -> Core:
    """Buffers for which an exhaustive search found no offsets."""
    return _at_peak(problem, members, alone=False)


def _at_peak(problem: Problem, members: tuple[int, ...], *, alone: bool) -> Core:
    part = problem.part(members)
    found = sections(part)
    load = found.sums(part.sizes)
    peak = int(load.argmax())
    live = tuple(members[i] for i in np.flatnonzero((found.first <= peak) & (found.last > peak)).tolist())
    return Core(live if alone else members, int(found.moments[peak]), int(load[peak]) * part.unit)


def no_packing(problem: Problem, core: Core, where: str = "the memory") -> Infeasible:
    """The error for buffers that have no packing below the capacity: demand, what is offered, gap, levers."""
    assert problem.capacity is not None
    short = core.bytes - problem.capacity
    largest = sorted(core.members, key=lambda i: (-problem.items[i].size, i))
    shown = ", ".join(f"'{problem.items[i].name}' {problem.items[i].size}" for i in largest[:MOST_NAMES])
    more = f" and {len(largest) - MOST_NAMES} more" if len(largest) > MOST_NAMES else ""
    if short > 0:
        why = f"at time {core.time} {len(core.members)} buffers are live with {core.bytes} bytes, {short} too many"
        lever = f"a capacity of at least {core.bytes} (+{short})"
    else:
        why = (
            f"no offsets exist for {len(core.members)} buffers, though at most {core.bytes} bytes "
            f"are live at once (time {core.time}): they leave gaps"
        )
        lever = "a little more capacity"
    return Infeasible(
        f"{where} of {problem.capacity} bytes does not hold the buffers: {why}",
        details=[f"live then: {shown}{more}" if short > 0 else f"the buffers: {shown}{more}"],
        hint=f"levers: {lever} | smaller buffers | shorter lifetimes (another order of the steps)",
    )
