"""Shape rules of operators that onnx has no schema for, by domain, and bounds where the size depends on data."""

from __future__ import annotations

from math import prod

from mapper.frontend.facts import Node
from mapper.frontend.rule_parts import I64, Inputs, Rule, Typed, elem_of, integers_at, shape_at, shape_of
from mapper.frontend.rules_attention import ATTENTION_RULES
from mapper.frontend.rules_layout import LAYOUT_RULES, NCHWC_DOMAIN, NCHWC_UPSAMPLE, standard_of
from mapper.frontend.rules_matmul import MATMUL_RULES
from mapper.frontend.rules_norm import NORM_RULES
from mapper.frontend.rules_other import OTHER_RULES

CONTRIB_RULES: dict[str, Rule] = {**ATTENTION_RULES, **LAYOUT_RULES, **MATMUL_RULES, **NORM_RULES, **OTHER_RULES}
"""By operator name; used in any domain but only where onnx itself has no schema."""


def rule_of(node: Node) -> Rule | None:
    """The shape rule of an operator that is not in onnx and is like no standard operator."""
    if node.domain == NCHWC_DOMAIN and node.op_type == "Upsample":
        return NCHWC_UPSAMPLE
    return None if standard_of(node) is not None else CONTRIB_RULES.get(node.op_type)


def largest_outputs(node: Node, inputs: Inputs) -> list[Typed] | None:
    """Upper bounds for operators whose output size depends on data; None for all others."""
    data = shape_at(inputs, 0)
    if data is None:
        return None
    elem = elem_of(inputs, 0)
    match node.op_type:
        case "NonZero":
            return [(I64, (len(data), prod(data)))]
        case "Unique" if node.attr("axis") is None:
            flat = (prod(data),)
            return [(elem, flat), (I64, flat), (I64, flat), (I64, flat)]
        case "Compress":
            axis = node.attr("axis")
            return [(elem, (prod(data),) if axis is None else data)]
        case "NonMaxSuppression":
            scores = shape_of(inputs, 1)
            limit = integers_at(inputs, 2)
            most = limit[0] if limit else data[1]
            return [(I64, (scores[0] * scores[1] * min(most, data[1]), 3))]
    return None
