"""The critical path of each phase with every item's best option, as if nothing were shared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapper.solve.placement.tables import Ints, Tables

FAR = 1 << 50
"""The delay of a route that does not exist."""


@dataclass(frozen=True)
class CriticalPath:
    """ends: the least ticks of one run of each phase. earliest[i]: by option, when item i can end at best."""

    ends: tuple[int, ...]
    earliest: tuple[Ints, ...]


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
