"""Partition: gather each heavy op and the light ones that ride on it into a cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from mapper.cost.estimate import Estimator
from mapper.cost.shards.sharing import Sharing
from mapper.hw.target import Unit
from mapper.ir.blocks import blocks
from mapper.ir.exchange_kinds import EXCHANGE_KINDS
from mapper.ir.graph import Graph, Op
from mapper.ir.plan import Cluster, Plan
from mapper.pipeline.pass_ import Context, Pass
from passes.partition.repeats import repeat_keys

_RIDERS = ("elementwise", "cast", "view")
_MOVING_RIDERS = ("Split", "Slice", "Transpose", "Squeeze", "Unsqueeze")
"""Rearrangements that a kernel does while it writes its result."""


@dataclass(frozen=True)
class Partition(Pass):
    """Group ops: an op that only reshapes or maps the single-use result of a cluster joins it.

    An op never joins when that would take a kind of unit away from the cluster: then it stays alone and can go where it
    is supported. Where units are teams of ranks, an op that brings a value of its own to a product stays alone as well:
    the two lie divided in different ways. `max_ops` limits a cluster; `max_ops=1` makes every op its own cluster.
    """

    name = "partition"
    requires = ("graph", "target", "phases")
    provides = ("clusters", "blocks")

    max_ops: int = 16

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with clusters, equal ones marked by an equal `repeat`, and the blocks that they repeat in."""
        groups = _groups(plan, self.max_ops)
        keys = repeat_keys(plan.graph, groups, plan.phases)
        if _has_teams(plan):
            shared = Sharing(plan.graph, plan.phases)
            keys = [(*key, shared.signature(ops)) for key, ops in zip(keys, groups, strict=True)]
        names: dict[object, str] = {}
        clusters = []
        for ops, key in zip(groups, keys, strict=True):
            name = _anchor(plan.graph, ops)
            clusters.append(Cluster(name, ops, names.setdefault(key, name)))
        return replace(plan, clusters=tuple(clusters), blocks=blocks(plan.graph, clusters))


def _has_teams(plan: Plan) -> bool:
    return any(u.ranks > 1 for u in plan.target.units)


def _anchor(graph: Graph, ops: tuple[str, ...]) -> str:
    """The name of the op that the cluster is about: the first that is not a rider."""
    return next((n for n in ops if not _rides(graph.op[n])), ops[0])


def _rides(op: Op) -> bool:
    return op.kind in _RIDERS or (op.kind == "move" and op.attr("op_type") in _MOVING_RIDERS)


def _groups(plan: Plan, max_ops: int) -> list[tuple[str, ...]]:
    """Clusters in an order in which each comes after those it reads from: an op joins the last of them or a new one."""
    graph = plan.graph
    supported = _support(plan)
    shared = Sharing(graph, plan.phases) if _has_teams(plan) else None
    member: dict[str, int] = {}
    groups: list[list[str]] = []
    leaving = set(graph.outputs)
    for op in graph.ops:
        host = _host(graph, op, member, leaving) if _rides(op) else None
        if host is not None and shared is not None and shared.joins(op.name, groups[host]):
            host = None
        if host is not None and len(groups[host]) < max_ops:
            kinds = _common(supported, groups[host])
            if kinds and kinds <= supported(op.name):
                groups[host].append(op.name)
                member[op.name] = host
                continue
        member[op.name] = len(groups)
        groups.append([op.name])
    return [tuple(group) for group in groups]


Support = Callable[[str], frozenset[str]]


def _common(supported: Support, ops: list[str]) -> frozenset[str]:
    found = supported(ops[0])
    for name in ops[1:]:
        found &= supported(name)
    return found


def _host(graph: Graph, op: Op, member: dict[str, int], leaving: set[str]) -> int | None:
    """The cluster whose single-use result this op maps: the latest one among its producers."""
    makers = [graph.producer[n] for n in op.inputs if n in graph.producer]
    hosts = [member[m.name] for m in makers]
    for maker, host in sorted(zip(makers, hosts, strict=True), key=lambda p: -p[1]):
        outs = [n for n in op.inputs if n in maker.outputs]
        alone = all(len(graph.users[n]) == 1 and n not in leaving for n in outs)
        if alone and host == max(hosts) and maker.kind not in EXCHANGE_KINDS:
            return host
    return None


def _support(plan: Plan) -> Support:
    """A function from an op's name to the kinds of units that can run it by itself."""
    estimator = Estimator(plan.target, plan.graph, plan.phases, plan.precision)
    kinds: dict[str, Unit] = {}
    for unit in plan.target.units:
        kinds.setdefault(unit.kind, unit)

    @cache
    def supported(name: str) -> frozenset[str]:
        alone = Cluster(name, (name,), name)
        return frozenset(k for k, unit in kinds.items() if estimator.refusal(alone, unit) is None)

    return supported
