"""What runs elsewhere or in another way than in the plan before: by class of ops, phase and way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mapper.report.diff.doings import Side
from mapper.report.diff.pairing import Group


@dataclass(frozen=True, slots=True)
class Spot:
    """Where and how a task runs. weights: the memory that they come from; types: of its ops' arithmetic."""

    unit: str
    kind: str
    weights: str
    copies: int
    shard: str
    tiles: int
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """Tasks that run elsewhere or in another way: equal ops of these blocks in one phase.

    changed: what of their spots differs, unit first, when equal units may have changed names. ticks: of all of
    them per request, before and after. source: the unit before under the name that it has in the second plan.
    exchanged: whether as many equal ops run on each unit in each way as before: they changed places with one
    another.
    """

    what: str
    kind: str
    phase: str
    clusters: tuple[str, ...]
    blocks: tuple[int, ...]
    before: Spot
    after: Spot
    changed: tuple[str, ...]
    ticks: tuple[int, int]
    source: str
    exchanged: bool = False


def moves(first: Side, second: Side) -> tuple[Move, ...]:
    """The moves of all tasks of clusters that both plans have, alike ones together, the most ticks first."""
    found: dict[tuple[object, ...], list[Move]] = {}
    spots: dict[tuple[str, str], tuple[Counter[Spot], Counter[Spot]]] = {}
    tasks_a, tasks_b = _tasks(first), _tasks(second)
    pairing = first.pairing
    for group in pairing.groups:
        for a, b in pairing.phases if group.is_pair else ():
            one, other = tasks_a.get((group.before[0], a)), tasks_b.get((group.after[0], b))
            if one is None or other is None:
                continue
            move = _move(first, second, one, other)
            was, now = spots.setdefault((move.what, move.phase), (Counter(), Counter()))
            was[_renamed(first, move.before)] += 1
            now[move.after] += 1
            if move.changed:
                key = (move.what, move.phase, move.before, move.after)
                found.setdefault(key, []).append(move)
    rows = [_joined(alike) for alike in found.values()]
    rows = [replace(row, exchanged=_balanced(spots[row.what, row.phase])) for row in rows]
    return tuple(sorted(rows, key=lambda r: (r.exchanged, -max(r.ticks), r.what, r.phase, r.clusters)))


def _balanced(counts: tuple[Counter[Spot], Counter[Spot]]) -> bool:
    return counts[0] == counts[1]


def _tasks(side: Side) -> dict[tuple[str, str], str]:
    """Tasks by cluster and phase."""
    return {(t.cluster, t.phase): t.name for t in side.plan.tasks or ()}


def _move(first: Side, second: Side, one: str, other: str) -> Move:
    before, after = spot_of(first, one), spot_of(second, other)
    known = _renamed(first, before)
    names = ("unit", "weights", "copies", "shard", "tiles", "types")
    changed = tuple(name for name in names if getattr(known, name) != getattr(after, name))
    task = second.plan.task[other]
    name = second.names[task.cluster]
    ticks = (_ticks(first, one), _ticks(second, other))
    blocks = (name.block,) if name.block >= 0 else ()
    return Move(name.label, name.kind, task.phase, (task.cluster,), blocks, before, after, changed, ticks, known.unit)


def spot_of(side: Side, task: str) -> Spot:
    """Where and how a task of one of the plans runs."""
    place = side.plan.place[task]
    types = tuple(t.value for t in side.plan.chosen(task).types)
    kind = side.plan.target.unit[place.unit].kind
    return Spot(place.unit, kind, place.weights, place.replicas, place.shard, place.tiles, types)


def _renamed(side: Side, spot: Spot) -> Spot:
    """The spot under the names of the second plan."""
    unit, weights = side.name(spot.unit), side.name(spot.weights) if spot.weights else ""
    kind = side.pairing.machines.kinds.get(spot.unit, spot.kind)
    return replace(spot, unit=unit, weights=weights, kind=kind)


def _ticks(side: Side, task: str) -> int:
    """Ticks of a task in all calls of its phase."""
    phase = side.plan.task[task].phase
    return side.plan.phase[phase].calls * side.plan.chosen(task).cost(phase).ticks


def _joined(alike: Sequence[Move]) -> Move:
    return replace(
        alike[0],
        clusters=tuple(name for move in alike for name in move.clusters),
        blocks=tuple(sorted({block for move in alike for block in move.blocks})),
        ticks=(sum(move.ticks[0] for move in alike), sum(move.ticks[1] for move in alike)),
    )


@dataclass(frozen=True, slots=True)
class Alone:
    """Clusters alike that only one of the plans has, or that the plans divide otherwise."""

    what: str
    before: tuple[str, ...]
    after: tuple[str, ...]


def alone(first: Side, second: Side) -> tuple[Alone, ...]:
    """The clusters that do not stand for one of the other plan each, by their label."""
    found: dict[str, list[Group]] = {}
    for group in first.pairing.groups:
        if not group.is_pair:
            name = second.names[group.after[0]] if group.after else first.names[group.before[0]]
            found.setdefault(name.label, []).append(group)
    return tuple(Alone(what, _all(g.before for g in rows), _all(g.after for g in rows)) for what, rows in found.items())


def _all(names: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(name for part in names for name in part)
