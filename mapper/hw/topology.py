"""Routes between memories: which links data takes, how long it takes and what it costs."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil

from mapper.errors import TargetError
from mapper.hw.target import Link, Memory, Target
from mapper.hw.work import TICKS_PER_SECOND

PROBE_BYTES = 64 * 1024
"""Routes are chosen for a message of this size."""


@dataclass(frozen=True, slots=True)
class Hop:
    """A link taken in one direction."""

    link: Link
    source: str
    destination: str

    @property
    def resource(self) -> str:
        """The name of this direction of the link, as it stands in schedules."""
        return f"{self.link.name}:{self.source}>{self.destination}"


@dataclass(frozen=True, slots=True)
class Route:
    """The way from one memory to another: out through a unit the first serves, over links, in through a unit the
    second serves. Without hops where one unit has access to both. A route from a memory to itself moves nothing."""

    source: Memory
    destination: Memory
    hops: tuple[Hop, ...]
    units: tuple[str, str]
    """The unit the data leaves through and the one it arrives through."""

    @property
    def latency_s(self) -> float:
        """Time until the first byte has arrived: the read of the source and every link (writes are posted)."""
        return sum((h.link.latency_s for h in self.hops), self.source.latency_s)

    @property
    def bandwidth_bytes_per_s(self) -> float:
        """The narrowest of the links and of the memories at both ends."""
        links = (h.link.bandwidth_bytes_per_s for h in self.hops)
        return min(self.source.bandwidth_bytes_per_s, self.destination.bandwidth_bytes_per_s, *links)

    @property
    def link_pj_per_bit(self) -> float:
        """Energy of the links on the way, per bit."""
        return sum(h.link.energy_pj_per_bit for h in self.hops)

    @property
    def memory_pj_per_bit(self) -> float:
        """Energy of reading at one end and writing at the other, per bit."""
        return self.source.energy_pj_per_bit + self.destination.energy_pj_per_bit

    @property
    def resources(self) -> tuple[str, ...]:
        """Names of everything the move occupies: both memories and each directed link, in order."""
        return (self.source.name, *(h.resource for h in self.hops), self.destination.name)


class Routes(Mapping[tuple[str, str], Route]):
    """The best route for each pair of memories, found when first asked for: least latency + 64 KiB / bandwidth,
    then fewest hops, then by name. Raises TargetError where there is none."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._neighbours = _neighbours(target)
        self._found: dict[str, dict[str, Route]] = {}

    def __getitem__(self, pair: tuple[str, str]) -> Route:
        source, destination = pair
        if source not in self._target.memory or destination not in self._target.memory:
            raise KeyError(pair)
        if source not in self._found:
            self._found[source] = dict(_routes_from(self._target, self._neighbours, self._target.memory[source]))
        if destination not in self._found[source]:
            raise TargetError(f"{self._target.name}: missing link: no route from '{source}' to '{destination}'")
        return self._found[source][destination]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((a, b) for a in self._target.memory for b in self._target.memory)

    def __len__(self) -> int:
        return len(self._target.memory) ** 2


def routes(target: Target) -> Routes:
    """The routes of a target, kept with it."""
    kept: Routes = target.__dict__.get("_routes") or Routes(target)
    target.__dict__["_routes"] = kept
    return kept


def transfer_ticks(route: Route, size_bytes: int) -> int:
    """Ticks that a transfer takes alone: latency + bytes / bottleneck; 0 from a memory to itself."""
    if size_bytes <= 0 or route.source.name == route.destination.name:
        return 0
    return ceil((route.latency_s + size_bytes / route.bandwidth_bytes_per_s) * TICKS_PER_SECOND)


def transfer_pj(route: Route, size_bytes: int) -> int:
    """Energy of a transfer in picojoules, memories at both ends included; 0 from a memory to itself."""
    if route.source.name == route.destination.name:
        return 0
    return round(size_bytes * 8 * (route.link_pj_per_bit + route.memory_pj_per_bit))


def unreachable(target: Target) -> tuple[str, str] | None:
    """Two places between which no data can move, or None where everything reaches everything."""
    island = _islands(target)
    shores = [(m.name, {island[unit] for unit in m.serves}) for m in target.memories]
    for i, (a, of_a) in enumerate(shores):
        for b, of_b in shores[:i]:
            if not of_a & of_b:
                return b, a
    home = {island[unit] for m in target.memories for unit in m.serves}
    for router in target.routers:
        if island[router] not in home:
            return router, target.units[0].name
    return None


def _islands(target: Target) -> dict[str, int]:
    """For each unit and router the number of the set of places that links join."""
    neighbours = _neighbours(target)
    island: dict[str, int] = {}
    for number, start in enumerate(neighbours):
        waiting = [start] if start not in island else []
        while waiting:
            place = waiting.pop()
            if place not in island:
                island[place] = number
                waiting += [hop.destination for hop in neighbours[place]]
    return island


def _neighbours(target: Target) -> dict[str, list[Hop]]:
    """The hops that leave each place, in order of names."""
    leaving: dict[str, list[Hop]] = {place: [] for place in (*target.unit, *target.routers)}
    for link in target.links:
        leaving[link.a].append(Hop(link, link.a, link.b))
        leaving[link.b].append(Hop(link, link.b, link.a))
    return {place: sorted(hops, key=lambda h: (h.destination, h.link.name)) for place, hops in leaving.items()}


def _price(link: Link) -> int:
    """Ticks that a link adds to a message of the probe's size."""
    return ceil((link.latency_s + PROBE_BYTES / link.bandwidth_bytes_per_s) * TICKS_PER_SECOND)


def _routes_from(target: Target, neighbours: Mapping[str, list[Hop]], source: Memory) -> Iterator[tuple[str, Route]]:
    """The best route from a memory to each memory it reaches (Dijkstra over units and routers)."""
    best: dict[str, tuple[tuple[int, int, tuple[str, ...]], tuple[Hop, ...]]] = {}
    waiting: list[tuple[int, int, tuple[str, ...], tuple[Hop, ...]]] = [(0, 0, (unit,), ()) for unit in source.serves]
    heapq.heapify(waiting)
    while waiting:
        price, count, names, hops = heapq.heappop(waiting)
        place = names[-1]
        if place in best:
            continue
        best[place] = ((price, count, names), hops)
        for hop in neighbours[place]:
            if hop.destination not in best:
                step = (price + _price(hop.link), count + 1, (*names, hop.link.name, hop.destination), (*hops, hop))
                heapq.heappush(waiting, step)
    for memory in target.memories:
        reached = [best[unit] for unit in memory.serves if unit in best]
        if reached:
            (_, _, names), hops = min(reached, key=lambda found: found[0])
            yield memory.name, Route(source, memory, hops, (names[0], names[-1]))
