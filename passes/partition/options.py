"""Options: every way to run each class of equal clusters, with its cost in every phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from mapper.cost.estimate import Estimator
from mapper.errors import MapperError
from mapper.hw.target import Target, Unit
from mapper.ir.graph import bind
from mapper.ir.plan import Cluster, Option, Plan, Refusal, Task
from mapper.pipeline.pass_ import Context, Pass


@dataclass(frozen=True)
class Options(Pass):
    """List the options of each repeat class, the refusals of units that cannot run it, and the tasks to place.

    Raises MapperError naming every class that no unit can run, with each unit's reason.
    """

    name = "options"
    requires = ("graph", "clusters")
    provides = ("options", "refusals", "tasks")

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with options, refusals and one task per cluster and phase."""
        estimator = Estimator(plan.target, plan.graph, plan.phases, plan.precision)
        alike = alike_units(plan.target)
        options: list[Option] = []
        refusals: list[Refusal] = []
        homeless: list[tuple[Cluster, list[Refusal]]] = []
        for cluster in _first_of_each_class(plan):
            found: list[Option] = []
            refused: list[Refusal] = []
            for units in alike:
                refusal = estimator.refusal(cluster, units[0]) or _too_big(plan, estimator, cluster, units[0])
                if refusal is None:
                    found += estimator.options(cluster, units)
                else:
                    refused.append(refusal)
            if not found:
                homeless.append((cluster, refused))
            options += found
            refusals += list(dict.fromkeys(refused))
        if homeless:
            raise _no_unit(plan, homeless)
        tasks = tuple(
            Task(f"{phase.name}/{cluster.name}", cluster.name, phase.name)
            for phase in plan.phases
            for cluster in plan.clusters or ()
        )
        return replace(plan, options=tuple(options), refusals=tuple(refusals), tasks=tasks)


def alike_units(target: Target) -> tuple[tuple[Unit, ...], ...]:
    """Units grouped so that any two of a group cost the same for everything: equal models, equally fed."""
    groups: dict[object, list[Unit]] = {}
    for unit in target.units:
        feeds = tuple(
            (target.memory[m].unit == unit.name, target.memory[m].bandwidth_bytes_per_s) for m in unit.weights
        )
        key = (unit.kind, unit.model, target.memory[unit.data].bandwidth_bytes_per_s, feeds)
        groups.setdefault(key, []).append(unit)
    return tuple(tuple(units) for units in groups.values())


def _first_of_each_class(plan: Plan) -> list[Cluster]:
    return list({c.repeat: c for c in reversed(plan.clusters or ())}.values())[::-1]


def _too_big(plan: Plan, estimator: Estimator, cluster: Cluster, unit: Unit) -> Refusal | None:
    """A refusal when what the cluster reads and leaves cannot lie in the unit's data memory at once."""
    memory = plan.target.memory[unit.data]
    dtype = unit.model.activation_dtype()
    inside = estimator.inside(cluster)
    names = {n for op in cluster.ops for n in (*plan.graph.op[op].inputs, *plan.graph.op[op].outputs) if n}
    for phase in plan.phases:
        for binding in phase.bindings():
            total = 0
            for name in names - inside:
                value = plan.graph.value[name]
                if value.role.value == "weight":
                    continue
                stored = dtype if value.dtype.is_float else value.dtype
                total += stored.bytes_for(prod(bind(value.shape, binding)))
            if total > memory.capacity_bytes:
                text = f"reads and leaves {total / 1e6:.1f} MB, memory {memory.name} has {memory.capacity_bytes / 1e6:.1f} MB"
                return Refusal(cluster.repeat, unit.kind, cluster.ops[0], text)
    return None


def _no_unit(plan: Plan, homeless: Sequence[tuple[Cluster, list[Refusal]]]) -> MapperError:
    details = []
    for cluster, refused in homeless:
        count = sum(c.repeat == cluster.repeat for c in plan.clusters or ())
        op = plan.graph.op[refused[0].op] if refused else plan.graph.op[cluster.ops[0]]
        details.append(f"{op.kind} '{op.name}'" + (f" and {count - 1} like it" if count > 1 else ""))
        details += [f"  {r.unit_kind}: {r.reason}" for r in refused]
    what = "op" if len(homeless) == 1 else "ops"
    return MapperError(
        f"no unit of {plan.target.name} can run {len(homeless)} kind{'s' if len(homeless) > 1 else ''} of {what} in "
        f"{plan.graph.name}",
        details=details,
        hint="add a unit that can (a cpu runs everything), or another --precision",
    )
