"""Operands of quantised operators in one order: data, weight, bias, then scales and zero points of the weight."""

from __future__ import annotations

from dataclasses import replace

from mapper.hw.work import Role
from mapper.ir.graph import Op
from passes.graph.draft import Draft, with_attrs

_NONE = -1

PRODUCTS: dict[str, tuple[int, ...]] = {
    "MatMulInteger": (0, 1, _NONE, 3),
    "ConvInteger": (0, 1, _NONE, 3),
    "QLinearMatMul": (0, 1, _NONE, 4, 5),
    "QLinearConv": (0, 1, 8, 4, 5),
    "QGemm": (0, 1, 6, 4, 5),
    "MatMulIntegerToFloat": (0, 1, 6, 3, 5),
    "DynamicQuantizeMatMul": (0, 1, 4, 2, 3),
    "MatMulNBits": (0, 1, 5, 2, 3, 4),
    "MatMulBnb4": (0, 1, _NONE, 2),
}
"""Where a quantised product has its data, weight, bias and what belongs to the weight."""

WEIGHTS_ONLY = frozenset({"MatMulNBits", "MatMulBnb4"})
"""Products whose data stay wide."""

OTHERS: dict[str, tuple[int, ...]] = {
    "QLinearAdd": (0, 3),
    "QLinearMul": (0, 3),
    "QLinearSigmoid": (0,),
    "QLinearLeakyRelu": (0,),
    "QLinearSoftmax": (0,),
    "QLinearAveragePool": (0,),
    "QLinearGlobalAveragePool": (0,),
    "QLinearReduceMean": (0,),
}
"""Where other quantised operators have their data; scales of activations are part of what a number means."""


def tidied(draft: Draft, op: Op) -> Op:
    """The op with its operands in order, and nothing among them that only says how a result is scaled.

    Attribute `quantised` says what is: `operands` on both sides, or `weights` only.
    """
    op_type = str(op.attr("op_type"))
    order = PRODUCTS.get(op_type) if op.kind in ("matmul", "conv") else OTHERS.get(op_type)
    if order is None or op.kind == "opaque" or op.attr("quantised") is not None:
        return op
    names = [op.inputs[i] if 0 <= i < len(op.inputs) else "" for i in order]
    kept = [n if i < 3 or (n and draft.values[n].role is Role.WEIGHT) else "" for i, n in enumerate(names)]
    while kept and not kept[-1]:
        kept.pop()
    quantised = "weights" if op_type in WEIGHTS_ONLY else "operands"
    scalar = op.attr("scalar") if op_type in ("QLinearAdd", "QLinearMul") else None
    return replace(op, inputs=tuple(kept), attrs=with_attrs(op, quantised=quantised, scalar=scalar))
