"""Ops between the splitting of heads and the attention that do not care for the order of heads and positions."""

from __future__ import annotations

from dataclasses import replace

from mapper.hw.work import Role
from mapper.ir.graph import Op, Value
from passes.graph.attention_operands import Operand
from passes.graph.draft import Draft, origins

HEADS_FIRST = (0, 2, 1, 3)
"""The transpose from [batch, positions, heads, width] to [batch, heads, positions, width]."""


def by_position(draft: Draft, operand: Operand, last: Op) -> Operand:
    """The operand with rotations, norms and cuts of its rows moved in front of the transpose that splits the heads.

    They work on each row alone, so the transpose becomes the attention's.
    """
    chain = _rowwise(draft, operand, last)
    if not chain:
        return operand
    split = draft.maker(chain[-1].inputs[0])
    assert split is not None
    top = chain[0].outputs[0]
    present = operand.present or (top if top in draft.kept else "")
    value, merged = split.inputs[0], split
    for op in reversed(chain):
        out = draft.values[op.outputs[0]]
        shape = (*draft.shape(split.inputs[0])[:3], out.shape[-1])
        new = Value(f"{out.name}.by_position", shape, out.dtype, Role.ACTIVATION)
        rest = [_turned(draft, n, op) if op.attr("fn") == "rope" and n else n for n in op.inputs[1:]]
        origin = origins((merged, op)) if op is chain[-1] else op.origin
        moved = replace(op, inputs=(value, *rest), outputs=(draft.add_value(new),), origin=origin)
        draft.put(moved)
        value = new.name
    draft.prune([split])
    return replace(operand, value=value, present=present)


def _rowwise(draft: Draft, operand: Operand, last: Op) -> list[Op]:
    """The ops from the operand down to the transpose, if all of them can be moved; the operand's own first."""
    chain: list[Op] = []
    value = operand.value
    inside = {last.name, *(o.name for o in operand.ops)}
    if not {r.name for r in draft.readers(value)} <= inside or (value in draft.kept and operand.present):
        return []
    while (op := draft.maker(value)) is not None and _is_rowwise(draft, op):
        chain.append(op)
        value = op.inputs[0]
        if _splits_heads(draft.maker(value)):  # others may go on reading its result
            return chain
        if draft.reader(value) is None:
            return []
    return []


def _splits_heads(op: Op | None) -> bool:
    return op is not None and op.kind == "move" and op.attr("perm") == HEADS_FIRST


def _is_rowwise(draft: Draft, op: Op) -> bool:
    """Whether an op treats each row of [batch, heads, positions, width] alone, its tables known by position."""
    shape = draft.shape(op.inputs[0]) if op.inputs else ()
    if len(shape) != 4 or len(op.outputs) != 1:
        return False
    if op.kind == "norm":
        return op.attr("width") == shape[-1] and all(len(draft.shape(n)) == 1 for n in op.inputs[1:] if n)
    if op.attr("op_type") == "Slice":
        return op.attr("axes") in ((-1,), (3,)) and draft.shape(op.outputs[0])[:3] == shape[:3]
    if op.attr("fn") != "rope":
        return False
    if op.attr("first_row") is not None:  # counts rows of the layout that it is in
        return False
    if op.attr("op_type") is not None:  # an operator of the file: its tables are picked by position
        return True
    return all(len(draft.shape(t)) == 4 and draft.shape(t)[1] == 1 for t in op.inputs[1:])


def _turned(draft: Draft, table: str, rope: Op) -> str:
    """The view of a [batch, 1, positions, width] table as [batch, positions, 1, width]; one for all layers."""
    if len(draft.shape(table)) != 4:
        return table
    name = f"{table}.by_position"
    if draft.maker(name) is None:
        value = draft.values[table]
        batch, one, positions, width = value.shape
        draft.add_value(replace(value, name=name, shape=(batch, positions, one, width), role=Role.ACTIVATION))
        draft.put(Op(f"{name}.view", "view", (table,), (name,)), draft.place(rope))
    return name
