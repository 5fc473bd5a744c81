"""Tiles: a task that goes through its rows in several smaller runs, and what one run costs.

Tiles need rows that no op of the cluster computes from others: products with weights, norms, activations, sums. That
is the way `tokens` of teams of ranks, so which values divide and what a part of each op is comes from
`mapper.cost.shards`; here one unit does the parts one after another. A tile costs what the unit's model says of the
smaller shape, and in sum tiles never cost less than the whole: bounds on loads and energies, which know whole tasks,
hold for tiles too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mapper.cost.estimate import Estimator
from mapper.cost.places import Step
from mapper.cost.shards.chain import Way
from mapper.hw.layout import Layout
from mapper.hw.target import Unit
from mapper.hw.work import Cost, Role
from mapper.ir.graph import Phase
from mapper.ir.plan import Cluster, Option, Plan, Task


@dataclass(frozen=True, slots=True)
class Tile:
    """Run `index` of `of` runs of a task, which goes through its part of the rows."""

    index: int
    of: int

    def __str__(self) -> str:
        return f" [{self.index + 1}/{self.of}]"

    def overlaps(self, other: Tile, rows: int) -> bool:
        """Whether two tiles, of equal or other counts, have one of so many rows in common."""
        (a, b), (c, d) = self.rows(rows), other.rows(rows)
        return a < d and c < b

    def rows(self, rows: int) -> tuple[int, int]:
        """The first of its rows and the one after its last."""
        each = -(-rows // self.of)
        return min(rows, self.index * each), min(rows, (self.index + 1) * each)


@dataclass(frozen=True, slots=True)
class Tiling:
    """How a cluster's rows are divided: their number, the values from outside of which a tile reads its own rows (of
    others it reads all), and the cost of one tile."""

    rows: int
    divided: frozenset[str]
    cost: Cost


def tiling(
    estimator: Estimator, cluster: Cluster, unit: Unit, option: Option, phase: Phase, tiles: int
) -> Tiling | None:
    """How a unit that works alone can go through a cluster in so many tiles of rows, none of them empty; None where
    rows depend on one another, states are touched, or the unit refuses the smaller shapes."""
    found = _division(estimator, cluster, unit, phase, tiles)
    if found is None:
        return None
    cost = estimator.tile_cost(cluster, unit, option, phase, found.way, tiles)
    whole = option.cost(phase.name)
    return None if cost is None else Tiling(found.rows, found.divided, at_least(cost, whole, tiles))


def fewest(estimator: Estimator, cluster: Cluster, unit: Unit, phase: Phase) -> int:
    """The least power of two of tiles of which two fit the unit's data memory, beside what each tile reads whole: one
    is worked on while the next comes or the one before leaves. 0 where there is none, and for work without products
    with weights: it can go to where its operands lie, and what it leaves would lie in the scarce memory whole.

    Powers of two, so that tiles of tasks that follow one another are seldom more than parts of each other's.
    """
    works = estimator.works(cluster)[estimator.phases.index(phase)]
    if not any(work.macs and work.weight for sample in works for work in sample):
        return 0
    room = estimator.target.memory[unit.data].capacity_bytes
    tiles = 2
    while (found := _division(estimator, cluster, unit, phase, tiles)) is not None:
        if _bytes_at_once(estimator, cluster, unit, phase, found.divided, tiles, 2) <= room:
            return tiles if estimator.tile_works(cluster, unit, phase, found.way, tiles) is not None else 0
        tiles *= 2
    return 0


def least_bytes(estimator: Estimator, cluster: Cluster, unit: Unit, phase: Phase) -> int | None:
    """Bytes of what a cluster reads and leaves on a unit in one tile of a single row, weights apart: what a call in
    however many tiles needs at least. None where the cluster's rows do not divide."""
    found = _division(estimator, cluster, unit, phase, 2)
    if found is None:
        return None
    return _bytes_at_once(estimator, cluster, unit, phase, found.divided, found.rows, 1)


@dataclass(frozen=True, slots=True)
class _Division:
    """How a cluster's rows are divided: see `Tiling`."""

    rows: int
    divided: frozenset[str]
    way: Way


def _division(estimator: Estimator, cluster: Cluster, unit: Unit, phase: Phase, tiles: int) -> _Division | None:
    """How a cluster's rows divide into so many tiles, without what they cost."""
    graph, found = estimator.graph, estimator.sharing.analysis(phase.name)
    names = {n for op in cluster.ops for n in (*graph.op[op].inputs, *graph.op[op].outputs) if n}
    if estimator.has_teams or unit.team is not None or names.intersection(graph.states_at):
        return None
    way = _by_rows(estimator, cluster, phase, tiles)
    if way is None:
        return None
    made = {n for op in cluster.ops for n in graph.op[op].outputs if n}
    wanted = [(name, layout) for op in way.ops for name, layout in op.wants if name not in made]
    divided = frozenset(name for name, layout in wanted if layout is Layout.TOKENS)
    rows = {found.spread(n, b).rows for n in (*divided, *_left(estimator, cluster)) for b in phase.bindings()}
    if len(rows) != 1 or not _all_busy(max(rows), tiles):
        return None
    return _Division(max(rows), divided, way)


def _bytes_at_once(
    estimator: Estimator, cluster: Cluster, unit: Unit, phase: Phase, divided: frozenset[str], tiles: int, many: int
) -> int:
    """Bytes, at the phase's largest sample, of so many of all tiles of what a cluster reads and leaves row by row, and
    of what it reads whole, weights apart."""
    graph, stored = estimator.graph, unit.model.activation_dtype()
    made = {n for op in cluster.ops for n in graph.op[op].outputs if n}
    left = _left(estimator, cluster)
    total = 0
    for name in dict.fromkeys((*left, *(n for op in cluster.ops for n in graph.op[op].inputs if n and n not in made))):
        value = graph.value[name]
        if value.role is Role.WEIGHT:
            continue
        peak, dtype = estimator.sharing.peak(name, phase.name, divides=True), value.dtype
        parted = name in divided or name in left
        elements = many * peak.part(Layout.TOKENS, tiles) if parted else peak.elements
        total += (stored if dtype.is_float else dtype).bytes_for(elements)
    return total


def _by_rows(estimator: Estimator, cluster: Cluster, phase: Phase, tiles: int) -> Way | None:
    """The first way in which nothing is exchanged between tiles."""
    for way in estimator.sharing.ways(cluster.ops, phase.name, tiles, (Layout.TOKENS,)):
        parted = any(op.name == "sequence" for op in way.ops)
        if way.leaves is Layout.TOKENS and not parted:
            return way
    return None


def _left(estimator: Estimator, cluster: Cluster) -> list[str]:
    """The values that leave the cluster."""
    inside = estimator.inside(cluster)
    return [n for op in cluster.ops for n in estimator.graph.op[op].outputs if n and n not in inside]


def _all_busy(rows: int, tiles: int) -> bool:
    """Whether no tile is empty when each but the last takes as many rows as the first."""
    each = -(-rows // tiles)
    return rows > 0 and -(-rows // each) == tiles


def at_least(tile: Cost, whole: Cost, tiles: int) -> Cost:
    """The cost of a tile, of which so many are nowhere less than the whole."""
    return replace(
        tile,
        ticks=max(tile.ticks, -(-whole.ticks // tiles)),
        energy_pj=parts_at_least(tile.energy_pj, whole.energy_pj, tiles),
        data_bytes=max(tile.data_bytes, -(-whole.data_bytes // tiles)),
        weight_bytes=max(tile.weight_bytes, -(-whole.weight_bytes // tiles)),
        wear=max(tile.wear, whole.wear / tiles),
    )


def of_all_tiles(tile: Cost, tiles: int) -> Cost:
    """The cost of so many tiles one after another."""
    return replace(
        tile,
        ticks=tiles * tile.ticks,
        energy_pj=tuple((cause, tiles * pj) for cause, pj in tile.energy_pj),
        data_bytes=tiles * tile.data_bytes,
        weight_bytes=tiles * tile.weight_bytes,
        wear=tiles * tile.wear,
    )


def parts_at_least(
    tile: Sequence[tuple[str, int]], whole: Sequence[tuple[str, int]], tiles: int
) -> tuple[tuple[str, int], ...]:
    """Named amounts of a tile, each at least its part of the whole."""
    amounts: Mapping[str, int] = dict(tile)
    least = {name: -(-amount // tiles) for name, amount in whole}
    return tuple(sorted((n, max(amounts.get(n, 0), least.get(n, 0))) for n in {**amounts, **least}))


def step_at_least(piece: Step, whole: Step, tiles: int) -> Step:
    """What it takes to bring one of so many pieces of a value, together nowhere less than the whole."""
    return replace(
        piece,
        ticks=max(piece.ticks, -(-whole.ticks // tiles)),
        hold=max(piece.hold, -(-whole.hold // tiles)),
        channels=parts_at_least(piece.channels, whole.channels, tiles),
        energy_pj=parts_at_least(piece.energy_pj, whole.energy_pj, tiles),
        bytes=max(piece.bytes, -(-whole.bytes // tiles)),
    )


Run = tuple[Task, ...]
"""Tasks that go through their rows together: tile by tile, all of them in each."""


def runs_of(tasks: Sequence[Task], plan: Plan, ways: Mapping[str, Tiling]) -> list[Run]:
    """The tasks of a phase in their order, each by itself, or in one run with those right before it that have as many
    tiles, where it reads of each value that they make only the rows of its own tile."""
    found: list[list[Task]] = []
    made: set[str] = set()
    for task in tasks:
        ops = [plan.graph.op[name] for name in plan.cluster[task.cluster].ops]
        tiles, before = plan.place[task.name].tiles, found[-1][-1] if found else None
        read = {n for op in ops for n in op.inputs}
        joins = before is not None and tiles and plan.place[before.name].tiles == tiles
        if joins and read & made <= ways[task.name].divided:
            found[-1].append(task)
        else:
            found.append([task])
            made = set()
        made.update(n for op in ops for n in op.outputs if n)
    return [tuple(run) for run in found]
