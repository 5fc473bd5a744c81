"""A pass of one's own: the finest partition."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapper import Context, Pass, Plan
from mapper.ir.plan import Cluster


@dataclass(frozen=True)
class PartitionEveryOp(Pass):
    """Make every op a cluster of its own, unlike all others; `prefix` starts the clusters' names."""

    name = "partition-every-op"
    requires = ("graph",)
    provides = ("clusters",)

    prefix: str = ""

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with one cluster an op."""
        names = [(op.name, self.prefix + op.name) for op in plan.graph.ops]
        return replace(plan, clusters=tuple(Cluster(name, (op,), name) for op, name in names))
