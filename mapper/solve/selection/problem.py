"""The selection problem: one option per node, with costs of options and of pairs, and memory over time.

Nothing here knows a solver, a graph or a chip. Costs, bytes and moments are integers in any unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from mapper.errors import Infeasible, MapperError
from mapper.solve.selection.flat import flat

FORBIDDEN = 10**18
"""A cost from which on an option or a pair of options must not be chosen."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node with a cost and a usage per option; its option uses its memory throughout [start, end).

    memories: the index of the memory that each option uses; empty when all use the first.
    """

    name: str
    costs: Sequence[int]
    usages: Sequence[int]
    start: int
    end: int
    memories: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """Costs of pairs of options of the nodes a and b: row-major, a row per option of a. They may be one node."""

    a: int
    b: int
    costs: Sequence[int]


@dataclass(frozen=True)
class Problem:
    """Nodes, edges, and how much of each memory may be in use at any moment."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    limits: tuple[int, ...]

    def check(self) -> None:
        """Refuse a malformed problem; raises Infeasible when a node alone has no option that may be chosen."""
        if not self.nodes:
            raise MapperError("the selection problem has no nodes: there is nothing to choose")
        for m, limit in enumerate(self.limits):
            if limit < 0:
                raise MapperError(f"memory {m} has the negative limit {limit}")
        for node in self.nodes:
            _check_node(node, len(self.limits))
        _check_edges(self)
        _check_sums(self)
        for node in self.nodes:
            _check_choice(node, self.limits)

    def objective(self, choice: Sequence[int]) -> int:
        """The cost of a choice: its options' costs and its pairs' costs, forbidden ones as they are given."""
        nodes = sum(int(node.costs[option]) for node, option in zip(self.nodes, choice, strict=True))
        return nodes + sum(int(self.pair_cost(edge, choice)) for edge in self.edges)

    @cached_property
    def ends(self) -> npt.NDArray[np.int64]:
        """The nodes a and b of each edge: [edges, 2]."""
        return np.fromiter((n for e in self.edges for n in (e.a, e.b)), np.int64, 2 * len(self.edges)).reshape(-1, 2)

    @cached_property
    def pair_costs(self) -> npt.NDArray[np.int64]:
        """The costs of all edges one after another, none above FORBIDDEN."""
        return flat([edge.costs for edge in self.edges], FORBIDDEN)

    def pair_cost(self, edge: Edge, choice: Sequence[int]) -> int:
        """What an edge costs under a choice."""
        return edge.costs[choice[edge.a] * len(self.nodes[edge.b].costs) + choice[edge.b]]


@dataclass(frozen=True, slots=True)
class Solution:
    """The chosen option of each node."""

    choice: tuple[int, ...]


def _check_node(node: Node, memories: int) -> None:
    if not len(node.costs):
        raise MapperError(f"node '{node.name}' has no options")
    if len(node.costs) != len(node.usages):
        raise MapperError(f"node '{node.name}' has {len(node.costs)} costs and {len(node.usages)} usages")
    if node.start > node.end:
        raise MapperError(f"node '{node.name}' ends before it starts: [{node.start}, {node.end})")
    if not -(2**62) < node.start <= node.end < 2**62:
        raise MapperError(f"node '{node.name}' lives in [{node.start}, {node.end}), beyond 62 bits")
    if min(node.usages) < 0:
        option = next(o for o, usage in enumerate(node.usages) if usage < 0)
        raise MapperError(f"node '{node.name}' option {option} has the negative usage {node.usages[option]}")
    if node.memories and len(node.memories) != len(node.costs):
        raise MapperError(f"node '{node.name}' has {len(node.costs)} costs and {len(node.memories)} memories")
    for memory in set(node.memories) or {0}:
        if not 0 <= memory < memories:
            raise MapperError(f"node '{node.name}' uses memory {memory}, and there are limits for {memories}")


def _check_edges(problem: Problem) -> None:
    """Each edge names two nodes and has a cost for each pair of their options."""
    ends, nodes = problem.ends, len(problem.nodes)
    options = np.array([len(node.costs) for node in problem.nodes], dtype=np.int64)
    wrong = ((ends < 0) | (ends >= nodes)).any(axis=1)
    sizes = options[np.clip(ends, 0, nodes - 1)].prod(axis=1)
    wrong |= sizes != np.fromiter((len(edge.costs) for edge in problem.edges), np.int64, len(ends))
    for e in np.flatnonzero(wrong).tolist():
        _check_edge(problem.edges[e], problem.nodes)


def _check_edge(edge: Edge, nodes: tuple[Node, ...]) -> None:
    for end in (edge.a, edge.b):
        if not 0 <= end < len(nodes):
            raise MapperError(f"edge ({edge.a}, {edge.b}) names node {end}, and there are {len(nodes)} nodes")
    rows, columns = len(nodes[edge.a].costs), len(nodes[edge.b].costs)
    if len(edge.costs) != rows * columns:
        name = f"({nodes[edge.a].name}, {nodes[edge.b].name})"
        raise MapperError(f"edge {name} has {len(edge.costs)} costs for {rows} x {columns} options")


def _worst(costs: Sequence[int]) -> int:
    """The largest magnitude among the costs that are not forbidden."""
    low, high = min(costs), max(costs)
    if high >= FORBIDDEN:
        high = max((cost for cost in set(costs) if cost < FORBIDDEN), default=0)
    return max(abs(high), -low, 0)


def _check_sums(problem: Problem) -> None:
    """Costs and usages add up within 64 bits, whatever is chosen."""
    parts = [(f"node '{node.name}'", _worst(node.costs)) for node in problem.nodes]
    costs, others = problem.pair_costs, 0
    if len(costs):
        sizes = np.fromiter((len(edge.costs) for edge in problem.edges), np.int64, len(problem.edges))
        worst = np.maximum.reduceat(np.where(costs < FORBIDDEN, np.abs(costs), 0), np.cumsum(sizes) - sizes)
        largest = problem.edges[int(worst.argmax())]
        names = f"edge ({problem.nodes[largest.a].name}, {problem.nodes[largest.b].name})"
        parts.append((names, int(worst.max())))
        others = sum(worst.tolist()) - int(worst.max())
    _check_sum("costs of", parts, FORBIDDEN, others)
    _check_sum("usages of", [(f"node '{node.name}'", max(node.usages)) for node in problem.nodes], 2**62)


def _check_sum(what: str, parts: list[tuple[str, int]], limit: int, others: int = 0) -> None:
    """Refuses parts (names, amounts) that reach the limit together with others, none of which is as large as they."""
    total = others + sum(part for _, part in parts)
    if total >= limit:
        name, part = max(parts, key=lambda p: p[1])
        raise MapperError(
            f"the {what} the nodes may add up to {total}, beyond the {limit} that the arithmetic holds",
            details=[f"the largest is {part}, of {name}"],
            hint="state them in a coarser unit" + (f" (from {FORBIDDEN} on, a cost forbids)" if "cost" in what else ""),
        )


def _check_choice(node: Node, limits: tuple[int, ...]) -> None:
    """Some option of the node is neither forbidden nor larger than its memory."""
    allowed = [o for o, cost in enumerate(node.costs) if cost < FORBIDDEN]
    if not allowed:
        raise Infeasible(f"node '{node.name}': all of its {len(node.costs)} options are forbidden")
    if node.start == node.end:
        return
    over = {o: node.usages[o] - limits[node.memories[o] if node.memories else 0] for o in allowed}
    least = min(allowed, key=over.__getitem__)
    if over[least] > 0:
        demand, excess = node.usages[least], over[least]
        raise Infeasible(
            f"node '{node.name}' does not fit: its least usage of {demand} is {excess} above the limit",
            details=[f"demand {demand} in [{node.start}, {node.end}), limit {demand - excess}"],
            hint=f"raise the limit by {excess}, or give the node a smaller option",
        )


def peaks(problem: Problem, usages: Sequence[int], memories: Sequence[int]) -> list[tuple[int, int]]:
    """For each memory the largest sum of live usages (one usage and one memory per node), and a moment of it."""
    found = []
    for memory in range(len(problem.limits)):
        change: dict[int, int] = {}
        for node, usage, its in zip(problem.nodes, usages, memories, strict=True):
            if its == memory and node.start < node.end:
                change[node.start] = change.get(node.start, 0) + int(usage)
                change[node.end] = change.get(node.end, 0) - int(usage)
        moments = sorted(change)
        loads = accumulate(change[moment] for moment in moments)
        found.append(max(zip(loads, (-m for m in moments), strict=True), default=(0, 0)))
    return [(load, -negative) for load, negative in found]
