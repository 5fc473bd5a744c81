"""The makespan problem: activities with fixed durations and demands, ordered, sharing resources of limited capacity.

Nothing here knows a solver, a graph or a chip. Times are integer ticks, demands integers in the resource's own unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from mapper.errors import MapperError

MOST = 2**60
"""Sums of ticks, and capacities, stay below this, so that 64-bit integers hold any of them with room to spare."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that activities share: at every tick their demands sum to at most `capacity`."""

    name: str
    capacity: int

    def check(self) -> None:
        """Refuse a capacity that is negative or beyond 64 bits."""
        if self.capacity < 0:
            raise MapperError(f"resource '{self.name}' has negative capacity {self.capacity}")
        if self.capacity >= MOST:
            raise MapperError(f"resource '{self.name}' has capacity {self.capacity}, beyond {MOST - 1}")


@dataclass(frozen=True, slots=True)
class Activity:
    """A piece of work on fixed resources.

    ticks: from the start to the result. hold: ticks, from the start, during which it occupies its resources (0 for
    none; usually at most `ticks`). demands: (resource, amount) pairs, all or nothing. elastic: (resource, amount) pairs
    wanted at full speed; with as little as half of them it may run stretched: `ticks` and `hold` then grow by
    wanted/granted, and it holds the granted amounts throughout.
    """

    name: str
    ticks: int
    hold: int
    demands: tuple[tuple[int, int], ...] = ()
    elastic: tuple[tuple[int, int], ...] = ()

    @property
    def most(self) -> int:
        """The ticks to the result when it is stretched as far as it may be."""
        return 2 * self.ticks if self.elastic else self.ticks

    def stretched(self, wanted: int, granted: int) -> int:
        """The ticks to the result when only `granted` of the `wanted` amount is given: ceil(ticks x wanted/granted)."""
        return -(-self.ticks * wanted // granted)

    def hold_for(self, ticks: int) -> int:
        """The ticks of holding when the result takes `ticks`: hold grows in proportion, rounded up."""
        return self.hold if ticks == self.ticks else -(-self.hold * ticks // self.ticks)

    def amounts_for(self, ticks: int) -> tuple[tuple[int, int], ...]:
        """What it holds when the result takes `ticks`: the demands, and the elastic grants recomputed from that."""
        if ticks == self.ticks or not self.elastic:
            return self.demands + self.elastic
        return self.demands + tuple((r, -(-wanted * self.ticks // ticks)) for r, wanted in self.elastic)


@dataclass(frozen=True, slots=True)
class Stream:
    """The sink reads the source's tiles as they come: start(sink) >= start(source) + first, for the first tile to be
    made, and end(sink) >= end(source) + last, for the last one to be worked on."""

    source: int
    sink: int
    first: int
    last: int


@dataclass(frozen=True)
class Problem:
    """Activities, resources, for each activity the ones that must have ended before it starts, and streams."""

    activities: tuple[Activity, ...]
    resources: tuple[Resource, ...]
    after: tuple[tuple[int, ...], ...]
    streams: tuple[Stream, ...] = ()

    @cached_property
    def followers(self) -> tuple[tuple[int, ...], ...]:
        """For each activity, those that wait for it."""
        found: list[list[int]] = [[] for _ in self.activities]
        for i, before in enumerate(self.after):
            for p in before:
                found[p].append(i)
        return tuple(map(tuple, found))

    @cached_property
    def streaming(self) -> tuple[tuple[Stream, ...], ...]:
        """For each activity, the streams that it feeds."""
        found: list[list[Stream]] = [[] for _ in self.activities]
        for stream in self.streams:
            found[stream.source].append(stream)
        return tuple(map(tuple, found))

    @cached_property
    def order(self) -> tuple[int, ...]:
        """A topological order. Raises MapperError naming a cycle when there is none."""
        before = self._predecessors
        missing = [len(b) for b in before]
        found = [i for i, n in enumerate(missing) if n == 0]
        for i in found:  # grows while it is read
            for j in (*self.followers[i], *(s.sink for s in self.streaming[i])):
                missing[j] -= 1
                if missing[j] == 0:
                    found.append(j)
        if len(found) < len(missing):
            names = [self.activities[i].name for i in _cycle(before, missing)]
            raise MapperError("cycle: " + " -> ".join(f"'{name}'" for name in names))
        return tuple(found)

    @property
    def _predecessors(self) -> Sequence[Sequence[int]]:
        """Whom each activity waits for, to end or to stream."""
        if not self.streams:
            return self.after
        before = [list(b) for b in self.after]
        for stream in self.streams:
            before[stream.sink].append(stream.source)
        return before

    def waits(self, ticks: Sequence[int]) -> tuple[tuple[tuple[int, int], ...], ...]:
        """For each activity (predecessor, lag) pairs: when everything takes its `ticks`, it may not start earlier than
        the lag after the predecessor's start."""
        if not self.streams:
            return tuple(tuple((p, ticks[p]) for p in before) for before in self.after)
        found = [[(p, ticks[p]) for p in before] for before in self.after]
        for s in self.streams:
            found[s.sink].append((s.source, max(s.first, ticks[s.source] + s.last - ticks[s.sink])))
        return tuple(map(tuple, found))

    @cached_property
    def shortest_waits(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Lags that hold however much is stretched: a stretched sink may start earlier and end as late."""
        if not self.streams:
            return self.waits([a.ticks for a in self.activities])
        found = [[(p, self.activities[p].ticks) for p in before] for before in self.after]
        for s in self.streams:
            longest = self.activities[s.sink].most
            found[s.sink].append((s.source, max(s.first, self.activities[s.source].ticks + s.last - longest)))
        return tuple(map(tuple, found))

    @cached_property
    def heads(self) -> tuple[int, ...]:
        """For each activity the earliest start that the order alone allows."""
        heads = [0] * len(self.activities)
        for i in self.order:
            heads[i] = max((heads[p] + lag for p, lag in self.shortest_waits[i]), default=0)
        return tuple(heads)

    @cached_property
    def tails(self) -> tuple[int, ...]:
        """For each activity the longest path from its start to the end of everything, itself included."""
        tails = [a.ticks for a in self.activities]
        for i in reversed(self.order):
            for p, lag in self.shortest_waits[i]:
                tails[p] = max(tails[p], lag + tails[i])
        return tuple(tails)

    @property
    def elastic(self) -> bool:
        """Whether any activity may be stretched."""
        return any(a.elastic for a in self.activities)

    def check(self) -> None:
        """Refuse a malformed problem: a negative number, an index out of range, a demand above capacity, a cycle."""
        if len(self.after) != len(self.activities):
            raise MapperError(f"after has {len(self.after)} rows for {len(self.activities)} activities")
        for resource in self.resources:
            resource.check()
        for activity, before in zip(self.activities, self.after, strict=True):
            _check_numbers(activity)
            _check_demands(activity, self.resources)
            for p in before:
                _inside(p, self.activities, f"activity '{activity.name}' waits for")
        for stream in self.streams:
            self._check_stream(stream)
        horizon = sum(a.most + a.hold_for(a.most) for a in self.activities) + sum(
            s.first + s.last for s in self.streams
        )
        if horizon >= MOST:
            raise MapperError(f"the ticks of all activities sum to {horizon}, beyond {MOST - 1}")
        _ = self.order

    def _check_stream(self, stream: Stream) -> None:
        for end in (stream.source, stream.sink):
            _inside(end, self.activities, "a stream's end has")
        if stream.first < 0 or stream.last < 0:
            source, sink = self.activities[stream.source].name, self.activities[stream.sink].name
            raise MapperError(
                f"stream from '{source}' to '{sink}': negative tile of {stream.first}, {stream.last} ticks"
            )


def _check_numbers(activity: Activity) -> None:
    for what, number in (("ticks", activity.ticks), ("hold", activity.hold)):
        if number < 0:
            raise MapperError(f"activity '{activity.name}' has negative {what} {number}")


def _check_demands(activity: Activity, resources: Sequence[Resource]) -> None:
    total: dict[int, int] = {}
    if len({r for r, _ in activity.elastic}) < len(activity.elastic):
        raise MapperError(f"activity '{activity.name}' names a resource twice in its elastic demands")
    for r, amount in activity.demands + activity.elastic:
        _inside(r, resources, f"activity '{activity.name}' demands")
        if amount < 0:
            raise MapperError(f"activity '{activity.name}' has negative demand {amount} of '{resources[r].name}'")
        total[r] = total.get(r, 0) + amount
    for r, amount in total.items():
        if amount > resources[r].capacity:
            raise MapperError(
                f"demand: activity '{activity.name}' wants {amount} of '{resources[r].name}', which has "
                f"{resources[r].capacity}"
            )


def _inside(index: int, of: Sequence[object], what: str) -> None:
    if not 0 <= index < len(of):
        raise MapperError(f"{what} index {index}, which is not among {len(of)}")


def _cycle(after: Sequence[Sequence[int]], missing: Sequence[int]) -> list[int]:
    """A cycle among the activities that still miss a predecessor, in the order in which they wait."""
    at = next(i for i, n in enumerate(missing) if n)
    path: list[int] = []
    while at not in path:
        path.append(at)
        at = next(p for p in after[at] if missing[p])
    return [*path[path.index(at) :], at][::-1]


@dataclass(frozen=True, slots=True)
class Solution:
    """When each activity starts and when its result is there."""

    start: tuple[int, ...]
    end: tuple[int, ...]

    @property
    def makespan(self) -> int:
        """The tick at which the last result is there."""
        return max(self.end, default=0)
