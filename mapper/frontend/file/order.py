"""Order and use among nodes: topological sort, dead nodes, transposes that their users can absorb."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence

from mapper.errors import ModelError
from mapper.frontend.facts import Node
from mapper.ir.graph import Op

_RETYPES = ("Cast", "DequantizeLinear")
"""Operators whose result lies as their first input does."""


def sort_nodes(nodes: list[Node]) -> list[Node]:
    """Nodes with producers before users, otherwise in file order; a cycle is a ModelError that names it."""
    maker = {out: i for i, node in enumerate(nodes) for out in node.outputs if out}
    needs = [{maker[n] for n in (*node.inputs, *node.captures) if n in maker} for node in nodes]
    if all(j < i for i, need in enumerate(needs) for j in need):
        return nodes
    users: list[list[int]] = [[] for _ in nodes]
    for i, need in enumerate(needs):
        for j in need:
            users[j].append(i)
    waiting = [len(need) for need in needs]
    ready = [i for i, count in enumerate(waiting) if count == 0]
    order: list[int] = []
    while ready:
        i = heapq.heappop(ready)
        order.append(i)
        for j in users[i]:
            waiting[j] -= 1
            if waiting[j] == 0:
                heapq.heappush(ready, j)
    if len(order) < len(nodes):
        stuck = [out for i, count in enumerate(waiting) if count > 0 for out in nodes[i].outputs[:1]]
        named = ", ".join(f"'{name}'" for name in stuck[:5])
        raise ModelError(
            f"the graph has a cycle: {len(stuck)} values wait for each other, among them {named}",
            hint="export the model again",
        )
    return [nodes[i] for i in order]


def live(nodes: list[Node], outputs: Iterable[str]) -> list[Node]:
    """The nodes that some output depends on, in the same order."""
    wanted = set(outputs)
    kept = []
    for node in reversed(nodes):
        if not wanted.isdisjoint(node.outputs):
            kept.append(node)
            wanted.update(node.inputs, node.captures)
            wanted.discard("")  # an omitted input is no value, nor is an omitted output
    kept.reverse()
    return kept


def live_ops(ops: Sequence[Op], outputs: Sequence[str]) -> list[Op]:
    """The ops that some output depends on; folding leaves others without users."""
    wanted: set[str] = set(outputs)
    kept = []
    for op in reversed(ops):
        if not wanted.isdisjoint(op.outputs):
            kept.append(op)
            wanted.update(n for n in op.inputs if n)
    kept.reverse()
    return kept


def transposed_weights(
    nodes: Sequence[Node], outputs: Iterable[str], fixed: Callable[[str], bool] = lambda name: False
) -> set[str]:
    """Transposes of matrices that only matmuls read, on their right: these can read a weight itself, transposed.

    Also through casts and dequantisations whose results are `fixed`: the same in every call.
    """
    found = {
        node.outputs[0]
        for node in nodes
        if node.op_type == "Transpose" and list(node.attr("perm") or (1, 0)) == [1, 0] and not node.domain
    }
    for node in nodes:
        if node.op_type in _RETYPES and node.inputs[0] in found and fixed(node.outputs[0]):
            found.add(node.outputs[0])
    found -= set(outputs)
    for node in reversed(nodes):
        takes = node.op_type in ("MatMul", "Gemm", "FusedMatMul")
        passes_on = node.op_type in _RETYPES and node.outputs[0] in found
        found -= {n for i, n in enumerate(node.inputs) if not ((takes and i == 1) or (passes_on and i == 0))}
        found.difference_update(node.captures)
    return found
