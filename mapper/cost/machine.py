"""The machine of the steady state: resources, requests on their way, and the clock.

Exclusive resources are given to the phase of the shortest calls first, and within a phase to the call that began first.
Short calls (decode) keep every unit fed while long ones (prefill) fill the gaps on all units at once; the other way
round all requests pile up behind a prefill on one unit and the others idle. Oldest first keeps requests apart, where
first come first served would march them through the units in step and leave half of these idle. A memory channel is
shared by all activities that use it, in proportion to the bandwidth each asks for, and slows them down when they ask
for more than there is.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf

from mapper.cost.engines import CHANNEL
from mapper.cost.liveness import Segment
from mapper.cost.program import Program
from mapper.cost.steps import Step, longest_holds, steps_of

GOLDEN, WHOLE = 618_033_989, 1_000_000_000
"""Multiples of the golden section, less their whole parts, are evenly spread however many they are (Weyl 1916)."""


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


class Stream:
    """One request on its way: which call it is in and what that call still waits for."""

    __slots__ = ("age", "call", "entered", "left", "phase", "users", "waiting")

    def __init__(self) -> None:
        self.phase, self.call, self.left = 0, 0, 0
        self.age = 0
        self.waiting: list[int] = []
        self.entered: set[tuple[int, str]] = set()
        self.users: dict[tuple[int, str], int] = {}


Queue = list[tuple[int, int, Stream]]
"""What waits for a resource: (age of its call, activity, request), a heap."""


class Running:
    """An activity under way. left: ticks of holding at full speed; rate: its speed (below 1 on a crowded channel)."""

    __slots__ = ("i", "left", "let_go", "rate", "since", "step", "stream", "version")

    def __init__(self, stream: Stream, i: int, step: Step, now: int) -> None:
        self.stream, self.i, self.step = stream, i, step
        self.left, self.rate, self.since, self.version = step.hold, 1.0, now, 0
        self.let_go = False


class Machine:
    """Resources, requests and the clock."""

    def __init__(
        self,
        programs: Sequence[Program],
        calls: Sequence[int],
        busiest: str,
        room: Room,
        latencies: Sequence[int],
    ) -> None:
        self.programs, self.calls, self.latencies = programs, calls, latencies
        self.turns = sorted(range(len(programs)), key=lambda p: (latencies[p], p))
        self.free: dict[str, int] = {}
        for program in programs:
            sets = dict(program.sets)
            for resource, n in program.capacities:
                self.free[resource] = min(n * sets.get(resource, 1), self.free.get(resource, n * sets.get(resource, 1)))
        self.free.update({_slot(*key): n for key, n in room.slots.items()})
        self.segments = room.segments
        self.retry: list[tuple[Stream, str]] = []
        self.queues: dict[str, tuple[Queue, ...]] = {r: tuple([] for _ in programs) for r in self.free}
        self.heap: list[tuple[int, int, Running]] = []
        channels = {m for program in programs for a in program.activities for m, _ in a.channels}
        self.demand = dict.fromkeys(sorted(channels), 0)
        self.active: dict[str, dict[Running, int]] = {m: {} for m in self.demand}
        self.most: dict[str, float] = dict.fromkeys(self.demand, inf)  # shares that one activity gets at most
        self.now = self.ran = self.bottleneck_done = self._ticket = self._calls = 0
        self.held = 0.0
        longest = longest_holds(programs)
        self.steps = [
            steps_of(program, extra, parts, busiest, longest)
            for program, extra, parts in zip(programs, room.waits, room.segments, strict=True)
        ]
        self.needs = [[step.needs for step in steps] for steps in self.steps]

    @property
    def per_request(self) -> int:
        """Steps of one request."""
        return sum(c * len(steps) for c, steps in zip(self.calls, self.steps, strict=True))

    @property
    def held_per_request(self) -> float:
        """Ticks for which steps of one request hold their resources, in sum."""
        return sum(c * sum(step.hold for step in steps) for c, steps in zip(self.calls, self.steps, strict=True))

    def start(self, inflight: int, interval: int, starts: Sequence[Sequence[int]] = ()) -> None:
        """Put the requests where they would be in a steady state with such an interval, evenly spread in each phase.

        starts: by phase, when the activities of a call alone on the machine start: with these requests begin in the
        midst of their calls, but for phases that take turns at scarce memories; and `spread_alike` tells of the phases.
        """
        if not starts:
            for phase, n in enumerate(spread(inflight, self.calls, self.latencies, interval)):
                for k in range(n):
                    self._put(phase, self.calls[phase] * k // n, ())
            return
        placed = []
        for phase, n in enumerate(spread_alike(inflight, self.calls, self.latencies)):
            inside = not self.segments[phase]
            for k in range(n):
                gone = GOLDEN * k % WHOLE * self.latencies[phase] // WHOLE if inside else 0
                placed.append((-gone, phase, k, self.calls[phase] * k // n))
        for ago, phase, _, call in sorted(placed):  # the oldest call first
            done = [i for i, step in enumerate(self.steps[phase]) if starts[phase][step.last] < -ago]
            self._put(phase, call, done)

    def _put(self, phase: int, call: int, done: Sequence[int]) -> None:
        """Let a request begin in a call of which some steps are done."""
        stream = Stream()
        stream.phase, stream.call = phase, call
        self._begin_call(stream, done if len(done) < len(self.steps[phase]) else ())
        self._retry()

    def run(self, steps: int) -> None:
        """Advance until so many more steps have ended."""
        goal = self.ran + steps
        while self.heap and self.ran < goal:
            when, ticket, run = heapq.heappop(self.heap)
            if ticket != run.version:
                continue  # its speed changed since
            self.now = when
            if not run.let_go:
                run.let_go = True
                self._let_go(run)
                run.left, run.rate = run.step.tail, 1.0
                if run.left > 0:
                    self._push(run)
                    continue
            self._end(run.stream, run.step)
            if self.retry:
                self._retry()

    def _begin_call(self, stream: Stream, done: Sequence[int] = ()) -> None:
        while not self.steps[stream.phase]:
            self._advance(stream)
        self._calls += 1
        stream.age = self._calls
        stream.waiting = list(self.needs[stream.phase])
        stream.left = len(self.steps[stream.phase])
        stream.entered = set()
        stream.users = {
            (g, memory): len(users)
            for g, segment in enumerate(self.segments[stream.phase])
            for memory, users in segment.users
        }
        for i in done:
            stream.waiting[i] = -1
            for user in self.steps[stream.phase][i].users:
                stream.waiting[user] -= 1
        stream.left -= len(done)
        for i, needs in enumerate(stream.waiting):
            if needs == 0:
                self._try(stream, i)

    def _advance(self, stream: Stream) -> None:
        stream.call += 1
        if stream.call >= self.calls[stream.phase]:
            stream.call, stream.phase = 0, (stream.phase + 1) % len(self.programs)

    def _try(self, stream: Stream, i: int) -> bool:
        """Start the activity, or queue it at the first resource that it must wait for."""
        step = self.steps[stream.phase][i]
        free = self.free
        if step.memories and not self._enter(stream, i, step):
            return False
        for resource, amount in step.exclusive:
            if free[resource] < amount:
                heapq.heappush(self.queues[resource][stream.phase], (stream.age, i, stream))
                return False
        for resource, amount in step.exclusive:
            free[resource] -= amount
        self._launch(Running(stream, i, step, self.now))
        return True

    def _launch(self, run: Running) -> None:
        """Let an activity hold its resources; where its memory channels are asked for too much, all slow down."""
        crowded = []
        for memory, share in run.step.channels:
            self.demand[memory] += share
            self.active[memory][run] = share
            if self.demand[memory] > CHANNEL:
                crowded.append(memory)
        self._push(run)
        if crowded:
            self._share_again(crowded)

    def _push(self, run: Running) -> None:
        self._ticket += 1
        run.version = self._ticket
        when = self.now + ceil(run.left if run.rate == 1.0 else run.left / run.rate)
        heapq.heappush(self.heap, (when, self._ticket, run))

    def _share_again(self, memories: Sequence[str]) -> None:
        """Give every activity on these channels its fair part of the bandwidth."""
        for memory in memories:
            self.most[memory] = fair_part(self.active[memory].values()) if self.demand[memory] > CHANNEL else inf
        for run in dict.fromkeys(r for memory in memories for r in self.active[memory]):
            rate = min([1.0, *(self.most[m] / share for m, share in run.step.channels)])
            if rate != run.rate:
                run.left = max(0.0, run.left - run.rate * (self.now - run.since))
                run.since, run.rate = self.now, rate
                self._push(run)

    def _let_go(self, run: Running) -> None:
        """Give back what an activity held."""
        relieved = []
        for memory, share in run.step.channels:
            if self.demand[memory] > CHANNEL:
                relieved.append(memory)
            self.demand[memory] -= share
            del self.active[memory][run]
        if relieved:
            self._share_again(relieved)
        self._release(run.step.exclusive)

    def _enter(self, stream: Stream, i: int, step: Step) -> bool:
        """Take room in the scarce memories that the activity uses, and in those that come before them in its segment;
        or queue it at the first that is full."""
        segment, wanted = step.segment, set(step.memories)
        for memory, _ in self.segments[stream.phase][segment].users:
            if not wanted:
                return True
            wanted.discard(memory)
            if (segment, memory) in stream.entered:
                continue
            slot = _slot(self.programs[stream.phase].phase, memory)
            if self.free[slot] < 1:
                heapq.heappush(self.queues[slot][stream.phase], (stream.age, i, stream))
                return False
            self.free[slot] -= 1
            stream.entered.add((segment, memory))
            self.retry.append((stream, slot))
        return True

    def _retry(self) -> None:
        """Try again what queued for room that its own call has meanwhile got."""
        while self.retry:
            stream, slot = self.retry.pop()
            queue = self.queues[slot][stream.phase]
            mine = [entry for entry in queue if entry[2] is stream]
            if mine:
                queue[:] = [entry for entry in queue if entry[2] is not stream]
                heapq.heapify(queue)
                for _, i, _ in sorted(mine, key=lambda entry: entry[1]):
                    self._try(stream, i)

    def _release(self, held: tuple[tuple[str, int], ...]) -> None:
        for resource, amount in held:
            self.free[resource] += amount
        for resource, _ in held:
            queues = self.queues[resource]
            for phase in self.turns:
                if queues[phase] and not self._serve(resource, queues[phase]):
                    break

    def _serve(self, resource: str, queue: Queue) -> bool:
        """Start what waits in a queue, oldest first; False when its head must go on waiting for this resource."""
        for _ in range(len(queue)):
            if self.free[resource] <= 0:
                return False
            head = heapq.heappop(queue)
            if not self._try(head[2], head[1]) and queue and queue[0] == head:
                return False
        return True

    def _end(self, stream: Stream, step: Step) -> None:
        self.ran += 1
        self.bottleneck_done += step.weight
        self.held += step.hold
        stream.left -= 1
        for memory in step.memories:
            stream.users[step.segment, memory] -= 1
            if stream.users[step.segment, memory] == 0:
                self._release(((_slot(self.programs[stream.phase].phase, memory), 1),))
        waiting = stream.waiting
        for user in step.users:
            waiting[user] -= 1
            if waiting[user] == 0:
                self._try(stream, user)
        if stream.left == 0:
            self._advance(stream)
            self._begin_call(stream)


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


def fair_part(shares: Iterable[int]) -> float:
    """The most of a channel that one of its users gets, when together they ask for more than `CHANNEL`: those that ask
    for less get what they ask for, and the parts add up to the whole."""
    left, users = float(CHANNEL), sorted(shares)
    for k, share in enumerate(users):
        part = left / (len(users) - k)
        if share >= part:
            return part
        left -= share
    return inf


def _slot(phase: str, memory: str) -> str:
    return f"room for {phase} in {memory}"
