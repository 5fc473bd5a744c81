"""How much an op reads of its tables: of angles a row for each token, of quantised rows the scales of those picked."""

from __future__ import annotations

from math import prod

from mapper.hw.work import Role
from mapper.ir.graph import Shape
from mapper.ir.kind import OpView

_ATTENTION = {
    "DynamicSparseAttention", "GroupQueryAttention", "PagedAttention", "SparseAttention", "SparsePagedAttention",
}  # fmt: skip
"""Operators that may rotate queries and keys themselves, by tables."""
_ALONE = {"MRotaryEmbedding", "RotaryEmbedding"}


def tokens_rotated(view: OpView) -> int:
    """The tokens of a call if the op may rotate them by tables of its own; 0 for any other op."""
    operator = view.op.attr("op_type")
    if operator in _ATTENTION:
        return view.size("batch") * view.size("q")
    if operator in _ALONE and view.inputs and len(view.inputs[0]) in (3, 4):
        return view.inputs[0][0] * view.inputs[0][-2]  # [batch, tokens, width] or [batch, heads, tokens, width]
    return 0


def elements_read(shape: Shape, role: Role, tokens: int) -> int | None:
    """What is read of an operand of an op that rotates so many tokens; None where it is no table."""
    return min(shape[0], tokens) * shape[1] if tokens and role is Role.WEIGHT and len(shape) == 2 else None


def scales_read(view: OpView, position: int, elements: int, picked: int) -> int:
    """What a look-up reads of an operand: of scales and zero points, behind table and indices, the picked share."""
    if view.op.attr("op_type") not in ("Gather", "GatherBlockQuantized") or position < 2:
        return elements
    table = max(1, prod(view.inputs[0]))
    return min(elements, -(-elements * picked // table))
