"""Operands that are parts of one tensor, which the attention can read as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mapper.ir.graph import Op
from passes.graph.attention_operands import Operand
from passes.graph.draft import Draft


def unpack(draft: Draft, found: Sequence[Operand], last: Iterable[Op]) -> list[Operand]:
    """Operands that are the parts of one tensor become that tensor, so that nothing has to be cut up."""
    found = list(found)
    readers = {op.name for operand in found for op in operand.ops} | {op.name for op in last}
    for packed in filter(None, dict.fromkeys(_packed(draft, operand.value) for operand in found)):
        parts = [o for o in found if _packed(draft, o.value) == packed]
        cuts = {cut.name: cut for o in parts if (cut := draft.maker(o.value))}
        values = {name for cut in cuts.values() for name in cut.outputs if name}
        if values != {o.value for o in parts} or not all(draft.private(v, readers) for v in values):
            continue
        if not _is_all(draft, packed, list(cuts.values())):
            continue
        found = [
            _layout(draft, replace(o, value=packed, ops=(*cuts.values(), *o.ops))) if o in parts else o for o in found
        ]
    return found


def _packed(draft: Draft, value: str) -> str:
    """The tensor that a value is a part of, or ''."""
    op = draft.maker(value)
    if op is None or not op.inputs:
        return ""
    picks = op.kind == "gather" and op.attr("op_type") == "Gather" and isinstance(op.attr("index"), int)
    return op.inputs[0] if picks or op.attr("op_type") in ("Split", "Slice") else ""


def _is_all(draft: Draft, packed: str, cuts: Sequence[Op]) -> bool:
    """Whether the parts, cut along one axis, make up the whole."""
    whole = draft.shape(packed)
    pieces = [piece for cut in cuts for piece in _pieces(draft, packed, cut)]
    axes = {axis for axis, _ in pieces}
    if len(axes) != 1 or None in axes:
        return False
    (axis,) = axes
    assert axis is not None
    return sum(size for _, size in pieces) == whole[axis]


def _pieces(draft: Draft, packed: str, cut: Op) -> list[tuple[int | None, int]]:
    """The axis along which an op cuts and how much of it each of its outputs holds."""
    if cut.kind == "gather":
        axis = cut.attr("axis")
        return [(axis, 1)] if isinstance(axis, int) else [(None, 0)]
    whole = draft.shape(packed)
    pieces: list[tuple[int | None, int]] = []
    for name in filter(None, cut.outputs):
        part = draft.shape(name)
        axes = [i for i, size in enumerate(whole) if part[i] != size]
        size = part[axes[0]] if len(axes) == 1 else None
        pieces.append((axes[0], size) if isinstance(size, int) else (None, 0))
    return pieces


def _layout(draft: Draft, operand: Operand) -> Operand:
    """The operand above the views and transposes that lead to it."""
    while (op := draft.maker(operand.value)) is not None and (op.kind == "view" or op.attr("op_type") == "Transpose"):
        if operand.value in draft.kept:
            break
        operand = replace(operand, value=op.inputs[0], ops=(op, *operand.ops))
    return operand
