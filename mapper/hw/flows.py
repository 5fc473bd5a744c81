"""What flows between units of a target take that run at the same time: latencies, loads of links, energy."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mapper.hw.rounds import Round
from mapper.hw.target import Target
from mapper.hw.topology import routes

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

Priced = tuple[tuple[tuple[float, float], ...], float]
"""What a round of flows takes: latencies and seconds per byte of the tensor; picojoules per byte."""


def price(target: Target, groups: Sequence[Sequence[str]], flows: Round) -> Priced:
    """Latency and seconds per byte of each flow of a round in all groups at once, which waits for the most loaded thing
    on its way (links and memories are shared), equal flows once; and the energy of all, memories at both ends
    included."""
    known = _known(target)
    taken: list[int] = []
    parts: list[float] = []
    for units in groups:
        data = [target.unit[unit].data for unit in units]
        for a, b, part in flows:
            if data[a] != data[b]:
                taken.append(known[data[a], data[b]])
                parts.append(part)
    return known.priced(np.array(taken), np.array(parts)) if taken else ((), 0)


class _Known(dict[tuple[str, str], int]):
    """Routes of a target as rows of tables, by their ends; written when they are first asked for. The tables hold how
    long a route's first byte takes, its energy per bit, and the things that it occupies, by number: route after
    route."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self._routes = routes(target)
        self._number: dict[str | tuple[str, str], int] = {}
        self._speed = array("d")
        self._latency_s, self._pj_per_bit = array("d"), array("d")
        self._first, self._many, self._things = array("q"), array("q"), array("q")

    def __missing__(self, ends: tuple[str, str]) -> int:
        route = self._routes[ends]
        row = self[ends] = len(self._first)
        self._latency_s.append(route.latency_s)
        self._pj_per_bit.append(route.link_pj_per_bit + route.memory_pj_per_bit)
        self._first.append(len(self._things))
        self._many.append(2 + len(route.hops))
        self._occupies(route.source.name, route.source.bandwidth_bytes_per_s)
        for hop in route.hops:
            self._occupies((hop.link.name, hop.source), hop.link.bandwidth_bytes_per_s)
        self._occupies(route.destination.name, route.destination.bandwidth_bytes_per_s)
        return row

    def _occupies(self, thing: str | tuple[str, str], speed: float) -> None:
        """Note one thing more on the way of the last route: a memory, or a link and where it is entered."""
        number = self._number.setdefault(thing, len(self._number))
        if number == len(self._speed):
            self._speed.append(speed)
        self._things.append(number)

    def priced(self, taken: Ints, parts: Floats) -> Priced:
        """What flows on these routes (rows) take together, each of a part of the tensor."""
        many = _ints(self._many)[taken]
        first = np.cumsum(many) - many
        things = _ints(self._things)[np.repeat(_ints(self._first)[taken] - first, many) + np.arange(many.sum())]
        load = np.bincount(things, np.repeat(parts, many), len(self._speed))  # added up in the order of the flows
        slowest = np.maximum.reduceat((load / _floats(self._speed))[things], first)
        pairs = sorted(set(zip(_floats(self._latency_s)[taken].tolist(), slowest.tolist(), strict=True)))
        energy = np.add.accumulate(parts * 8 * _floats(self._pj_per_bit)[taken])
        return tuple(pairs), float(energy[-1])


def _ints(column: array[int]) -> Ints:
    """A column as it is now, to be read at once: it cannot grow while somebody holds it."""
    return np.frombuffer(column, np.int64)


def _floats(column: array[float]) -> Floats:
    """The same of numbers."""
    return np.frombuffer(column, np.float64)


def _known(target: Target) -> _Known:
    """The table of a target's routes, kept with it."""
    kept: _Known | None = target.__dict__.get("_known_routes")
    if kept is None:
        kept = target.__dict__["_known_routes"] = _Known(target)
    return kept
