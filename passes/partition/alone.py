"""The partition that needs no target: each op by itself, equal ones marked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapper.ir.plan import Cluster, Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.partition.repeats import repeat_keys


@dataclass(frozen=True)
class PartitionOps(Pass):
    """Make each op a cluster of its own and mark equal ones; what `mapper inspect` finds repeated blocks in."""

    name = "partition-ops"
    requires = ("graph",)
    provides = ("clusters",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with one cluster per op."""
        keys = repeat_keys(plan.graph, [(op.name,) for op in plan.graph.ops], plan.phases)
        names: dict[object, str] = {}
        pairs = zip(plan.graph.ops, keys, strict=True)
        return replace(
            plan, clusters=tuple(Cluster(op.name, (op.name,), names.setdefault(key, op.name)) for op, key in pairs)
        )
