"""What a target offers for a repeat class: the options of the units that can run it and the refusals of the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from mapper.cost.estimate import Estimator
from mapper.hw.target import Target, Unit
from mapper.hw.work import Role
from mapper.ir.graph import Phase, bind
from mapper.ir.plan import Cluster, Option, Refusal


@dataclass(frozen=True, slots=True)
class Offers:
    """All ways to run a cluster, and why some kinds of units cannot."""

    options: tuple[Option, ...]
    refusals: tuple[Refusal, ...]


def offers(estimator: Estimator, cluster: Cluster) -> Offers:
    """What every unit of the estimator's target says to a cluster."""
    options: list[Option] = []
    refusals: dict[Refusal, None] = {}
    for units in alike_units(estimator.target):
        refused = {
            p.name: _refusal(estimator, cluster, units[0], p) for p in estimator.phases if estimator.runs(cluster, p)
        }
        served = [name for name, refusal in refused.items() if refusal is None]
        if served:
            options += estimator.options(cluster, units, served)
        for phase, refusal in refused.items():
            if refusal is not None:
                refusals[replace(refusal, phase=phase if served else "")] = None
    return Offers(tuple(options), tuple(refusals))


def _refusal(estimator: Estimator, cluster: Cluster, unit: Unit, phase: Phase) -> Refusal | None:
    return estimator.refusal(cluster, unit, phase) or too_big(estimator, cluster, unit, phase)


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


def too_big(estimator: Estimator, cluster: Cluster, unit: Unit, phase: Phase) -> Refusal | None:
    """A refusal when what the cluster reads and leaves cannot lie in the unit's data memory at once."""
    memory = estimator.target.memory[unit.data]
    total = working_set_bytes(estimator, cluster, unit, phase)
    if total <= memory.capacity_bytes:
        return None
    sizes = f"{total / 1e6:.1f} MB, memory {memory.name} has {memory.capacity_bytes / 1e6:.1f} MB"
    return Refusal(cluster.repeat, unit.kind, cluster.ops[0], f"reads and leaves {sizes}")


def working_set_bytes(estimator: Estimator, cluster: Cluster, unit: Unit, phase: Phase) -> int:
    """Bytes of what a cluster reads and leaves on a unit, weights apart, at the phase's largest sample."""
    graph, dtype = estimator.graph, unit.model.activation_dtype()
    touched = {n for op in cluster.ops for n in (*graph.op[op].inputs, *graph.op[op].outputs) if n}
    values = [graph.value[n] for n in touched - estimator.inside(cluster)]
    moved = [(v.shape, dtype if v.dtype.is_float else v.dtype) for v in values if v.role is not Role.WEIGHT]
    return max(
        sum(stored.bytes_for(prod(bind(shape, binding))) for shape, stored in moved) for binding in phase.bindings()
    )
