"""Order and use among nodes: topological sort, dead nodes, transposes that their users can absorb."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mapper.errors import ModelError
from mapper.frontend.facts import Node
from mapper.ir.order import live, sort_topologically

_RETYPES = ("Cast", "DequantizeLinear")
"""Operators whose result lies as their first input does."""


def sort_nodes(nodes: list[Node]) -> list[Node]:
    """Nodes with producers before users, otherwise in file order; a cycle is a ModelError that names it."""
    order, waiting = sort_topologically(nodes, _reads)
    if waiting:
        stuck = [out for node in waiting for out in node.outputs[:1]]
        named = ", ".join(f"'{name}'" for name in stuck[:5])
        raise ModelError(
            f"the graph has a cycle: {len(stuck)} values wait for each other, among them {named}",
            hint="export the model again",
        )
    return list(order)


def live_nodes(nodes: Sequence[Node], outputs: Iterable[str]) -> list[Node]:
    """The nodes that some output depends on, in the same order."""
    return live(nodes, outputs, _reads)


def _reads(node: Node) -> tuple[str, ...]:
    return (*node.inputs, *node.captures)


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
