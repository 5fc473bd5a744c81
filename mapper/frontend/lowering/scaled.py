"""Scales and zero points of weights kept in few bits: operands of whoever reads the weight."""

from __future__ import annotations

from collections.abc import Mapping

from mapper.frontend.facts import Node

_READS: dict[str, tuple[int, int]] = {
    "MatMul": (1, 3),
    "FusedMatMul": (1, 3),
    "Gemm": (1, 3),
    "FusedGemm": (1, 3),
    "Conv": (1, 3),
    "ConvTranspose": (1, 3),
    "Gather": (0, 2),
}
"""By operator: where it reads a weight, and where what belongs to the weight stands among the operands of its op."""


def with_scales(node: Node, operands: tuple[str, ...], scales: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The operands of a node's op, with scales and zero points of its weight behind them if it has some."""
    weight, first = _READS.get(node.op_type, (0, 0))
    if not first or len(node.inputs) <= weight or len(operands) > first:
        return operands
    found = scales.get(node.inputs[weight], ())
    return (*operands, *([""] * (first - len(operands))), *found) if found else operands
