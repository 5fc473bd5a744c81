"""Shape rules of onnxruntime's exchanges among the ranks of a group."""

from __future__ import annotations

from mapper.frontend.facts import Node
from mapper.frontend.inference.rule_parts import Inputs, Rule, RuleError, Typed, elem_of, positive, same, shape_of


def _all_gather(node: Node, inputs: Inputs) -> list[Typed]:
    """The tensors of all ranks one after the other along an axis."""
    shape, ranks = shape_of(inputs, 0), positive(node, "group_size")
    axis = int(node.attr("axis", 0))
    if not -len(shape) <= axis < len(shape):
        raise RuleError(f"attribute 'axis' is {axis}, input 0 has {len(shape)} dims")
    axis %= len(shape)
    return [(elem_of(inputs, 0), (*shape[:axis], shape[axis] * ranks, *shape[axis + 1 :]))]


def _all_to_all(node: Node, inputs: Inputs) -> list[Typed]:
    """Each rank hands every other one an equal part of the first dim."""
    shape, ranks = shape_of(inputs, 0), positive(node, "group_size")
    if not shape or shape[0] % ranks:
        raise RuleError(f"{ranks} ranks do not divide the first dim of {list(shape)}")
    return [(elem_of(inputs, 0), shape)]


EXCHANGE_RULES: dict[str, Rule] = {"AllGather": _all_gather, "AllReduce": same, "AllToAll": _all_to_all}
"""By operator of com.microsoft."""
