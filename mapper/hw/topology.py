"""Routes between memories: which links data takes, how long it takes and what it costs."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
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
    def overhead_s(self) -> float:
        """Time for which it takes the units at both ends."""
        return sum(h.link.overhead_s for h in self.hops)

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
        self._prices = {link.name: _price(link) for link in target.links}
        self._searches: dict[str, _Search] = {}
        self._found: dict[tuple[str, str], Route] = {}

    def __getitem__(self, pair: tuple[str, str]) -> Route:
        found = self._found.get(pair)
        if found is None:
            found = self._found[pair] = self._route(*pair)
        return found

    def _route(self, source: str, destination: str) -> Route:
        memories = self._target.memory
        if source not in memories or destination not in memories:
            raise KeyError((source, destination))
        if source not in self._searches:
            self._searches[source] = _Search(memories[source].serves, self._neighbours, self._prices)
        ways = self._searches[source].ways_to(memories[destination].serves)
        reached = [ways[unit] for unit in memories[destination].serves if unit in ways]
        if not reached:
            raise TargetError(f"{self._target.name}: missing link: no route from '{source}' to '{destination}'")
        best = min(reached, key=lambda way: way.key)
        return Route(memories[source], memories[destination], best.hops(ways), (best.names[0], best.names[-1]))

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
    joined = {frozenset(shore) for _, shore in shores} == {frozenset({0})}  # as in most targets: no pair to look at
    for i, (a, of_a) in enumerate(() if joined else shores):
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


@dataclass(frozen=True, slots=True)
class _Way:
    """The best way found to a place: its price, the names on it (start, link, place, ..) and its last hop."""

    price: int
    names: tuple[str, ...]
    last: Hop | None = None

    @property
    def key(self) -> tuple[int, int, tuple[str, ...]]:
        """What the best way has least of: price, hops, names."""
        return self.price, len(self.names), self.names

    def hops(self, ways: Mapping[str, _Way]) -> tuple[Hop, ...]:
        """The hops, first one first."""
        found: list[Hop] = []
        last = self.last
        while last is not None:
            found.append(last)
            last = ways[last.source].last
        return tuple(reversed(found))


class _Search:
    """The best ways from some units (Dijkstra, 1959), as far as somebody asked. Every hop adds to the price or to the
    number of hops, so that all ways to a place are known when its turn comes."""

    def __init__(self, units: Sequence[str], neighbours: Mapping[str, list[Hop]], prices: Mapping[str, int]) -> None:
        self._neighbours, self._prices = neighbours, prices
        self._best = {unit: _Way(0, (unit,)) for unit in units}
        self._waiting = [(0, 1, unit) for unit in units]
        heapq.heapify(self._waiting)
        self._done: set[str] = set()

    def ways_to(self, places: Sequence[str]) -> Mapping[str, _Way]:
        """The ways found so far; those to the places are the best, or missing where there is none."""
        left = set(places) - self._done
        while self._waiting and left:
            *_, place = heapq.heappop(self._waiting)
            if place not in self._done:
                self._done.add(place)
                left.discard(place)
                self._leave(place)
        return self._best

    def _leave(self, place: str) -> None:
        """Ways that go on from a place to its neighbours."""
        here = self._best[place]
        count = len(here.names) + 2
        for hop in self._neighbours[place]:
            if hop.destination in self._done:
                continue
            price, known = here.price + self._prices[hop.link.name], self._best.get(hop.destination)
            if known is not None and (known.price, len(known.names)) < (price, count):
                continue
            names = (*here.names, hop.link.name, hop.destination)
            if known is None or (price, count, names) < known.key:
                self._best[hop.destination] = _Way(price, names, hop)
                heapq.heappush(self._waiting, (price, count, hop.destination))
