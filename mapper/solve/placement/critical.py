"""The critical path of each phase with every item's best option, as if nothing were shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mapper.solve.placement.problem import Net, Option, Transfer
from mapper.solve.placement.tables import Ints, Tables

FAR = 1 << 50
"""The delay of a route that does not exist."""


@dataclass(frozen=True)
class CriticalPath:
    """ends: the least ticks of one run of each phase. earliest[i]: by option, when item i can end at best."""

    ends: tuple[int, ...]
    earliest: tuple[Ints, ...]


@dataclass(frozen=True, slots=True)
class Leg:
    """Part of a critical path: an item with an option, or (item -1) a net on its way between two places."""

    item: int = -1
    option: int = -1
    size: int = -1
    way: tuple[int, int] = (-1, -1)

    def made(self, tables: Tables) -> Option | Transfer:
        """The option or the transfer."""
        problem = tables.problem
        if self.item < 0:
            return problem.transfers[self.size][self.way]
        return problem.items[self.item].options[self.option]


def delays(tables: Tables) -> Ints:
    """[sizes, places, places]: ticks of a transfer, FAR where there is no route."""
    problem = tables.problem
    n = len(problem.places)
    found = np.full((len(problem.transfers), n, n), FAR, dtype=np.int64)
    for size, table in enumerate(problem.transfers):
        found[size][np.arange(n), np.arange(n)] = 0
        for (a, b), transfer in table.items():
            if a != b:
                found[size, a, b] = transfer.ticks
    return found


def critical_path(tables: Tables) -> CriticalPath:
    """Dynamic programming in topological order: an item waits for each net's best source option on its own."""
    problem = tables.problem
    delay = delays(tables)
    earliest: list[Ints] = []
    at_place: list[Ints] = []
    ends = [0] * len(problem.calls)
    for i, item in enumerate(problem.items):
        arrive = np.zeros(len(problem.places), dtype=np.int64)
        for n in problem.inputs[i]:
            net = problem.nets[n]
            arrive = np.maximum(arrive, _reach(delay[net.size], net.origin, at_place, net.source))
        ticks = np.array([o.ticks for o in item.options], dtype=np.int64)
        done = np.minimum(arrive[tables.reads[i]] + ticks, FAR)
        earliest.append(done)
        best = np.full(len(problem.places), FAR, dtype=np.int64)
        np.minimum.at(best, tables.places[i], done)
        at_place.append(best)
        ends[item.phase] = max(ends[item.phase], int(done.min()))
    for net in problem.nets:
        for end in net.ends:
            reached = _reach(delay[net.size], net.origin, at_place, net.source)
            ends[net.phase] = max(ends[net.phase], int(reached[end]))
    return CriticalPath(tuple(ends), tuple(earliest))


def _reach(delay: Ints, origin: int, at_place: list[Ints], source: int) -> Ints:
    """By place, when a net can be there at best."""
    if source < 0:
        row: Ints = delay[origin]
        return row
    reached: Ints = np.minimum((at_place[source][:, None] + delay).min(axis=0), FAR)
    return reached


def legs_of(tables: Tables, path: CriticalPath, phase: int) -> list[Leg]:
    """The parts of a phase's critical path, the last first, whose ticks add up to its end; of several paths one."""
    problem, delay = tables.problem, delays(tables)
    found: list[Leg] = []
    item, wanted = _last(tables, path, phase, delay, found)
    while item >= 0:
        option = int(np.flatnonzero(path.earliest[item] == wanted)[0])
        found.append(Leg(item, option))
        wanted -= problem.items[item].options[option].ticks
        place = int(tables.reads[item][option])
        item, wanted = _before(
            tables, path, [problem.nets[n] for n in problem.inputs[item]], place, delay, found, wanted
        )
    return found


def _last(tables: Tables, path: CriticalPath, phase: int, delay: Ints, found: list[Leg]) -> tuple[int, int]:
    """The last item of a phase's critical path and when it ends; what is sent after it is added."""
    problem, end = tables.problem, path.ends[phase]
    for i, item in enumerate(problem.items):
        if item.phase == phase and int(path.earliest[i].min()) == end:
            return i, end
    for net in problem.nets:
        for place in net.ends if net.phase == phase else ():
            last, left = _before(tables, path, [net], place, delay, found, end)
            if last >= 0 or left == 0:
                return last, left
    return -1, 0


def _before(
    tables: Tables, path: CriticalPath, nets: Sequence[Net], place: int, delay: Ints, found: list[Leg], wanted: int
) -> tuple[int, int]:
    """The item whose result is what is waited for at a place until a tick, and when it ends; -1 for none."""
    for net in nets:
        if net.source < 0:
            if int(delay[net.size][net.origin, place]) == wanted:
                _send(net, net.origin, place, found)
                return -1, 0
            continue
        ends = path.earliest[net.source]
        arrives = ends + delay[net.size][tables.places[net.source], place]
        if int(arrives.min()) == wanted:
            option = int(arrives.argmin())
            _send(net, int(tables.places[net.source][option]), place, found)
            return net.source, int(ends[option])
    return -1, wanted


def _send(net: Net, a: int, b: int, found: list[Leg]) -> None:
    if a != b:
        found.append(Leg(size=net.size, way=(a, b)))
