"""What a relaxation's optimum rests on, read from its duals: how much more of each resource and memory would bring.

By the envelope theorem the optimum of a linear program changes, for a small change of its coefficients, as its
Lagrangian does at the optimal columns and duals. Where several duals are optimal (a degenerate optimum) the fall of the
optimum for more of one thing alone is that of the least of them: the numbers are then upper bounds of it. All of them
together are right in any case: with a percent more of everything at once the optimum falls by their sum.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import numpy as np

from mapper.solve.placement.critical import CriticalPath, critical_path, legs_of
from mapper.solve.placement.limited import SLACK
from mapper.solve.placement.linear import Optimum
from mapper.solve.placement.problem import Option, Transfer
from mapper.solve.placement.relaxation import Relaxation, Rests
from mapper.solve.placement.tables import Floats, Tables

LEAST = 5e-4
"""Percent per percent below which something is not told."""

MOVES, IDLE, LIMITS = "moves", "idle power", "limits"
"""Names of what is no resource: transfers that take none, what is switched on, and limits of other quantities."""


def rests_of(r: Relaxation, best: Optimum, unit: float) -> Rests:
    """The value of an optimum (unit: the worth of 1 in its objective), and what it rests on, the most first.

    A resource by its name: more of it lets it do more in the same time. `room in` a memory: more bytes. `energy of` a
    resource: the part of the energy that is its, or its options' that run on it.
    """
    found: defaultdict[str, float] = defaultdict(float)
    value = best.bound
    if value > 0 and not best.columns[r.short].any():  # else there is no solution, and no price of one
        busy = _costs(r, best) if _counts_energy(r) else _loads(r, best)
        for name, worth in (*busy, *_rooms(r, best), *_limits(r, best), *_times(r, best)):
            found[name] += worth / value
    return _told_of(found, max(0.0, value) * unit)


def _loads(r: Relaxation, best: Optimum) -> Iterator[tuple[str, float]]:
    """Resources whose whole time is taken; of a class each alike."""
    members: dict[int, list[str]] = {}
    for name, c in zip(r.tables.problem.resources, r.classes.resource, strict=True):
        members.setdefault(c, []).append(name)
    for row, c in r.loads.items():
        worth = -best.duals[row] * best.columns[r.interval]
        for name in members[c]:
            yield name, worth


def _rooms(r: Relaxation, best: Optimum) -> Iterator[tuple[str, float]]:
    """Memories that are full."""
    for row, memory in r.rooms.items():
        yield f"room in {r.tables.problem.memories[memory]}", -best.duals[row] * r.program.row_high[row]


def _limits(r: Relaxation, best: Optimum) -> Iterator[tuple[str, float]]:
    """Limits of the energy and of times."""
    for row, high in enumerate(r.program.row_high):
        if high == 1.0 + SLACK:
            yield LIMITS, -best.duals[row]


def _times(r: Relaxation, best: Optimum) -> Iterator[tuple[str, float]]:
    """Resources whose tasks the ends of phases wait for: on the paths that were added, and on the critical path, which
    no end is below."""
    for phase, end in enumerate(r.ends):
        forced = _reduced(r, best, end) * r.program.low[end]
        if forced > 0:
            path = critical_path(r.tables)
            for name, part in _parts(r.tables, path, phase):
                yield name, forced * part
    rows = {row for row in r.times if best.duals[row] < 0}
    if not rows:
        return
    worth = np.zeros(len(r.program.cost))
    for row, column, weight in zip(r.program.at_row, r.program.at_column, r.program.weight, strict=True):
        if row in rows and weight > 0:
            worth[column] -= best.duals[row] * weight * best.columns[column]
    yield from _told(r, worth, "")


def _reduced(r: Relaxation, best: Optimum, column: int) -> float:
    """A column's cost less what the duals make it worth."""
    entries = zip(r.program.at_row, r.program.at_column, r.program.weight, strict=True)
    return r.program.cost[column] - float(sum(best.duals[row] * w for row, c, w in entries if c == column))


def rests_of_path(tables: Tables, path: CriticalPath) -> Rests:
    """What the critical paths of all phases, as often as they are called, rest on."""
    found: defaultdict[str, float] = defaultdict(float)
    calls = tables.problem.calls
    value = float(sum(c * e for c, e in zip(calls, path.ends, strict=True)))
    for phase, (many, end) in enumerate(zip(calls, path.ends, strict=True)):
        for name, part in _parts(tables, path, phase) if value else ():
            found[name] += part * many * end / value
    return _told_of(found, value)


def _parts(tables: Tables, path: CriticalPath, phase: int) -> Iterator[tuple[str, float]]:
    """The parts of a phase's critical path by resource."""
    for leg in legs_of(tables, path, phase) if path.ends[phase] else ():
        made = leg.made(tables)
        yield _busiest(tables, made), made.ticks / path.ends[phase]


def _told_of(found: Mapping[str, float], value: float) -> Rests:
    kept = ((name, round(float(worth), 4)) for name, worth in found.items() if worth >= LEAST)
    return Rests(value, tuple(sorted(kept, key=lambda row: (-row[1], row[0]))))


def _counts_energy(r: Relaxation) -> bool:
    """Whether tasks or transfers cost anything."""
    counted = [x for row in r.count for x in row] + [x for sent in r.legs.values() for x in sent.values()]
    return any(r.program.cost[x] for x in counted)


def _costs(r: Relaxation, best: Optimum) -> Iterator[tuple[str, float]]:
    """The energy of tasks and transfers, and of idle power over the interval."""
    cost = np.array(r.program.cost)
    cost[r.short] = 0.0
    yield IDLE, float(cost[r.interval] * best.columns[r.interval])
    yield from _told(r, cost * best.columns, "energy of ")


def _told(r: Relaxation, worth: Floats, what: str) -> Iterator[tuple[str, float]]:
    """The worth of columns by the resource that each is about; items of a class share alike."""
    problem = r.tables.problem
    for c, items in enumerate(r.classes.items):
        for o, x in enumerate(r.count[c]):
            if worth[x]:
                for i in items:
                    name = _busiest(r.tables, problem.items[i].options[o])
                    yield f"{what}{name}", float(worth[x]) / len(items)
    seen = set[int]()
    flows = ((net, flow) for net, every in r.flows.items() for flow in every)
    for net, sent in (*r.legs.items(), *flows):
        for (a, b), x in sent.items():
            if a != b and worth[x] and x not in seen:
                seen.add(x)
                yield f"{what}{_busiest(r.tables, problem.transfers[net.size][a, b])}", float(worth[x])


def _busiest(tables: Tables, made: Option | Transfer) -> str:
    """The resource that an option or a transfer is about: its machine, else the one that it takes longest."""
    if isinstance(made, Option) and made.machine >= 0:
        return tables.problem.resources[made.machine]
    most = max(made.loads, key=lambda load: (load[1], -load[0]), default=None)
    return MOVES if most is None else tables.problem.resources[most[0]]
