"""What a placement keeps in memories from request to request: weights, and the states of each request."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from mapper.cost.estimate import Estimator
from mapper.cost.shards.names import weights_division
from mapper.cost.shards.states import on_all_ranks
from mapper.hw.target import Memory, Unit
from mapper.ir.graph import bind, main_weight
from mapper.ir.kinds import priced_as
from mapper.ir.plan import Cluster, Option, Plan, Resident


def residency(plan: Plan, estimator: Estimator) -> tuple[Resident, ...]:
    """What a plan's placement keeps: each cluster's weights in each memory they are taken from, each state."""
    found: dict[tuple[str, str], Resident] = {}
    for task in plan.tasks or ():
        cluster, unit = plan.cluster[task.cluster], plan.target.unit[plan.place[task.name].unit]
        option = plan.chosen(task.name)
        kept = [(*row, True) for row in states_of(plan, cluster, unit, option)]
        if option.source >= 0:
            kept.append((*weights_of(plan, estimator, cluster, unit, option), False))
        for what, memory, size, per_request in kept:
            old = found.get((what, memory))
            if old is None or old.bytes < size:
                found[what, memory] = Resident(what, memory, size, per_request)
    return tuple(found[key] for key in sorted(found))


def states_of(plan: Plan, cluster: Cluster, unit: Unit, option: Option) -> tuple[tuple[str, str, int], ...]:
    """States that the cluster reads or leaves on a unit under an option: (state's name, memory, largest bytes there, of
    all ranks)."""
    graph = plan.graph
    memory = plan.target.memory[unit.data]
    touched = {n for op in cluster.ops for n in (*graph.op[op].inputs, *graph.op[op].outputs)}
    found = []
    for k in sorted({k for n in touched for k in graph.states_at.get(n, ())}):
        state = graph.states[k]
        names = [n for n in (state.past, state.present) if n]
        value = graph.value[names[-1]]
        dtype = unit.model.activation_dtype() if value.dtype.is_float else value.dtype
        most = on_all_ranks(graph, cluster, option.shard, unit.ranks, state_elements(plan, state.name))
        found.append((state.name, memory.name, aligned(dtype.bytes_for(most), memory)))
    return tuple(found)


def state_elements(plan: Plan, name: str) -> int:
    """The most elements that a state has in any phase and file."""
    states = [plan.graph.states[k] for k in plan.graph.states_named[name]]
    values = [n for s in states for n in (s.past, s.present) if n]
    sizes = [
        prod(bind(plan.graph.value[n].shape, binding))
        for phase in plan.phases
        for n in values
        if not phase.results or n in plan.values_of[phase.name]
        for binding in phase.bindings()
    ]
    return max(sizes, default=0)


def weights_of(plan: Plan, estimator: Estimator, cluster: Cluster, unit: Unit, option: Option) -> tuple[str, str, int]:
    """The cluster's weights as the unit stores them under an option: (name, memory, bytes of all copies).

    Tied weights that are stored in one type outside of arrays get one name: they are kept once. So are those in arrays
    that clusters of different phases share.
    """
    one = stored_as(plan, estimator, cluster, unit, option)
    return one.name(main_weight(plan.graph, cluster.ops), plan.holder[cluster.name]), one.memory, one.bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """How a unit stores weights, whosever they are: equal for clusters of a class that share theirs with no other."""

    dtype: str
    is_own: bool
    copies: str
    memory: str
    bytes: int

    def name(self, main: str, holder: str) -> str:
        """The name under which a cluster's weights are kept: that of its largest one, and in arrays of the cluster."""
        return f"{main} {self.dtype}" + (f" {holder}" if self.is_own else "") + self.copies


def stored_as(plan: Plan, estimator: Estimator, cluster: Cluster, unit: Unit, option: Option) -> Stored:
    """How a unit stores a cluster's weights under an option; bytes of all copies."""
    graph = plan.graph
    main = main_weight(graph, cluster.ops)
    user, heavy = next(
        (graph.op[op], t) for op, t in zip(cluster.ops, option.types, strict=True) if main in graph.op[op].inputs
    )
    stored = unit.model.activation_dtype() if priced_as(user) == "embedding" else unit.model.weight_dtype(heavy)
    copies = f" x{option.replicas}" if option.replicas > 1 else ""
    shard = f" in {divided}" if (divided := weights_division(option.shard)) else ""
    memory = plan.target.memory[unit.weights[option.source]]
    size = _footprint(plan, cluster, unit, option)
    total = unit.copies * aligned(size * option.replicas, memory)
    return Stored(f"{stored}", estimator.is_resident(unit, option.source), copies + shard, memory.name, total)


def _footprint(plan: Plan, cluster: Cluster, unit: Unit, option: Option) -> int:
    """Bytes of one copy: where clusters share weights, as many as the largest of them takes in the same way."""
    way = (option.source, option.replicas, option.shard)
    sizes = [
        o.footprint_bytes
        for other in plan.sharers[plan.holder[cluster.name]]
        if other.name != cluster.name
        for o in plan.options_of[other.repeat]
        if unit.name in o.units and (o.source, o.replicas, o.shard) == way
    ]
    return max([option.footprint_bytes, *sizes])


def aligned(size: int, memory: Memory) -> int:
    """Bytes that something takes of a memory, whose parts start at multiples of its alignment."""
    return -(-size // memory.alignment_bytes) * memory.alignment_bytes
