"""Routes between memories: which links data takes, how long it takes and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil

from mapper.errors import TargetError
from mapper.hw.target import Link, Memory, Target
from mapper.hw.ways import Hop, Leaving, Ways
from mapper.hw.work import TICKS_PER_SECOND

PROBE_BYTES = 64 * 1024
"""Routes are chosen for a message of this size."""


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
        self._leaving = _leaving(target)
        self._ways: dict[str, Ways] = {}
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
        if source not in self._ways:
            self._ways[source] = Ways(memories[source].serves, self._leaving)
        ways, ends = self._ways[source], memories[destination].serves
        reached = [(length, end) for end in ends if (length := ways.length(end)) is not None]
        if not reached:
            raise TargetError(f"{self._target.name}: missing link: no route from '{source}' to '{destination}'")
        end = min(reached, key=lambda way: (way[0], ways.names(way[1])))[1] if len(reached) > 1 else reached[0][1]
        hops = ways.hops(end)
        return Route(memories[source], memories[destination], hops, (hops[0].source if hops else end, end))

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


def _leaving(target: Target) -> Leaving:
    """The hops that leave each place, as long as their price in ticks; of equally dear ways that of fewer hops is
    shorter."""
    neighbours = _neighbours(target)
    dear = {link.name: _price(link) * len(neighbours) + 1 for link in target.links}
    return {place: [(hop.destination, dear[hop.link.name], hop) for hop in hops] for place, hops in neighbours.items()}


def _price(link: Link) -> int:
    """Ticks that a link adds to a message of the probe's size."""
    return ceil((link.latency_s + PROBE_BYTES / link.bandwidth_bytes_per_s) * TICKS_PER_SECOND)
