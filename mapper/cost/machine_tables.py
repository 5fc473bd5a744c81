"""The machine of the steady state in arrays: its steps as tables, and its state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from mapper.cost.liveness import Segment
from mapper.cost.steps import Step

Array: TypeAlias = Any
"""A numpy array of 64-bit integers (or as said): numba knows its type, and an annotation would not check it."""

EXCLUSIVE, CHANNELS, USERS, NEEDS, ENTRIES, SEGMENT, UPTO, WEIGHT = range(8)
"""Columns of steps: where its rows of other tables begin, how many steps it waits for, the first entry of its segment
and what is behind the last that it uses, and its ticks of the busiest resource."""

FIRST_STEP, FIRST_ENTRY, CALLS = range(3)
"""Columns of phases."""

PHASE, CALL, LEFT, AGE, STUCK, ROUND = range(6)
"""Columns of requests: what it is in, steps of the call that have not ended, when the call began in the order of calls,
how many of its steps queue for room, and how many requests the place in flight has served before."""

NODE, SINCE, LET_GO, AT, SEEN, BEGAN = range(6)
"""Columns of runs: which step of which request, since when at its rate, whether it holds nothing any more, where in the
heap, when it was last looked at, and when it began."""

NOW, RAN, BOTTLENECK, TICKET, ARRIVED, BEGUN, HEAP, IDLE, RETRY, LISTED, LOOKS, LOGGED = range(12)
"""Entries of the clock: ticks, steps ended, their ticks of the busiest resource, numbers given out, requests that have
begun, calls begun, runs under way, runs to be had, requests to try again, channels listed, looks at crowded channels,
and rows of the log written."""

OF_NODE, OF_ROUND, OF_PHASE, OF_CALL, FROM, UNTIL = range(6)
"""Columns of the log: which step of which request, its `ROUND`, phase and call, and from when until when it held its
resources."""

STARTED = -1
"""What a step waits for that has started."""


class Tables(NamedTuple):
    """What does not change. holds: ticks of holding and of the tail by step (floats); exclusive: resource and amount;
    channels: memory and share; users: steps of the phase; entries_of: the entries that a step uses; entries: the slot
    (a resource) and the users of a memory in a segment; turns: the phases in the order in which they are served."""

    steps: Array
    holds: Array
    exclusive: Array
    channels: Array
    users: Array
    entries_of: Array
    entries: Array
    phases: Array
    turns: Array
    first_slot: int


class State(NamedTuple):
    """What changes. waiting: by request and step, what it waits for still (32 bits); inside: by request and entry,
    whether it has room there and who uses it still; queues: by resource and phase, a heap's root and size, its `nodes`
    (by request and step) as two children; progress: ticks left and speed by run (floats); links: by run and
    channel the next and the one before on the memory; ends: by memory the first and last; most: by memory, shares that
    one run gets at most (floats); log: what let go of its resources, as far as there are rows for it."""

    clock: Array
    held: Array
    free: Array
    requests: Array
    waiting: Array
    inside: Array
    queues: Array
    nodes: Array
    heap: Array
    idle: Array
    runs: Array
    progress: Array
    links: Array
    ends: Array
    demand: Array
    most: Array
    listed: Array
    shares: Array
    retry: Array
    mine: Array
    log: Array


def tables(
    phases: Sequence[Sequence[Step]],
    segments: Sequence[Sequence[Segment]],
    calls: Sequence[int],
    resources: Mapping[str, int],
    slots: Sequence[Mapping[str, int]],
    channels: Mapping[str, int],
    turns: Sequence[int],
    shift: int,
) -> Tables:
    """The tables of the steps of each phase, on a clock that is coarser by so many bits; slots: by phase, the resource
    that room in a memory is; resources, channels: their positions."""
    every = [step for steps in phases for step in steps]
    entries, position = _entries(segments, slots)
    uses = [_uses(step, position[p]) for p, steps in enumerate(phases) for step in steps]
    columns = (
        _begins(step.exclusive for step in every),
        _begins(step.channels for step in every),
        _begins(step.users for step in every),
        [*(step.needs for step in every), 0],
        _begins(uses),
        [*(_segment(step, position[p]) for p, steps in enumerate(phases) for step in steps), 0],
        [*(1 + max(used, default=-1) for used in uses), 0],
        [*(step.weight >> shift for step in every), 0],
    )
    firsts = _begins(phases), _begins(position), [*calls, 0]
    scale = float(1 << shift)
    return Tables(
        steps=np.array(columns, dtype=np.int64).T.copy(),
        holds=np.array([(step.hold / scale, step.tail / scale) for step in every]).reshape(-1, 2),
        exclusive=_pairs((resources[r], n) for step in every for r, n in step.exclusive),
        channels=_pairs((channels[m], share) for step in every for m, share in step.channels),
        users=np.array([user for step in every for user in step.users], dtype=np.int64),
        entries_of=np.array([e for used in uses for e in used], dtype=np.int64),
        entries=_pairs(entries),
        phases=np.array(firsts, dtype=np.int64).T.copy(),
        turns=np.array(turns, dtype=np.int64),
        first_slot=min((slot for of_phase in slots for slot in of_phase.values()), default=len(resources)),
    )


def state(t: Tables, requests: int, free: Sequence[int], channels: int, runs: int) -> State:
    """The state of a machine on which nothing is under way, with room for so many requests and runs."""
    per_phase = np.diff(t.phases, axis=0)
    steps, entries = max(1, *per_phase[:, FIRST_STEP]), max(1, *per_phase[:, FIRST_ENTRY])
    many = max([1, *np.diff(t.steps[:, CHANNELS])])
    queues = np.zeros((len(free), len(per_phase), 2), dtype=np.int64)
    queues[:, :, 0] = -1
    empty = State(
        clock=np.zeros(12, dtype=np.int64),
        held=np.zeros(1),
        free=np.array(free, dtype=np.int64),
        requests=np.zeros((requests, 6), dtype=np.int64),
        waiting=np.empty((requests, steps), dtype=np.int32),
        inside=np.empty((requests, entries, 2), dtype=np.int64),
        queues=queues,
        nodes=np.empty((requests * steps, 2), dtype=np.int64),
        heap=np.empty((0, 3), dtype=np.int64),
        idle=np.empty(0, dtype=np.int64),
        runs=np.empty((0, 6), dtype=np.int64),
        progress=np.empty((0, 2)),
        links=np.empty((0, many, 2), dtype=np.int64),
        ends=np.full((channels, 2), -1, dtype=np.int64),
        demand=np.zeros(channels, dtype=np.int64),
        most=np.full(channels, np.inf),
        listed=np.empty(channels, dtype=np.int64),
        shares=np.empty(0, dtype=np.int64),
        retry=np.empty((2 * requests * entries + 1, 2), dtype=np.int64),
        mine=np.empty(steps, dtype=np.int64),
        log=np.empty((0, 6), dtype=np.int64),
    )
    return with_runs(empty, runs)


def with_runs(m: State, more: int) -> State:
    """The state with room for so many more runs."""
    known = len(m.runs)
    grown = {
        field: np.concatenate((old := getattr(m, field), np.empty((more, *old.shape[1:]), dtype=old.dtype)))
        for field in ("heap", "idle", "runs", "progress", "links", "shares")
    }
    grown["idle"][m.clock[IDLE] : m.clock[IDLE] + more] = np.arange(known, known + more)
    m.clock[IDLE] += more
    return m._replace(**grown)


def with_log(m: State, more: int) -> State:
    """The state with room for so many more rows of the log."""
    return m._replace(log=np.concatenate((m.log, np.empty((more, 6), dtype=np.int64))))


def _begins(rows: Iterable[Sized]) -> list[int]:
    """Where each row begins when they are laid end to end, and where the last ends."""
    return [0, *accumulate(map(len, rows))]


def _pairs(rows: Iterable[tuple[int, int]]) -> Array:
    return np.array(list(rows), dtype=np.int64).reshape(-1, 2)


def _entries(
    segments: Sequence[Sequence[Segment]], slots: Sequence[Mapping[str, int]]
) -> tuple[list[tuple[int, int]], list[dict[tuple[int, str], int]]]:
    """The memories of each segment in their order: slot and number of users; and by phase their positions."""
    rows: list[tuple[int, int]] = []
    positions = []
    for parts, of_phase in zip(segments, slots, strict=True):
        position = {}
        for g, part in enumerate(parts):
            for memory, users in part.users:
                position[g, memory] = len(rows)
                rows.append((of_phase[memory], len(users)))
        positions.append(position)
    return rows, positions


def _uses(step: Step, position: Mapping[tuple[int, str], int]) -> list[int]:
    return [position[step.segment, memory] for memory in step.memories]


def _segment(step: Step, position: Mapping[tuple[int, str], int]) -> int:
    """The first entry of a step's segment."""
    return min((e for (g, _), e in position.items() if g == step.segment), default=0) if step.memories else 0
