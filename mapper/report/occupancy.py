"""What lies in each memory over time: during one call of each phase, and in a stretch of the steady state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mapper.cost.bars import Window
from mapper.cost.judge import Verdict, arena_slots, fixed_bytes
from mapper.cost.machine_tables import Array
from mapper.ir.plan import Plan
from mapper.report.lasting import Lasting, Spans, times_of_calls

MOST_POINTS = 400
"""Points of a step function: as many as a screen can show."""


@dataclass(frozen=True)
class Steps:
    """Bytes over time: from each of `times` (ticks) until the next, and from the last until the end, never fewer than
    `low` and never more than `high`; these differ only where more changes than there are points for were put together,
    and no peak is lost."""

    times: tuple[int, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]

    @property
    def most(self) -> int:
        """The highest peak."""
        return max(self.high, default=0)


@dataclass(frozen=True)
class Occupancy:
    """A memory: bytes of weights and of states, which stay, and of buffers, which come and go."""

    memory: str
    capacity: int
    weights: int
    states: int
    buffers: Steps

    @property
    def most(self) -> int:
        """Bytes at the highest peak."""
        return self.weights + self.states + self.buffers.most


@dataclass(frozen=True)
class CallOccupancy:
    """One call of a phase, `ticks` long and one of `calls` alike, of a request that is alone on the machine."""

    phase: str
    calls: int
    ticks: int
    memories: tuple[Occupancy, ...]


def alone(verdict: Verdict, most: int = MOST_POINTS) -> tuple[CallOccupancy, ...]:
    """One request phase after phase, by the memory map of its calls; states are those of one request. Memories in which
    nothing ever lies are left out."""
    plan = verdict.plan
    weights, states = _kept(plan)
    found = []
    for phase, call in zip(plan.phases, verdict.calls, strict=True):
        rows: dict[str, list[Spans]] = {}
        for b in plan.memory or ():
            if b.phase == phase.name:
                rows.setdefault(b.memory, []).append((np.array([b.size]), np.array([b.start]), np.array([b.end])))
        memories = _memories(plan, weights, states, rows, call.ticks, most)
        found.append(CallOccupancy(phase.name, phase.calls, call.ticks, memories))
    return tuple(found)


def in_steady_state(verdict: Verdict, found: Window, most: int = MOST_POINTS) -> tuple[Occupancy, ...]:
    """A stretch of the steady state, times from its start on: the states of all requests in flight, and the buffers of
    all calls under way. Never more than the judge's peaks.

    A buffer lives from the start of its maker to the end of its last reader. Inputs and results, which a call has from
    its start and until its end, have their room so long only where there is some for all requests in flight; where they
    take turns, an input is there when it is first read, and a result until it is last used.
    """
    plan = verdict.plan
    fixed, (weights, _) = fixed_bytes(plan), _kept(plan)
    states = {memory: fixed[memory] - size for memory, size in weights.items()}
    scarce = {key for key, slots in arena_slots(plan).items() if slots < (plan.inflight or 1)}
    lasting = [
        Lasting(program, call, frozenset(memory for phase, memory in scarce if phase == program.phase))
        for program, call in zip(verdict.programs, verdict.calls, strict=True)
    ]
    rows: dict[str, list[Spans]] = {}
    for call, starts, ends in times_of_calls(verdict, found):
        for memory, spans in lasting[call.phase].spans(starts, ends):
            rows.setdefault(memory, []).append(spans)
    return _memories(plan, weights, states, rows, found.end - found.start, most)


def _kept(plan: Plan) -> tuple[dict[str, int], dict[str, int]]:
    """Bytes of weights, and of the states of one request, in each memory."""
    weights, states = ({m.name: 0 for m in plan.target.memories} for _ in range(2))
    for resident in plan.residency or ():
        (states if resident.per_request else weights)[resident.memory] += resident.bytes
    return weights, states


def _memories(
    plan: Plan,
    weights: Mapping[str, int],
    states: Mapping[str, int],
    rows: Mapping[str, Sequence[Spans]],
    ticks: int,
    most: int,
) -> tuple[Occupancy, ...]:
    return tuple(
        Occupancy(m.name, m.capacity_bytes, weights[m.name], states[m.name], steps(rows.get(m.name, ()), ticks, most))
        for m in plan.target.memories
        if weights[m.name] or states[m.name] or m.name in rows
    )


def steps(rows: Sequence[Spans], ticks: int, most: int = MOST_POINTS) -> Steps:
    """How many bytes are there from tick 0 to `ticks`, in at most so many points, evenly spread where there are more
    changes."""
    nothing = np.zeros(0, dtype=np.int64)
    sizes, starts, ends = (np.concatenate([nothing, *(row[k] for row in rows)]) for k in range(3))
    moments = np.concatenate(([0], np.clip(starts, 0, ticks), np.clip(ends, 0, ticks)))
    times, which = np.unique(moments, return_inverse=True)
    changes = np.zeros(len(times), dtype=np.int64)
    np.add.at(changes, which, np.concatenate(([0], sizes, -sizes)))
    shown = (times < max(ticks, 1)) & ((changes != 0) | (times == 0))
    times, levels = times[shown], np.cumsum(changes[shown])
    if len(times) <= most:
        return Steps(_whole(times), _whole(levels), _whole(levels))
    edges = np.array([ticks * k // most for k in range(most)])
    lasts = [*np.searchsorted(times, edges[1:], "left").tolist(), len(times)]
    inside = [
        levels[first - 1 : last]
        for first, last in zip(np.searchsorted(times, edges, "right").tolist(), lasts, strict=True)
    ]
    return Steps(_whole(edges), tuple(int(x.min()) for x in inside), tuple(int(x.max()) for x in inside))


def _whole(row: Array) -> tuple[int, ...]:
    return tuple(row.tolist())
