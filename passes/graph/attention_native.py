"""Attention operators of the file take over the layout changes around them, as attention that was spelled out does."""

from __future__ import annotations

from dataclasses import replace

from mapper.hw.work import DType
from mapper.ir.graph import Attr, Op
from passes.graph.attention_cuts import cut_before_heads
from passes.graph.attention_layout import by_position
from passes.graph.attention_operands import Operand, trace
from passes.graph.attention_packed import unpack
from passes.graph.attention_tail import finish
from passes.graph.draft import Draft, with_attrs

FURTHER = 3
"""Outputs of ai.onnx Attention that this op has too: context, present keys and present values."""


def absorb_layout(draft: Draft, op: Op) -> None:
    """ai.onnx Attention on [batch, heads, positions, width]: transposes, repeated heads and caches become its own.

    The order of its operands becomes that of fused attention: q, k, v, past k, past v, mask.
    """
    if op.attr("op_type") != "Attention" or op.attr("domain") or any(op.outputs[FURTHER:]):
        return
    inputs = (*op.inputs, *[""] * (6 - len(op.inputs)))
    if "" in inputs[:3]:
        return
    cut_before_heads(draft, inputs[:3])
    query, key, value = (trace(draft, name, op, scaled=False) for name in inputs[:3])
    if (key.past and inputs[4]) or (value.past and inputs[5]):
        return
    key, value = (replace(o, past=o.past or past) for o, past in ((key, inputs[4]), (value, inputs[5])))
    if len(draft.shape(inputs[0])) == 4:
        query, key, value = unpack(draft, [query, key, value], (op,))
        query, key = by_position(draft, query, op), by_position(draft, key, op)
    presents = (*op.outputs[1:], "", "")
    key, value = (replace(o, present=o.present or name) for o, name in ((key, presents[0]), (value, presents[1])))
    attrs = _attributes(op, key)
    if inputs[3]:
        attrs["masks"] = ("keep" if draft.values[inputs[3]].dtype is DType.BOOL else "add",)
    finish(draft, op, (query, key, value), (op,), inputs[3:4], attrs)


def _attributes(op: Op, key: Operand) -> dict[str, Attr]:
    """The op's attributes, with fewer heads of keys where they were repeated for it."""
    heads = op.attr("kv_heads")
    if isinstance(heads, int) and key.repeats > 1 and heads % key.repeats == 0:
        return dict(with_attrs(op, kv_heads=heads // key.repeats))
    return dict(op.attrs)
