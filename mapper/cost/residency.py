"""What a placement keeps in memories from request to request: weights, and the states of each request."""

from __future__ import annotations

from math import prod

from mapper.cost.estimate import Estimator
from mapper.cost.shards.names import weights_division
from mapper.hw.target import Memory, Unit
from mapper.hw.work import Role
from mapper.ir.graph import bind
from mapper.ir.kinds import priced_as
from mapper.ir.plan import Cluster, Option, Plan, Resident


def residency(plan: Plan, estimator: Estimator) -> tuple[Resident, ...]:
    """What a plan's placement keeps: each cluster's weights in each memory they are taken from, each state."""
    found: dict[tuple[str, str], Resident] = {}
    for task in plan.tasks or ():
        cluster, unit = plan.cluster[task.cluster], plan.target.unit[plan.place[task.name].unit]
        option = plan.chosen(task.name)
        kept = [(*row, True) for row in states_of(plan, cluster, unit)]
        if option.source >= 0:
            kept.append((*weights_of(plan, estimator, cluster, unit, option), False))
        for what, memory, size, per_request in kept:
            old = found.get((what, memory))
            if old is None or old.bytes < size:
                found[what, memory] = Resident(what, memory, size, per_request)
    return tuple(found[key] for key in sorted(found))


def states_of(plan: Plan, cluster: Cluster, unit: Unit) -> tuple[tuple[str, str, int], ...]:
    """States that the cluster reads or leaves on a unit: (state's name, memory, largest bytes there)."""
    graph = plan.graph
    memory = plan.target.memory[unit.data]
    touched = {n for op in cluster.ops for n in (*graph.op[op].inputs, *graph.op[op].outputs)}
    found = []
    for state in graph.states:
        names = [n for n in (state.past, state.present) if n]
        if not touched.intersection(names):
            continue
        value = graph.value[names[-1]]
        dtype = unit.model.activation_dtype() if value.dtype.is_float else value.dtype
        bindings = [binding for phase in plan.phases for binding in phase.bindings()]
        most = max(prod(bind(graph.value[n].shape, binding)) for n in names for binding in bindings)
        found.append((names[0], memory.name, aligned(dtype.bytes_for(most), memory)))
    return tuple(found)


def weights_of(plan: Plan, estimator: Estimator, cluster: Cluster, unit: Unit, option: Option) -> tuple[str, str, int]:
    """The cluster's weights as the unit stores them under an option: (name, memory, bytes of all copies).

    Tied weights that are stored in one type outside of arrays get one name: they are kept once.
    """
    graph = plan.graph
    inputs = [n for op in cluster.ops for n in graph.op[op].inputs if n]
    weights = [n for n in dict.fromkeys(inputs) if graph.value[n].role is Role.WEIGHT]
    main = max(weights, key=lambda n: prod(bind(graph.value[n].shape, {})))
    user, heavy = next(
        (graph.op[op], t) for op, t in zip(cluster.ops, option.types, strict=True) if main in graph.op[op].inputs
    )
    stored = unit.model.activation_dtype() if priced_as(user) == "embedding" else heavy
    own = f" {cluster.name}" if estimator.is_resident(unit, option.source) else ""
    copies = f" x{option.replicas}" if option.replicas > 1 else ""
    shard = f" in {divided}" if (divided := weights_division(option.shard)) else ""
    memory = plan.target.memory[unit.weights[option.source]]
    size = option.footprint_bytes * option.replicas * unit.copies
    return f"{main} {stored}{own}{copies}{shard}", memory.name, aligned(size, memory)


def aligned(size: int, memory: Memory) -> int:
    """Bytes that something takes of a memory, whose parts start at multiples of its alignment."""
    return -(-size // memory.alignment_bytes) * memory.alignment_bytes
