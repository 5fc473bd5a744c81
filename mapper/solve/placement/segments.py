"""Where a phase falls apart: values that everything later waits for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from mapper.solve.placement.critical import critical_path
from mapper.solve.placement.tables import Ints, Tables


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Items between two such values: `entry` (-1 at the start) made before, `exit` (-1 at the end) made by the last
    of `items`. reads: the items whose options matter. ends: (source, size, origin, place) of nets that must arrive."""

    entry: int
    exit: int
    items: tuple[int, ...]
    reads: tuple[int, ...]
    ends: tuple[tuple[int, int, int, int], ...]


def segments(tables: Tables, delay: Ints) -> tuple[tuple[Segment, ...], ...]:
    """The segments of each phase, in order."""
    problem = tables.problem
    earliest = critical_path(tables).earliest
    found: list[tuple[Segment, ...]] = []
    for phase in range(len(problem.calls)):
        order = [i for i, item in enumerate(problem.items) if item.phase == phase]
        if not order:
            found.append(())
            continue
        cuts = [x for x in _cuts(tables, order) if int(earliest[x].min()) >= _latest_origin(tables, x, phase, delay)]
        found.append(tuple(_split(tables, order, cuts, phase)))
    return tuple(found)


def _cuts(tables: Tables, order: list[int]) -> list[int]:
    """Items x such that whatever comes later in the order reads x or something later, and nothing earlier than x."""
    problem = tables.problem
    newest = {i: max((problem.nets[n].source for n in problem.inputs[i]), default=-1) for i in order}
    oldest = {
        i: min((problem.nets[n].source for n in problem.inputs[i] if problem.nets[n].source >= 0), default=-1)
        for i in order
    }
    cuts = []
    low_new, low_old = len(problem.items), len(problem.items)
    for x, after in zip(reversed(order[:-1]), reversed(order[1:]), strict=True):
        low_new, low_old = min(low_new, newest[after]), min(low_old, oldest[after])
        if low_new >= x and low_old >= x:
            cuts.append(x)
    return cuts[::-1]


def _latest_origin(tables: Tables, x: int, phase: int, delay: Ints) -> int:
    """When the last value from outside that items behind x read can arrive."""
    nets = tables.problem.nets
    late = [n for n in nets if n.source < 0 and n.phase == phase and any(i > x for i in n.sinks)]
    return max((int(delay[n.size, n.origin].max()) for n in late), default=0)


def _split(tables: Tables, order: list[int], cuts: list[int], phase: int) -> list[Segment]:
    problem = tables.problem
    ends = [(n.source, n.size, n.origin, e) for n in problem.nets if n.phase == phase for e in n.ends]
    bounds = [-1, *(order.index(x) for x in cuts), len(order) - 1]
    parts = []
    for first, last in pairwise(bounds):
        entry = order[first] if first >= 0 else -1
        items = tuple(order[first + 1 : last + 1])
        reads = items if entry < 0 else (entry, *items)
        final = last == len(order) - 1
        mine = tuple(e for e in ends if e[0] in items or (e[0] < 0 and first < 0))
        parts.append(Segment(entry, -1 if final else order[last], items, reads, mine))
    return parts
