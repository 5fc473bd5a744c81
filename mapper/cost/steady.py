"""Steady state by simulation: several requests in flight on one machine, each as fast as it gets resources.

The other half of the judge. A closed loop of requests runs as discrete events, first come first served at every
resource; the utilisation of the busiest resource gives the interval between requests.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mapper.cost.liveness import Segment
from mapper.cost.program import Program
from mapper.errors import InvalidPlan

EVENTS = 120_000
"""Activities simulated at most: enough for the utilisation to settle within a fraction of a percent."""


@dataclass(frozen=True, slots=True)
class Steady:
    """What the simulation saw: ticks between requests, the busiest resource and how busy it was (0..1)."""

    interval: int
    busiest: str
    utilisation: float
    activities: int


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


def loads_per_request(programs: Sequence[Program], calls: Sequence[int]) -> dict[str, int]:
    """Busy ticks of every resource for one request."""
    found: dict[str, int] = {}
    for program, times in zip(programs, calls, strict=True):
        for activity in program.activities:
            for resource, ticks in activity.loads:
                found[resource] = found.get(resource, 0) + times * ticks
    return dict(sorted(found.items()))


def steady(
    programs: Sequence[Program],
    calls: Sequence[int],
    latencies: Sequence[int],
    inflight: int,
    room: Room,
    events: int = EVENTS,
) -> Steady:
    """Simulate `inflight` requests, started evenly spread over their course, until `events` activities have run.

    calls and latencies (ticks of one call alone) are by phase.
    """
    loads = loads_per_request(programs, calls)
    busiest = max(loads, key=lambda r: (loads[r], r), default="")
    alone = sum(c * t for c, t in zip(calls, latencies, strict=True))
    if inflight <= 1 or not busiest:
        return Steady(max(alone, loads.get(busiest, 0)), busiest, loads.get(busiest, 0) / alone if alone else 0.0, 0)
    machine = _Machine(programs, calls, busiest, room)
    machine.start(inflight, latencies)
    per_request = sum(c * len(p.activities) for c, p in zip(calls, programs, strict=True))
    budget = min(events, 6 * inflight * per_request)
    machine.run(budget // 3)
    began, done = machine.now, machine.bottleneck_done
    machine.run(budget - budget // 3)
    if not machine.heap:
        raise InvalidPlan(
            f"{inflight} requests in flight block one another after {machine.ran} activities: each waits for memory or "
            "for a resource that another holds",
            rule="steady-progress",
            hint="fewer requests in flight",
        )
    span, work = machine.now - began, machine.bottleneck_done - done
    if work <= 0 or span <= 0:
        return Steady(alone, busiest, loads[busiest] / alone if alone else 0.0, machine.ran)
    utilisation = min(1.0, work / span)
    return Steady(max(loads[busiest], round(loads[busiest] / utilisation)), busiest, utilisation, machine.ran)


class _Stream:
    """One request on its way: which call it is in and what that call still waits for."""

    __slots__ = ("call", "entered", "left", "phase", "users", "waiting")

    def __init__(self) -> None:
        self.phase, self.call, self.left = 0, 0, 0
        self.waiting: list[int] = []
        self.entered: set[tuple[int, str]] = set()
        self.users: dict[tuple[int, str], int] = {}


class _Machine:
    """Resources, requests and the clock."""

    def __init__(
        self,
        programs: Sequence[Program],
        calls: Sequence[int],
        busiest: str,
        room: Room,
    ) -> None:
        self.programs, self.calls, self.busiest = programs, calls, busiest
        self.free: dict[str, int] = {}
        for program in programs:
            self.free.update(program.capacities)
        self.free.update({_slot(*key): n for key, n in room.slots.items()})
        self.entry = [_entries(p, s) for p, s in zip(programs, room.segments, strict=True)]
        self.segments = room.segments
        self.retry: list[tuple[_Stream, str]] = []
        self.queues: dict[str, deque[tuple[_Stream, int]]] = {r: deque() for r in self.free}
        self.heap: list[tuple[int, int, int, _Stream, int, tuple[tuple[str, int], ...]]] = []
        self.now = self.ran = self.bottleneck_done = self._ticket = 0
        self.users: list[list[list[int]]] = []
        self.needs: list[list[int]] = []
        self.weights: list[list[int]] = []
        for program, extra in zip(programs, room.waits, strict=True):
            users: list[list[int]] = [[] for _ in program.activities]
            needs = [set(a.after) | set(e) for a, e in zip(program.activities, extra, strict=True)]
            for i, before in enumerate(needs):
                for need in before:
                    users[need].append(i)
            self.users.append(users)
            self.needs.append([len(before) for before in needs])
            self.weights.append([dict(a.loads).get(busiest, 0) for a in program.activities])

    def start(self, inflight: int, latencies: Sequence[int]) -> None:
        """Put the requests at evenly spaced points of their course, as they would be in a steady state."""
        alone = sum(c * t for c, t in zip(self.calls, latencies, strict=True))
        for k in range(inflight):
            stream = _Stream()
            behind = alone * k // inflight
            for phase, (count, ticks) in enumerate(zip(self.calls, latencies, strict=True)):
                if behind < count * ticks or phase == len(self.calls) - 1:
                    stream.phase, stream.call = phase, min(count - 1, behind // ticks if ticks else 0)
                    break
                behind -= count * ticks
            self._begin_call(stream)
            self._retry()

    def run(self, activities: int) -> None:
        """Advance until so many more activities have ended."""
        goal = self.ran + activities
        while self.heap and self.ran < goal:
            self.now, _, ends, stream, i, held = heapq.heappop(self.heap)
            if held:
                self._release(held)
            if ends:
                self._end(stream, i)
            self._retry()

    def _begin_call(self, stream: _Stream) -> None:
        program = self.programs[stream.phase]
        while not program.activities:
            self._advance(stream)
            program = self.programs[stream.phase]
        stream.waiting = list(self.needs[stream.phase])
        stream.left = len(program.activities)
        stream.entered = set()
        stream.users = {
            (g, memory): len(users)
            for g, segment in enumerate(self.segments[stream.phase])
            for memory, users in segment.users
        }
        for i, needs in enumerate(stream.waiting):
            if needs == 0:
                self._try(stream, i)

    def _advance(self, stream: _Stream) -> None:
        stream.call += 1
        if stream.call >= self.calls[stream.phase]:
            stream.call, stream.phase = 0, (stream.phase + 1) % len(self.programs)

    def _try(self, stream: _Stream, i: int) -> bool:
        """Start the activity, or queue it at the first resource that it must wait for."""
        activity = self.programs[stream.phase].activities[i]
        free = self.free
        if i in self.entry[stream.phase] and not self._enter(stream, i):
            return False
        for resource, amount in activity.exclusive:
            if free[resource] < amount:
                self.queues[resource].append((stream, i))
                return False
        stretch = 1.0
        for memory, share in activity.channels:
            if free[memory] < share:
                if 2 * free[memory] < share:
                    self.queues[memory].append((stream, i))
                    return False
                stretch = max(stretch, share / free[memory])
        held = activity.exclusive + tuple((m, min(free[m], s)) for m, s in activity.channels)
        for resource, amount in held:
            free[resource] -= amount
        hold = int(activity.hold * stretch)
        ticks = activity.ticks + hold - activity.hold
        self._ticket += 1
        if hold == ticks:
            heapq.heappush(self.heap, (self.now + ticks, self._ticket, 1, stream, i, held))
        else:
            heapq.heappush(self.heap, (self.now + hold, self._ticket, 0, stream, i, held))
            heapq.heappush(self.heap, (self.now + ticks, self._ticket, 1, stream, i, ()))
        return True

    def _enter(self, stream: _Stream, i: int) -> bool:
        """Take room in the scarce memories that the activity uses, and in those that come before them in its segment;
        or queue it at the first that is full."""
        segment, memories = self.entry[stream.phase][i]
        wanted = set(memories)
        for memory, _ in self.segments[stream.phase][segment].users:
            if not wanted:
                return True
            wanted.discard(memory)
            if (segment, memory) in stream.entered:
                continue
            slot = _slot(self.programs[stream.phase].phase, memory)
            if self.free[slot] < 1:
                self.queues[slot].append((stream, i))
                return False
            self.free[slot] -= 1
            stream.entered.add((segment, memory))
            self.retry.append((stream, slot))
        return True

    def _retry(self) -> None:
        """Try again what queued for room that its own call has meanwhile got."""
        while self.retry:
            stream, slot = self.retry.pop()
            queue = self.queues[slot]
            mine = [entry for entry in queue if entry[0] is stream]
            if mine:
                self.queues[slot] = deque(entry for entry in queue if entry[0] is not stream)
                for _, i in mine:
                    self._try(stream, i)

    def _release(self, held: tuple[tuple[str, int], ...]) -> None:
        free, queues = self.free, self.queues
        for resource, amount in held:
            free[resource] += amount
        for resource, _ in held:
            queue = queues[resource]
            for _ in range(len(queue)):
                if free[resource] <= 0:
                    break
                stream, i = queue.popleft()
                if not self._try(stream, i) and queue and queue[-1] == (stream, i):
                    queue.rotate(1)  # still waits here: keep its turn
                    break

    def _end(self, stream: _Stream, i: int) -> None:
        self.ran += 1
        self.bottleneck_done += self.weights[stream.phase][i]
        stream.left -= 1
        segment, memories = self.entry[stream.phase].get(i, (-1, ()))
        for memory in memories:
            stream.users[segment, memory] -= 1
            if stream.users[segment, memory] == 0:
                self._release(((_slot(self.programs[stream.phase].phase, memory), 1),))
        for user in self.users[stream.phase][i]:
            stream.waiting[user] -= 1
            if stream.waiting[user] == 0:
                self._try(stream, user)
        if stream.left == 0:
            self._advance(stream)
            self._begin_call(stream)


def _slot(phase: str, memory: str) -> str:
    return f"room for {phase} in {memory}"


def _entries(program: Program, segments: Sequence[Segment]) -> dict[int, tuple[int, tuple[str, ...]]]:
    """For each activity that uses scarce memory, its segment and the memories it uses there."""
    found: dict[int, tuple[int, tuple[str, ...]]] = {}
    for g, segment in enumerate(segments):
        for memory, users in segment.users:
            for i in users:
                found[i] = (g, (*found.get(i, (g, ()))[1], memory))
    return found
