"""Operators that hold several ops of the vocabulary, or one whose operands lie in another order."""

from __future__ import annotations

from collections.abc import Callable

from mapper.frontend.facts import Node
from mapper.frontend.lowering.composite_attention import ATTENTION
from mapper.frontend.lowering.composite_einsum import einsum
from mapper.frontend.lowering.composite_experts import mixture
from mapper.frontend.lowering.composite_parts import Parts
from mapper.frontend.lowering.composite_products import PRODUCTS, batch_first
from mapper.frontend.lowering.einsum import as_matmul
from mapper.frontend.vocabulary import MICROSOFT

COMPOSITE: dict[str, Callable[[Parts], None]] = {**ATTENTION, **PRODUCTS, "MoE": mixture, "QMoE": mixture}
"""By operator of com.microsoft."""


def composite_of(node: Node) -> Callable[[Parts], None] | None:
    """How to make the ops of a node that holds several, or one with sizes of its own; None for all others."""
    if node.domain == "":
        plain = node.op_type != "Einsum" or (len(node.inputs) == 2 and as_matmul(node.attr("equation", "")))
        return None if plain else einsum
    if node.domain not in MICROSOFT:
        return None
    if node.attr("transBatchA", 0) or node.attr("transBatchB", 0):
        return batch_first
    return COMPOSITE.get(node.op_type)
