"""The machine of the steady state: resources, requests on their way, and the clock.

Exclusive resources are given to the phase of the shortest calls first, and within a phase to the call that began first.
Short calls (decode) keep every unit fed while long ones (prefill) fill the gaps on all units at once; the other way
round all requests pile up behind a prefill on one unit and the others idle. Oldest first keeps requests apart, where
first come first served would march them through the units in step and leave half of these idle. A memory channel is
shared by all activities that use it, in proportion to the bandwidth each asks for, and slows them down when they ask
for more than there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mapper.cost.liveness import Segment
from mapper.cost.machine_tables import BOTTLENECK, HEAP, NOW, RAN, state, tables, with_log, with_runs
from mapper.cost.program import Program
from mapper.cost.steps import longest_holds, steps_of
from mapper.cost.tail import Tail, settled, tail

GOLDEN, WHOLE = 618_033_989, 1_000_000_000
"""Multiples of the golden section, less their whole parts, are evenly spread however many they are (Weyl 1916)."""

STEPS, BITS = 1 << 20, 62
"""More steps than are ever simulated, and the bits that all their ticks may have: beyond, the clock is coarser."""


@dataclass(frozen=True, slots=True)
class Room:
    """What memory demands of the order of activities, by phase.

    waits: for each activity, further activities of its call that must have ended, because they still use bytes that it
    overwrites. segments and slots: in memories with room for the buffers of fewer calls of a phase than requests are in
    flight, a call takes one of so many slots, by phase and memory, while it is there.
    """

    waits: tuple[tuple[tuple[int, ...], ...], ...]
    segments: tuple[tuple[Segment, ...], ...]
    slots: Mapping[tuple[str, str], int]


class Machine:
    """Resources, requests and the clock. Its events are compiled (`machine_kernels`), here they are put into arrays."""

    def __init__(
        self,
        programs: Sequence[Program],
        calls: Sequence[int],
        busiest: str,
        room: Room,
        latencies: Sequence[int],
        inflight: int,
    ) -> None:
        self.calls, self.latencies, self.segments = calls, latencies, room.segments
        longest = longest_holds(programs)
        self.steps = [
            steps_of(program, extra, parts, busiest, longest)
            for program, extra, parts in zip(programs, room.waits, room.segments, strict=True)
        ]
        self._last = [np.array([step.activities[-1] for step in steps], dtype=np.int64) for steps in self.steps]
        ticks = max((int(step.hold + step.tail) for steps in self.steps for step in steps), default=0)
        self._shift = max(0, (ticks * STEPS).bit_length() - BITS)
        free = _capacities(programs)
        slots = [{m: len(free) + k for k, (phase, m) in enumerate(room.slots) if phase == p.phase} for p in programs]
        channels = sorted({m for program in programs for a in program.activities for m, _ in a.channels})
        self._tables = tables(
            self.steps, room.segments, calls, {r: k for k, r in enumerate(free)}, slots,
            {m: k for k, m in enumerate(channels)}, sorted(range(len(calls)), key=lambda p: (latencies[p], p)),
            self._shift,
        )  # fmt: skip
        unbound = max(sum(1 for step in steps if not any(n for _, n in step.exclusive)) for steps in self.steps)
        bound = sum(n for r, n in free.items() if r in longest)
        most = inflight * max(map(len, self.steps))
        self._spare = min(most, bound + inflight * unbound) + 1  # so many may start at one moment
        self._state = state(self._tables, inflight, [*free.values(), *room.slots.values()], len(channels), self._spare)
        self._inflight = inflight
        self._began = self._arrivals = np.empty(0, dtype=np.int64)
        self._watched = 0

    @property
    def now(self) -> int:
        """The tick that it is."""
        return int(self._state.clock[NOW]) << self._shift

    @property
    def ran(self) -> int:
        """Steps that have ended."""
        return int(self._state.clock[RAN])

    @property
    def bottleneck_done(self) -> int:
        """Ticks of the busiest resource of the steps that have ended."""
        return int(self._state.clock[BOTTLENECK]) << self._shift

    @property
    def held(self) -> float:
        """Ticks for which the steps that have ended held their resources, in sum."""
        return float(self._state.held[0]) * (1 << self._shift)

    @property
    def stands_still(self) -> bool:
        """Whether nothing is under way."""
        return not self._state.clock[HEAP]

    @property
    def per_request(self) -> int:
        """Steps of one request."""
        return sum(c * len(steps) for c, steps in zip(self.calls, self.steps, strict=True))

    @property
    def held_per_request(self) -> float:
        """Ticks for which steps of one request hold their resources, in sum."""
        return sum(c * sum(step.hold for step in steps) for c, steps in zip(self.calls, self.steps, strict=True))

    def start(self, interval: int, starts: Sequence[Sequence[int]] = ()) -> None:
        """Put the requests where they would be in a steady state with such an interval, evenly spread in each phase.

        starts: by phase, when the activities of a call alone on the machine start: with these requests begin in the
        midst of their calls, but for phases that take turns at scarce memories; and `spread_alike` tells of the phases.
        """
        placed, latest = [], [0] * len(self.calls)
        if starts:
            began = [np.array(at, dtype=np.int64)[last] for at, last in zip(starts, self._last, strict=True)]
            self._began, latest = np.concatenate(began), [max(of_phase, default=0) for of_phase in began]
            numbers = spread_alike(self._inflight, self.calls, self.latencies)
        else:
            numbers = spread(self._inflight, self.calls, self.latencies, interval)
        for phase, n in enumerate(numbers):
            inside = starts and not self.segments[phase]
            for k in range(n):
                gone = GOLDEN * k % WHOLE * self.latencies[phase] // WHOLE if inside else 0
                placed.append((-gone, phase, k, self.calls[phase] * k // n))
        rows = [  # the oldest call first; one that were over begins
            (phase, call, since if -since <= latest[phase] else 0) for since, phase, _, call in sorted(placed)
        ]
        self._arrivals = np.array(rows, dtype=np.int64)

    def run(self, steps: int) -> None:
        """Advance until so many more steps have ended."""
        from mapper.cost.machine_kernels import advance

        goal = self.ran + steps
        while not advance(self._tables, self._state, self._arrivals, self._began, goal, self._spare):
            self._make_room()

    def watch(self, steps: int) -> None:
        """Write down what holds resources while so many more steps end."""
        self._watched = max(int(self._state.clock[NOW]), settled(self._state))
        self._state = with_log(self._state, steps + len(self._state.runs))

    def tail(self, pace: float) -> Tail:
        """What was seen since `watch`; pace: how many ticks of the machine are one of the simulation."""
        return tail(self._state, self.steps, self._watched, int(self._state.clock[NOW]), self._shift, pace)

    def _make_room(self) -> None:
        """Let there be room for more runs: those that hold nothing any more may be many."""
        more = max(self._spare, len(self._state.runs))
        self._state = with_runs(self._state, more)
        if len(self._state.log):  # each may have let go, and not ended yet
            self._state = with_log(self._state, more)


def _capacities(programs: Sequence[Program]) -> dict[str, int]:
    """How much of each resource there is for all requests."""
    free: dict[str, int] = {}
    for program in programs:
        sets = dict(program.sets)
        for resource, n in program.capacities:
            free[resource] = min(n * sets.get(resource, 1), free.get(resource, n * sets.get(resource, 1)))
    return free


def spread(inflight: int, calls: Sequence[int], latencies: Sequence[int], interval: int) -> list[int]:
    """How many of the requests are in each phase: by Little's law as many as start while one takes its time there; the
    rest wait where there are most calls to wait for."""
    most = max(range(len(calls)), key=lambda p: (calls[p], p))
    found = [min(inflight, round(c * t / interval)) if interval else 0 for c, t in zip(calls, latencies, strict=True)]
    found[most] = 0
    while sum(found) > inflight - 1:
        found[found.index(max(found))] -= 1
    found[most] = inflight - sum(found)
    return found


def spread_alike(inflight: int, calls: Sequence[int], latencies: Sequence[int]) -> list[int]:
    """How many of the requests are in each phase where calls of all phases are slowed alike: in proportion to the time
    that a request alone spends there, by Little's law (1961), the rest as in `spread`.

    What `spread` leaves out, that a call waits for others, is most of its time where many requests are in flight: with
    none in a long phase the others alone would be watched, as it takes longer than the simulation until one gets there.
    """
    alone = sum(c * t for c, t in zip(calls, latencies, strict=True))
    return spread(inflight, calls, latencies, max(1, alone // inflight))
