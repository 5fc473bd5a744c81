"""Event-driven list scheduling: at each event every ready activity that fits starts, the most urgent first."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

from mapper.solve.makespan.problem import Problem, Solution

Need = tuple[int, int, int]
"""A resource, the amount of it needed in full, and the amount on top that may be halved."""


def dispatch(problem: Problem, urgency: Sequence[float] | None = None) -> Solution:
    """A schedule without needless delay; `urgency` per activity, higher first, default the longest path to the end."""
    state = _Dispatch(problem, problem.tails if urgency is None else urgency)
    state.run()
    return Solution(tuple(state.start), tuple(state.end))


class _Dispatch:
    """The state at tick `now`.

    An activity that does not fit waits in a queue of a resource that it lacks, by the amount that it lacks there. A
    queue is looked at only when its resource has that much, so that a long queue costs nothing at other events. A
    candidate is (key, activity, the queue it came from or None).
    """

    def __init__(self, problem: Problem, urgency: Sequence[float]) -> None:
        self.activities, self.followers = problem.activities, problem.followers
        self.needs = _needs(problem)
        self.key = [-u for u in urgency]
        self.streaming = problem.streaming
        self.missing = [len(before) for before in problem.after]
        for stream in problem.streams:
            self.missing[stream.sink] += 1
        self.free = [r.capacity for r in problem.resources]
        self.start = [0] * len(self.activities)
        self.end = [0] * len(self.activities)
        self.now = 0
        self.results: list[tuple[int, int]] = []
        self.tiles: list[tuple[int, int]] = []
        self.releases: list[tuple[int, int, Sequence[tuple[int, int]]]] = []
        self.candidates: list[tuple[float, int, tuple[int, int] | None]] = []
        self.queues: list[dict[int, list[tuple[float, int]]]] = [{} for _ in self.free]

    def run(self) -> None:
        """Go from event to event until nothing is under way."""
        for i, count in enumerate(self.missing):
            if count == 0:
                heappush(self.candidates, (self.key[i], i, None))
        while True:
            self._start_what_fits()
            moments = [heap[0][0] for heap in (self.results, self.releases, self.tiles) if heap]
            if not moments:
                return
            self.now = min(moments)
            self._collect_results()
            while self.tiles and self.tiles[0][0] == self.now:
                self._arrived(heappop(self.tiles)[1])
            self._collect_releases()

    def _collect_results(self) -> None:
        while self.results and self.results[0][0] == self.now:
            for j in self.followers[heappop(self.results)[1]]:
                self._arrived(j)

    def _arrived(self, j: int) -> None:
        """One thing less that j waits for."""
        self.missing[j] -= 1
        if self.missing[j] == 0:
            heappush(self.candidates, (self.key[j], j, None))

    def _collect_releases(self) -> None:
        touched: dict[int, None] = {}
        while self.releases and self.releases[0][0] == self.now:
            for r, amount in heappop(self.releases)[2]:
                self.free[r] += amount
                touched[r] = None
        for r in touched:
            for amount in [a for a in self.queues[r] if a <= self.free[r]]:
                self._next_of((r, amount))

    def _next_of(self, queue: tuple[int, int]) -> None:
        """Make the head of a queue a candidate, when there is one and its resource has enough."""
        r, amount = queue
        waiting = self.queues[r].get(amount)
        if waiting is None or amount > self.free[r]:
            return
        heappush(self.candidates, (*heappop(waiting), queue))
        if not waiting:
            del self.queues[r][amount]

    def _start_what_fits(self) -> None:
        patient: list[tuple[int, tuple[int, int]]] = []
        while self.candidates:
            _, i, origin = heappop(self.candidates)
            lack = self._lack(i)
            if lack is not None:
                self._park(i, lack)
            else:
                ticks, wait_for = self._offer(i)
                if wait_for is None:
                    self._begin(i, ticks)
                else:
                    patient.append((i, wait_for))
            if origin is not None:
                self._next_of(origin)
        for i, queue in patient:
            self._park(i, queue)

    def _lack(self, i: int) -> tuple[int, int] | None:
        """The first resource, with the amount, that is not free enough even for a stretched run."""
        for r, full, wanted in self.needs[i]:
            least = full + wanted - wanted // 2
            if least > self.free[r]:
                return r, least
        return None

    def _offer(self, i: int) -> tuple[int, tuple[int, int] | None]:
        """The ticks of a run begun now; and the queue to wait in, if waiting for the whole share ends no later."""
        activity = self.activities[i]
        ticks, short = activity.ticks, None
        for need in self.needs[i]:
            r, full, wanted = need
            if wanted and (free := self.free[r] - full) < wanted:
                needed = activity.stretched(wanted, free)
                if needed > ticks:
                    ticks, short = needed, need
        if short is None:
            return ticks, None
        r, full, wanted = short
        if self._free_at(r, full + wanted) + activity.ticks <= self.now + ticks:
            return ticks, (r, full + wanted - wanted // 2)
        return ticks, None

    def _free_at(self, resource: int, wanted: int) -> int:
        """The tick at which what runs now will have released enough for `wanted`."""
        free = self.free[resource]
        for tick, _, amounts in sorted(self.releases):
            free += sum(amount for r, amount in amounts if r == resource)
            if free >= wanted:
                return tick
        return self.now

    def _begin(self, i: int, ticks: int) -> None:
        activity = self.activities[i]
        self.start[i], self.end[i] = self.now, self.now + ticks
        heappush(self.results, (self.now + ticks, i))
        for stream in self.streaming[i]:
            last = self.end[i] + stream.last - self.activities[stream.sink].ticks
            heappush(self.tiles, (max(self.now + stream.first, last), stream.sink))
        if activity.hold:
            amounts = activity.amounts_for(ticks)
            for r, amount in amounts:
                self.free[r] -= amount
            heappush(self.releases, (self.now + activity.hold_for(ticks), i, amounts))

    def _park(self, i: int, queue: tuple[int, int]) -> None:
        heappush(self.queues[queue[0]].setdefault(queue[1], []), (self.key[i], i))


def _needs(problem: Problem) -> list[tuple[Need, ...]]:
    """What each activity needs of each resource, demands of the same resource added up."""
    found = []
    for activity in problem.activities:
        sums: dict[int, list[int]] = {}
        if activity.hold:
            for r, amount in activity.demands:
                sums.setdefault(r, [0, 0])[0] += amount
            for r, amount in activity.elastic:  # without ticks there is nothing to stretch
                sums.setdefault(r, [0, 0])[1 if activity.ticks else 0] += amount
        found.append(tuple((r, full, wanted) for r, (full, wanted) in sums.items()))
    return found
