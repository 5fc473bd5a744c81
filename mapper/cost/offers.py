"""What a target offers for a repeat class: the options of the units that can run it and the refusals of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from mapper.cost.estimate import Estimator
from mapper.cost.shards.chain import ALONE, Way
from mapper.cost.shards.names import weights_division
from mapper.cost.shards.states import on_all_ranks
from mapper.cost.tiles import fewest, of_all_tiles, tiling
from mapper.errors import InvalidPlan
from mapper.hw.layout import Layout
from mapper.hw.target import Target, Unit
from mapper.hw.teams import folds
from mapper.hw.work import Cost, Role
from mapper.ir.graph import Phase, bind
from mapper.ir.plan import Cluster, Option, Plan, Refusal

WORKING_SET = "reads and leaves"
"""How a refusal for want of memory begins."""


@dataclass(frozen=True, slots=True)
class Offers:
    """All ways to run a cluster, and why some kinds of units cannot."""

    options: tuple[Option, ...]
    refusals: tuple[Refusal, ...]


def offers_tiles(plan: Plan) -> bool:
    """Whether units offer a plan's products in tiles where these do not fit whole. Not where the time of a request
    counts, as bounds on it know whole tasks, and not on equal chips that are folded: their pool offers none."""
    chips = any(unit.team is not None for unit in plan.target.units) or folds(plan.target)
    return not plan.goal.counts_time and not chips


def offers(estimator: Estimator, cluster: Cluster, *, tiles: bool = False) -> Offers:
    """What every unit of the estimator's target says to a cluster. tiles: where its memory cannot hold what a cluster
    reads and leaves, but can hold tiles of it, it offers to go through the rows in tiles."""
    options: list[Option] = []
    refusals: dict[Refusal, None] = {}
    for units in alike_units(estimator.target):
        refused: dict[str, Refusal | None] = {}
        found: list[Option] = []
        for way, phases in _ways(estimator, cluster, units[0]):
            answers = {p.name: _refusal(estimator, cluster, units[0], p, way) for p in phases}
            served = [name for name, refusal in answers.items() if refusal is None]
            if served:
                found += estimator.options(cluster, units, served, way)
            if tiles:
                small = [p for p in phases if (answer := answers[p.name]) is not None and no_room(answer)]
                in_parts = _only_in_tiles(estimator, cluster, units, small, served, way)
                found = [o for o in found if not any(_same_way(o, other) for other in in_parts)] + in_parts
                answers.update(dict.fromkeys(name for option in in_parts for name, _ in option.tiles))
            for name, answer in answers.items():
                refused[name] = None if answer is None else refused.get(name, answer)
        options += undominated(found)
        served = [name for name, refusal in refused.items() if refusal is None]
        for phase, refusal in refused.items():
            if refusal is not None:
                refusals[replace(refusal, phase=phase if served else "")] = None
    return Offers(tuple(options), tuple(refusals))


def _only_in_tiles(
    estimator: Estimator,
    cluster: Cluster,
    units: Sequence[Unit],
    small: Sequence[Phase],
    whole: Sequence[str],
    way: Way,
) -> list[Option]:
    """The options on units whose memory is too small for the cluster in some phases: in tiles there, with the weights
    in the units' own arrays, so that no tile brings them again; whole in other phases."""
    needed = {p.name: many for p in small if (many := fewest(estimator, cluster, units[0], p))}
    if not needed:
        return []
    asked = [p.name for p in estimator.phases if p.name in needed or p.name in whole]
    options = [o for o in estimator.options(cluster, units, asked, way) if estimator.is_resident(units[0], o.source)]
    return [in_tiles(estimator, cluster, option, needed) for option in options]


def _same_way(a: Option, b: Option) -> bool:
    return (a.source, a.replicas, a.shard) == (b.source, b.replicas, b.shard)


def _ways(estimator: Estimator, cluster: Cluster, unit: Unit) -> list[tuple[Way, list[Phase]]]:
    """The ways that the unit's ranks have for a cluster, each with the phases in which they have it; one way of a name
    takes and leaves the same in all of them."""
    found: dict[tuple[str, Layout, Layout], tuple[Way, list[Phase]]] = {}
    for phase in estimator.phases:
        for way in estimator.ways(cluster, unit, phase) if estimator.runs(cluster, phase) else ():
            found.setdefault((way.name, way.takes, way.leaves), (way, []))[1].append(phase)
    named: dict[str, tuple[Way, list[Phase]]] = {}
    for way, phases in found.values():
        named.setdefault(way.name, (way, phases))
    return list(named.values())


def undominated(options: Sequence[Option]) -> list[Option]:
    """The options without those that another one beats or equals in everything, where both take and leave the same and
    keep the same weights in as many copies."""
    return [o for o in options if not o.shard or not any(_dominates(other, o) for other in options if other is not o)]


def repriced(estimator: Estimator, cluster: Cluster, option: Option) -> Option:
    """The same way to run the cluster at the estimator's prices, even where another way is better in everything there:
    a plan may have chosen it. Its units must take the cluster there too."""
    units = [estimator.target.unit[name] for name in option.units]
    served = [name for name, _ in option.costs]
    known = (w for p in estimator.phases if p.name in served for w in estimator.ways(cluster, units[0], p))
    wanted = (option.shard, option.takes, option.leaves)
    way = next(w for w in known if (w.name, w.takes, w.leaves) == wanted)
    same = (option.source, option.replicas)
    whole = next(o for o in estimator.options(cluster, units, served, way) if (o.source, o.replicas) == same)
    return in_tiles(estimator, cluster, whole, dict(option.tiles))


def in_tiles(estimator: Estimator, cluster: Cluster, option: Option, tiles: Mapping[str, int]) -> Option:
    """The option of whole calls with some phases in so many tiles, at the price of all tiles together. Raises
    InvalidPlan where the rows do not divide so or the unit takes no such tile."""
    if not tiles:
        return option
    unit = estimator.target.unit[option.units[0]]
    costs = []
    for phase in (p for p in estimator.phases if option.serves(p.name)):
        cost, many = option.cost(phase.name), tiles.get(phase.name, 0)
        if many:
            found = tiling(estimator, cluster, unit, option, phase, many)
            if found is None:
                text = f"'{cluster.name}' cannot go through its rows in {many} tiles on '{unit.name}' in '{phase.name}'"
                raise InvalidPlan(text, rule="options-costs")
            cost = of_all_tiles(found.cost, many)
        costs.append((phase.name, cost))
    return replace(option, costs=tuple(costs), tiles=tuple((name, tiles[name]) for name, _ in costs if name in tiles))


def _dominates(a: Option, b: Option) -> bool:
    """Whether a is as good as b everywhere and better somewhere."""
    same = ("takes", "leaves", "source", "replicas", "types")
    if any(getattr(a, f) != getattr(b, f) for f in same) or weights_division(a.shard) != weights_division(b.shard):
        return False
    if a.footprint_bytes > b.footprint_bytes or not all(a.serves(p) for p, _ in b.costs):
        return False
    pairs = [(a.cost(phase), cost) for phase, cost in b.costs]
    figures = [(x, y) for mine, other in pairs for x, y in zip(_figures(mine), _figures(other), strict=True)]
    return all(x <= y for x, y in figures) and any(x < y for x, y in figures)


def _figures(cost: Cost) -> tuple[int, ...]:
    return (cost.ticks, cost.total_pj, cost.data_bytes, cost.weight_bytes)


def _refusal(estimator: Estimator, cluster: Cluster, unit: Unit, phase: Phase, way: Way) -> Refusal | None:
    return estimator.refusal(cluster, unit, phase, way) or too_big(estimator, cluster, unit, phase, way)


def alike_units(target: Target) -> tuple[tuple[Unit, ...], ...]:
    """Units grouped so that any two of a group answer alike: equal models, equally fed, as large a data memory."""
    groups: dict[object, list[Unit]] = {}
    for unit in target.units:
        feeds = tuple(
            (target.memory[m].unit == unit.name, target.memory[m].bandwidth_bytes_per_s) for m in unit.weights
        )
        data = target.memory[unit.data]
        team = unit.team and (unit.ranks, unit.copies, unit.sets)
        key = (unit.kind, unit.model, data.bandwidth_bytes_per_s, data.capacity_bytes, feeds, team)
        groups.setdefault(key, []).append(unit)
    return tuple(tuple(units) for units in groups.values())


def too_big(estimator: Estimator, cluster: Cluster, unit: Unit, phase: Phase, way: Way = ALONE) -> Refusal | None:
    """A refusal when what the cluster reads and leaves cannot lie in the unit's data memory at once."""
    memory = estimator.target.memory[unit.data]
    total = working_set_bytes(estimator, cluster, unit, phase, way.takes, way.leaves, way.name)
    if total <= memory.capacity_bytes // unit.sets:
        return None
    sizes = f"{total / 1e6:.1f} MB, memory {memory.name} has {memory.capacity_bytes / 1e6:.1f} MB"
    return Refusal(cluster.repeat, unit.kind, cluster.ops[0], f"{WORKING_SET} {sizes}")


def no_room(refusal: Refusal) -> bool:
    """Whether a unit refuses for want of memory alone."""
    return refusal.reason.startswith(WORKING_SET)


def working_set_bytes(
    estimator: Estimator,
    cluster: Cluster,
    unit: Unit,
    phase: Phase,
    takes: Layout = Layout.ONE,
    leaves: Layout = Layout.ONE,
    shard: str = "",
) -> int:
    """Bytes of what a cluster reads and leaves on a unit, on all ranks of a team, weights apart, at the phase's largest
    sample. States lie as ranks divide them in the way of that name, whole on each where it is left away."""
    if unit.ranks > 1:
        return _shared_set_bytes(estimator, cluster, unit, phase, takes, leaves, shard)
    graph, dtype = estimator.graph, unit.model.activation_dtype()
    touched = {n for op in cluster.ops for n in (*graph.op[op].inputs, *graph.op[op].outputs) if n}
    values = [graph.value[n] for n in touched - estimator.inside(cluster)]
    moved = [(v.shape, dtype if v.dtype.is_float else v.dtype) for v in values if v.role is not Role.WEIGHT]
    return max(
        sum(stored.bytes_for(prod(bind(shape, binding))) for shape, stored in moved) for binding in phase.bindings()
    )


def _shared_set_bytes(
    estimator: Estimator, cluster: Cluster, unit: Unit, phase: Phase, takes: Layout, leaves: Layout, shard: str
) -> int:
    graph, dtype, total = estimator.graph, unit.model.activation_dtype(), 0
    made = {n for op in cluster.ops for n in graph.op[op].outputs}
    touched = dict.fromkeys(n for op in cluster.ops for n in (*graph.op[op].inputs, *graph.op[op].outputs) if n)
    for name in touched.keys() - estimator.inside(cluster):
        value = graph.value[name]
        if value.role is not Role.WEIGHT:
            spread = estimator.sharing.peak(name, phase.name, divides=True)
            stored = dtype if value.dtype.is_float else value.dtype
            if name in graph.states_at:
                total += stored.bytes_for(on_all_ranks(graph, cluster, shard, unit.ranks, spread.elements))
            else:
                total += unit.ranks * stored.bytes_for(spread.part(leaves if name in made else takes, unit.ranks))
    return total
