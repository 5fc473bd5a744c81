"""Options: every way to run each class of equal clusters, with its cost in every phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mapper.cost.capacity import check_batch
from mapper.cost.estimate import Estimator
from mapper.cost.offers import no_room, offers, offers_tiles
from mapper.errors import Unsupported
from mapper.ir.plan import Cluster, Option, Plan, Refusal, Task
from mapper.ir.request import batch_of
from mapper.pipeline.pass_ import Context, Pass


@dataclass(frozen=True)
class Options(Pass):
    """List the options of each repeat class, the refusals of units that cannot run it, and the tasks to place.

    Raises Unsupported naming every class that no unit can run, with each unit's reason.
    """

    name = "options"
    requires = ("graph", "clusters")
    provides = ("options", "refusals", "tasks")

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with options, refusals and one task per cluster and phase that runs it."""
        check_batch(plan)
        estimator = Estimator(plan.target, plan.graph, plan.phases, plan.precision)
        options: list[Option] = []
        refusals: list[Refusal] = []
        tiles = offers_tiles(plan)
        homeless: list[tuple[Cluster, tuple[Refusal, ...]]] = []
        for cluster in _first_of_each_class(plan):
            found = offers(estimator, cluster, tiles=tiles)
            phases = [p.name for p in plan.phases if plan.runs(cluster, p.name)]
            if any(not any(o.serves(name) for o in found.options) for name in phases):
                homeless.append((cluster, found.refusals))
            options += found.options
            refusals += found.refusals
        if homeless:
            raise _no_unit(plan, homeless)
        tasks = tuple(
            Task(f"{phase.name}/{cluster.name}", cluster.name, phase.name)
            for phase in plan.phases
            for cluster in plan.clusters or ()
            if plan.runs(cluster, phase.name)
        )
        return replace(plan, options=tuple(options), refusals=tuple(refusals), tasks=tasks)


def _first_of_each_class(plan: Plan) -> list[Cluster]:
    return list({c.repeat: c for c in reversed(plan.clusters or ())}.values())[::-1]


def _no_unit(plan: Plan, homeless: Sequence[tuple[Cluster, tuple[Refusal, ...]]]) -> Unsupported:
    details = []
    for cluster, refused in homeless:
        count = sum(c.repeat == cluster.repeat for c in plan.clusters or ())
        op = plan.graph.op[refused[0].op] if refused else plan.graph.op[cluster.ops[0]]
        details.append(f"{op.kind} '{op.name}'" + (f" and {count - 1} like it" if count > 1 else ""))
        details += [f"  {r.unit_kind}: {r.reason}" for r in refused]
    what = "op" if len(homeless) == 1 else "ops"
    return Unsupported(
        f"no unit of {plan.target.name} can run {len(homeless)} kind{'s' if len(homeless) > 1 else ''} of {what} in "
        f"{plan.graph.name}",
        details=[*details, *_room(plan)],
        hint=_next(plan, homeless),
    )


def _room(plan: Plan) -> list[str]:
    """What all weights take in a byte each, and what may hold weights, where that is less."""
    offered = sum(m.capacity_bytes for m in plan.target.memories if "weights" in m.holds)
    if plan.graph.parameters <= offered:
        return []
    asked = plan.graph.parameters / 1e6
    return [
        f"besides: {asked:.3g} M weights are {asked:.3g} MB in 8 bits, all memories for them {offered / 1e6:.3g} MB"
    ]


def _next(plan: Plan, homeless: Sequence[tuple[Cluster, tuple[Refusal, ...]]]) -> str:
    """What would help: room where a unit refuses each op for want of it alone, else a unit of another kind."""
    smaller = ", or a smaller batch" if batch_of(plan) > 1 else ""
    if all(any(no_room(r) for r in refused) for _, refused in homeless):
        return "more memory beside a unit, shorter sequences" + smaller
    return "add a unit that can (a cpu runs everything), or another --precision" + smaller
