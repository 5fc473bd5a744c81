"""The shortest ways from some places of a target, as far as somebody asked."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mapper.hw.target import Link


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


Leaving = Mapping[str, Sequence[tuple[str, int, Hop]]]
"""For each place the hops that leave it, with where they end and their lengths, which are positive."""


class Ways:
    """The shortest ways from some places (Dijkstra, 1959), of equally long ones the first by name. Equally long are
    only ways of equally many hops."""

    def __init__(self, starts: Sequence[str], leaving: Leaving) -> None:
        self._leaving = leaving
        self._length = dict.fromkeys(starts, 0)
        self._last: dict[str, Hop] = {}
        self._waiting = [(0, start) for start in self._length]
        heapq.heapify(self._waiting)

    def length(self, place: str) -> int | None:
        """The length of the shortest way to a place; None where there is none."""
        known, waiting, lengths = self._length.get(place), self._waiting, self._length
        while waiting and (known is None or waiting[0][0] < known):  # what is longer than a way ends in no shorter one
            length, here = heapq.heappop(waiting)
            if length == lengths[here]:
                self._leave(here, length)
                known = lengths.get(place)
        return known

    def names(self, place: str) -> tuple[str, ...]:
        """The names on the way found to a place: start, link, place, ..."""
        hops = self.hops(place)
        start = hops[0].source if hops else place
        return (start, *(name for hop in hops for name in (hop.link.name, hop.destination)))

    def hops(self, place: str) -> tuple[Hop, ...]:
        """The hops of the way found to a place, first one first."""
        found: list[Hop] = []
        hop = self._last.get(place)
        while hop is not None:
            found.append(hop)
            hop = self._last.get(hop.source)
        return tuple(reversed(found))

    def _leave(self, here: str, length: int) -> None:
        """Ways that go on from a place to its neighbours."""
        lengths, last, waiting = self._length, self._last, self._waiting
        for place, more, hop in self._leaving[here]:
            new, known = length + more, lengths.get(place)
            if known is None or new < known:
                lengths[place], last[place] = new, hop
                heapq.heappush(waiting, (new, place))
            elif new == known and self._through(hop) < self.names(place):
                last[place] = hop

    def _through(self, hop: Hop) -> tuple[str, ...]:
        """The names on the way to the end of a hop by that hop."""
        return (*self.names(hop.source), hop.link.name, hop.destination)
