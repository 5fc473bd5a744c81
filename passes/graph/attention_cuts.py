"""Queries, keys and values that lie side by side within each head are cut apart before heads are split off."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mapper.ir.graph import Op
from passes.graph.attention_layout import HEADS_FIRST
from passes.graph.draft import Draft, origins, with_attrs

DEPTH = 12
"""Ops between a product and the cut of its operand at most."""

CUT_AXIS = 3
"""The axis of each head's row in [batch, heads, positions, width]."""


def cut_before_heads(draft: Draft, operands: Iterable[str]) -> None:
    """Moves the transpose that splits off heads from before a cut of each head's row to behind it.

    So it belongs to each part alone, where the attention can take it over; the cut rides on the product before it.
    """
    for value in operands:
        cut = _cut_above(draft, value)
        if cut is not None:
            turn = draft.maker(cut.inputs[0])
            if turn is not None and turn.attr("perm") == HEADS_FIRST and draft.reader(turn.outputs[0]) is cut:
                _swap(draft, turn, cut)


def _cut_above(draft: Draft, value: str) -> Op | None:
    """The split of rows that an operand comes from over ops of one data operand."""
    for _ in range(DEPTH):
        op = draft.maker(value)
        if op is None or not op.inputs:
            return None
        if op.attr("op_type") == "Split":
            return op if op.attr("axis") == CUT_AXIS and len(draft.shape(op.inputs[0])) == CUT_AXIS + 1 else None
        if op.attr("op_type") == "Concat" and len(op.inputs) == 2:  # a cache, then what is new
            value = op.inputs[1]
        elif op.kind in ("view", "cast", "norm") or op.attr("op_type") == "Transpose" or _maps(op):
            value = op.inputs[0]
        else:
            return None
    return None


def _maps(op: Op) -> bool:
    return op.kind == "elementwise" and op.attr("fn") in ("rope", "mul", "div")


def _swap(draft: Draft, turn: Op, cut: Op) -> None:
    """Transpose then split becomes split then a transpose of each part; its own inverse puts dims 1 and 2 in place."""
    place, source = draft.place(cut), turn.inputs[0]
    parts: list[str] = []
    turned: list[Op] = []
    for index, name in enumerate(cut.outputs):
        if not name:
            parts.append("")
            continue
        old = draft.values[name]
        batch, heads, positions, width = old.shape
        part = draft.add_value(replace(old, name=f"{name}.by_position", shape=(batch, positions, heads, width)))
        parts.append(part)
        attrs = with_attrs(turn, perm=HEADS_FIRST)
        turned.append(Op(f"{turn.name}.part{index}", "move", (part,), (name,), attrs, turn.origin))
    draft.drop(cut)
    draft.put(replace(cut, inputs=(source,), outputs=tuple(parts), origin=origins((turn, cut))), draft.place(turn))
    draft.drop(turn)
    for op in turned:
        draft.put(op, place)
