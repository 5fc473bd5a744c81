"""What the machine of the steady state was seen to do at the end of a simulation, read from its arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mapper.cost.machine_tables import (
    BEGAN,
    CALL,
    FROM,
    HEAP,
    LET_GO,
    LOGGED,
    NODE,
    OF_CALL,
    OF_NODE,
    OF_PHASE,
    OF_ROUND,
    PHASE,
    ROUND,
    STARTED,
    UNTIL,
    Array,
    State,
)
from mapper.cost.steps import Step

IN_PLACE, IN_ROUND, IN_PHASE, IN_CALL, OF_STEP, START, HELD = range(7)
"""Columns of what was seen: the place in flight and how many requests it had served before, the phase by its position,
the number of its call, the step by its position in the phase, and from when until when it held its resources."""


@dataclass(frozen=True)
class Tail:
    """The end of a simulation: all that held resources between `began` and `now`, on its own clock.

    seen: a row for each step, by their start; what is under way at the end is there until the tick that it comes to at
    its last speed. steps: the activities of each, by phase. calling, started: by place in flight the round, phase and
    call at the end, and which steps of that call have started. shift: the bits by which the clock is coarser than
    ticks, where 64 bits would not hold all moments. pace: how many ticks of the machine one of the simulation is, which
    knows no limit of power.
    """

    began: int
    now: int
    seen: Array
    steps: tuple[tuple[tuple[int, ...], ...], ...]
    calling: Array
    started: Array
    shift: int
    pace: float

    def ticks(self, moment: int) -> int:
        """A moment of the clock in ticks of the machine."""
        return moment << self.shift if self.pace == 1 else round((moment << self.shift) * self.pace)


def settled(m: State) -> int:
    """The tick from which on a log that begins now has everything: when what let go of its resources before has
    ended."""
    under_way = m.heap[: m.clock[HEAP]]
    ends = under_way[m.runs[under_way[:, 2], LET_GO] > 0, 0]
    return int(ends.max(initial=0))


def tail(m: State, steps: Sequence[Sequence[Step]], began: int, now: int, shift: int, pace: float) -> Tail:
    """The log of a machine, with what is under way."""
    width = m.waiting.shape[1]
    log = m.log[: m.clock[LOGGED]]
    under_way = m.heap[: m.clock[HEAP]]
    under_way = under_way[m.runs[under_way[:, 2], LET_GO] == 0]
    runs = m.runs[under_way[:, 2]]
    places = runs[:, NODE] // width
    seen = np.concatenate((
        _rows(log[:, OF_NODE], width, log[:, [OF_ROUND, OF_PHASE, OF_CALL]], log[:, FROM], log[:, UNTIL]),
        _rows(runs[:, NODE], width, m.requests[places][:, [ROUND, PHASE, CALL]], runs[:, BEGAN], under_way[:, 0]),
    ))  # fmt: skip
    seen = seen[np.lexsort((seen[:, OF_STEP], seen[:, IN_PLACE], seen[:, START]))]
    return Tail(
        began,
        now,
        seen,
        tuple(tuple(step.activities for step in of_phase) for of_phase in steps),
        m.requests[:, [ROUND, PHASE, CALL]],
        m.waiting == STARTED,
        shift,
        pace,
    )


def _rows(nodes: Array, width: int, calls: Array, start: Array, held: Array) -> Array:
    return np.column_stack((nodes // width, calls, nodes % width, start, held))
