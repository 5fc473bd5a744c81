"""Rules of the decisions: where tasks run, what stays in memories, what the search and the schedule claim."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from mapper.errors import did_you_mean
from mapper.ir.plan import Plan
from mapper.ir.rule import amount, doubles, misnamed, rules


def placement_complete(plan: Plan) -> Iterator[str]:
    """Every task is placed exactly once, and nothing else is."""
    placed = [p.task for p in plan.placement or ()]
    for name in doubles(placed):
        yield f"task '{name}' is placed {placed.count(name)} times"
    for name in placed:
        if name not in plan.task:
            yield f"'{name}' is placed, but is no task; {did_you_mean(name, plan.task)}"
    for name in sorted(plan.task.keys() - set(placed)):
        yield f"task '{name}' is not placed"


def placement_units(plan: Plan) -> Iterator[str]:
    """A task runs on a unit that exists."""
    for place in plan.placement or ():
        if place.unit not in plan.target.unit:
            yield f"task '{place.task}' is placed on '{place.unit}'; {did_you_mean(place.unit, plan.target.unit)}"


def placement_weights(plan: Plan) -> Iterator[str]:
    """A task takes its weights from a memory that its unit takes weights from."""
    for place in plan.placement or ():
        offered = plan.target.unit[place.unit].weights
        if place.weights and place.weights not in offered:
            yield (
                f"task '{place.task}' takes weights from '{place.weights}', but unit '{place.unit}' takes them from "
                f"{', '.join(offered) or 'no memory'}"
            )


def placement_options(plan: Plan) -> Iterator[str]:
    """A task is placed as one of its cluster's options says: unit, source of weights, copies, way to divide."""
    for place in plan.placement or ():
        task = plan.task[place.task]
        repeat = plan.cluster[task.cluster].repeat
        weights = plan.target.unit[place.unit].weights
        wanted = (weights.index(place.weights) if place.weights else -1, place.replicas, place.shard)
        offers = [o for o in plan.options_of[repeat] if place.unit in o.units and o.serves(task.phase)]
        if wanted not in [(o.source, o.replicas, o.shard) for o in offers]:
            ways = [_way(weights[o.source] if o.source >= 0 else "", o.replicas, o.shard) for o in offers]
            yield (
                f"task '{place.task}' is placed on '{place.unit}' with "
                f"{_way(place.weights, place.replicas, place.shard)}; offered there in phase '{task.phase}': "
                f"{', '.join(ways) or 'nothing'}"
            )


def _way(weights: str, replicas: int, shard: str) -> str:
    return f"{weights or 'no weights'} x{replicas}" + (f" by {shard}" if shard else "")


def placement_late(plan: Plan) -> Iterator[str]:
    """What a task has brought late is an operand that another task makes, named once."""
    for place in plan.placement or ():
        if place.late:
            cluster = plan.cluster[plan.task[place.task].cluster]
            made = {n for op in cluster.ops for n in plan.graph.op[op].outputs}
            read = {n for op in cluster.ops for n in plan.graph.op[op].inputs if n in plan.graph.producer} - made
            for name in (*doubles(place.late), *(n for n in place.late if n not in read)):
                yield f"task '{place.task}' has '{name}' brought late, which stands twice or is no operand of it"


def placement_tiles(plan: Plan) -> Iterator[str]:
    """A task goes through its rows in two tiles or more or not in tiles at all; in tiles only for steady states, as
    bounds on the time of a request count whole tasks one after another."""
    for place in plan.placement or ():
        if place.tiles < 0 or place.tiles == 1:
            yield f"task '{place.task}' goes through its rows in {place.tiles} tiles"
        if place.tiles and plan.goal.counts_time:
            yield f"task '{place.task}' goes through its rows in {place.tiles} tiles, under {plan.goal}"


def placement_tiles_least(plan: Plan) -> Iterator[str]:
    """A task goes in as many tiles at least as it needs for the unit's memory to hold what it reads and leaves."""
    for place in plan.placement or ():
        least = plan.chosen(place.task).least_tiles(plan.task[place.task].phase)
        if place.tiles < least:
            yield (
                f"task '{place.task}' goes through its rows in {place.tiles or 'no'} tiles; what it reads and leaves "
                f"lies in the memory of '{place.unit}' in {least} at least"
            )


def states_one_place(plan: Plan) -> Iterator[str]:
    """All tasks of a phase that touch a state leave it in one memory, type and layout; on teams, of all phases."""
    owner = {op: cluster.name for cluster in plan.clusters or () for op in cluster.ops}
    tasks = {(t.cluster, t.phase): t.name for t in plan.tasks or ()}
    for name in dict.fromkeys(s.name for s in plan.graph.states):
        touched = {n for s in plan.graph.states if s.name == name for n in (s.past, s.present) if n}
        clusters = {owner[o.name] for o in plan.graph.ops if touched.intersection((*o.inputs, *o.outputs))}
        stays = any(unit.ranks > 1 for unit in plan.target.units)
        found: dict[str, dict[tuple[str, str, str], str]] = {}
        for (cluster, phase), task in tasks.items():
            if cluster in clusters:
                unit = plan.target.unit[plan.place[task].unit]
                layout = plan.chosen(task).leaves if unit.ranks > 1 else ""
                place = (unit.data, unit.model.activation_dtype(), layout)
                found.setdefault("" if stays else phase, {}).setdefault(place, task)
        for phase, places in found.items():
            if len(places) > 1:
                listed = ", ".join(
                    f"{memory} in {dtype}{f' as {layout}' if layout else ''} ('{task}')"
                    for (memory, dtype, layout), task in places.items()
                )
                yield f"state '{name}' lies in {len(places)} places{f' in phase {phase}' if phase else ''}: {listed}"


def residency_memories(plan: Plan) -> Iterator[str]:
    """What stays, stays once in a memory that exists and holds such things: weights, or a request's state."""
    for resident in plan.residency or ():
        memory = plan.target.memory.get(resident.memory)
        if memory is None:
            yield f"'{resident.what}' stays in '{resident.memory}'; {did_you_mean(resident.memory, plan.target.memory)}"
            continue
        what = "state" if resident.per_request else "weights"
        if what not in memory.holds:
            yield f"'{resident.what}' ({what}) stays in '{memory.name}', which holds {', '.join(memory.holds)}"
        if resident.bytes < 0:
            yield f"'{resident.what}' takes {resident.bytes} bytes of '{memory.name}'"
    for name in doubles(f"'{r.what}' in '{r.memory}'" for r in plan.residency or ()):
        yield f"{name} stands twice"


def bounds_objective(plan: Plan) -> Iterator[str]:
    """There is a bound, and it bounds the plan's own objective."""
    if not plan.bounds:
        yield f"no bound on {plan.objective}"
    for bound in plan.bounds or ():
        if bound.objective != plan.objective.value:
            yield f"bound '{bound.name}' is on {bound.objective}, the plan's objective is {plan.objective}"


def bounds_finite(plan: Plan) -> Iterator[str]:
    """A bound is a number, not negative, and says what argument gave it."""
    for bound in plan.bounds or ():
        if not (isfinite(bound.value) and bound.value >= 0):
            yield f"bound '{bound.name}' is {bound.value}"
        if not bound.name:
            yield f"the bound of {bound.value} on {bound.objective} has no name"


def search_loads(plan: Plan) -> Iterator[str]:
    """The search names each resource once, with the busy ticks that it counted."""
    assert plan.search is not None
    yield from misnamed("load", [name for name, _ in plan.search.loads])
    for name, ticks in plan.search.loads:
        if not amount(ticks):
            yield f"the search counts {ticks} busy ticks of '{name}'"


def schedule_unique(plan: Plan) -> Iterator[str]:
    """An activity has one slot."""
    for name in doubles(s.what for s in plan.schedule or ()):
        times = [f"{s.start}-{s.end}" for s in plan.schedule or () if s.what == name]
        yield f"'{name}' has {len(times)} slots: {', '.join(times)}"


def figures_unique(plan: Plan) -> Iterator[str]:
    """A figure stands once."""
    yield from misnamed("figure", [name for name, _ in plan.figures or ()])


RULES = (
    *rules(
        placement_complete,
        placement_units,
        placement_weights,
        placement_options,
        placement_late,
        placement_tiles,
        placement_tiles_least,
        states_one_place,
        needs=("clusters", "options", "tasks", "placement"),
    ),
    *rules(residency_memories, needs=("residency",)),
    *rules(bounds_objective, bounds_finite, needs=("bounds",)),
    *rules(search_loads, needs=("search",)),
    *rules(schedule_unique, needs=("schedule",)),
    *rules(figures_unique, needs=("figures",)),
)
