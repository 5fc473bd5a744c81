"""Shape rules of operators that onnx has no schema for."""

from __future__ import annotations

from mapper.frontend.facts import Node
from mapper.frontend.inference.rule_parts import Rule
from mapper.frontend.inference.rules_attention import ATTENTION_RULES
from mapper.frontend.inference.rules_exchange import EXCHANGE_RULES
from mapper.frontend.inference.rules_layout import LAYOUT_RULES, NCHWC_DOMAIN, NCHWC_UPSAMPLE, standard_of
from mapper.frontend.inference.rules_matmul import MATMUL_RULES
from mapper.frontend.inference.rules_norm import NORM_RULES
from mapper.frontend.inference.rules_other import OTHER_RULES
from mapper.frontend.inference.rules_recurrence import RECURRENCE_RULES
from mapper.frontend.vocabulary import MICROSOFT

CONTRIB_RULES: dict[str, Rule] = {
    **ATTENTION_RULES,
    **EXCHANGE_RULES,
    **LAYOUT_RULES,
    **MATMUL_RULES,
    **NORM_RULES,
    **OTHER_RULES,
    **RECURRENCE_RULES,
}
"""By operator name, in the domains of onnxruntime and, where onnx has no such operator, in its own."""


def rule_of(node: Node) -> Rule | None:
    """The shape rule of an operator that is not in onnx and is like no standard operator."""
    if node.domain == NCHWC_DOMAIN and node.op_type == "Upsample":
        return NCHWC_UPSAMPLE
    known = node.domain in MICROSOFT or not node.domain
    return CONTRIB_RULES.get(node.op_type) if known and standard_of(node) is None else None
