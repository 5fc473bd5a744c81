"""Which ops only change the number type of a value, and which ops can do that for them while they read or write."""

from __future__ import annotations

from mapper.hw.work import DType
from mapper.ir.graph import Op
from passes.graph.draft import Draft

COMPUTING = frozenset({"matmul", "conv", "attention", "norm", "softmax", "elementwise", "reduce", "pool", "scan"})
"""Kinds whose kernels read and write any number type."""

LOOKING_UP = frozenset({"embedding", "gather"})
"""Kinds that can write another type than they read, and whose first operand is what they move."""

_MOVES = frozenset(
    {"Transpose", "Slice", "Split", "Concat", "Expand", "Tile", "DepthToSpace", "SpaceToDepth", "ReverseSequence"}
)


def widens(draft: Draft, op: Op) -> bool:
    """Whether the op brings a value of few bits to a wider number type: a dequantisation or a cast to a wider float."""
    if op.kind != "cast" or len(op.outputs) != 1:
        return False
    before, after = draft.values[op.inputs[0]].dtype, draft.values[op.outputs[0]].dtype
    if op.attr("op_type") == "DequantizeLinear":
        return before is not DType.I32
    return op.attr("op_type") in ("Cast", "CastLike") and _floats(before, after) and before.bits < after.bits


def narrows(draft: Draft, op: Op) -> bool:
    """Whether the op brings a value to fewer bits: a quantisation, or a cast to a narrower float."""
    if op.kind != "cast" or len(op.outputs) != 1:
        return False
    if op.attr("op_type") == "QuantizeLinear":
        return True
    before, after = draft.values[op.inputs[0]].dtype, draft.values[op.outputs[0]].dtype
    return op.attr("op_type") in ("Cast", "CastLike") and _floats(before, after) and before.bits > after.bits


def _floats(before: DType, after: DType) -> bool:
    return before.is_float and after.is_float


def moves(op: Op) -> bool:
    """Whether the op hands on elements as they are, so that it works on any number type."""
    return op.kind in ("view", "gather") or (op.kind == "move" and op.attr("op_type") in _MOVES)


def moved_operands(op: Op) -> tuple[str, ...]:
    """The operands whose elements a moving op hands on."""
    return op.inputs if op.attr("op_type") == "Concat" else op.inputs[:1]


def arithmetic_of(data: DType, weight: DType) -> DType | None:
    """The type in which a product of two quantised operands is computed; None where one of them is a wide float."""
    narrow = [t for t in (data, weight) if t.bits <= 16 and (not t.is_float or t is DType.F8)]
    if len(narrow) < 2:
        return None
    if DType.F8 in narrow:
        return DType.F8
    widest = max(narrow, key=lambda t: t.bits)
    return {DType.U8: DType.I8, DType.U4: DType.I4, DType.BOOL: None}.get(widest, widest)
