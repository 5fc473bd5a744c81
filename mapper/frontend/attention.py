"""Attributes of attention operators: batch, heads, queries, keys and head widths."""

from __future__ import annotations

from collections.abc import Sequence

from mapper.frontend.facts import Node
from mapper.frontend.known import Known, size_of
from mapper.frontend.rules_attention import grouped_sizes
from mapper.ir.graph import Attr, Shape


def attention_attributes(known: Known, node: Node) -> dict[str, Attr]:
    """Sizes of an attention operator: batch, heads, queries, keys, head widths, and what the mask leaves out."""
    sizes = [_attention_sizes(known, node, i) for i in range(len(known.shapes(node.inputs[0])))]
    names = ("batch", "heads", "kv_heads", "q", "kv", "head_dim", "v_dim")
    found: dict[str, Attr] = {
        name: size_of(known, column) for name, column in zip(names, zip(*sizes, strict=True), strict=True)
    }
    causal = node.op_type == "GroupQueryAttention" or node.attr("is_causal", 0) or node.attr("unidirectional", 0)
    found["causal"] = int(bool(causal))
    window = int(node.attr("local_window_size", -1))
    return {**found, "window": window} if window > 0 else found


def _attention_sizes(known: Known, node: Node, sample: int) -> tuple[int, ...]:
    inputs = [known.facts(n)[sample] if n else None for n in node.inputs]
    shapes = [() if f is None or f.shape is None else f.shape for f in inputs] + [()] * 8
    query = shapes[0]
    if node.op_type == "GroupQueryAttention":
        heads, kv_heads, width, total = grouped_sizes(node, inputs)
        return query[0], heads, kv_heads, query[1], total, width, width
    if node.domain == "":
        return _standard_sizes(node, shapes)
    heads = int(node.attr("num_heads", 1))
    if node.op_type == "Attention":
        sizes = node.attr("qkv_hidden_sizes") or (shapes[1][1] // 3,) * 3
        total = query[1] + (shapes[4][3] if shapes[4] else 0)
        return query[0], heads, heads, query[1], total, sizes[1] // heads, sizes[2] // heads
    out = known.shapes(node.outputs[0])[sample]
    key, value, past = shapes[1], shapes[2], shapes[6]
    width = out[-1] // heads
    if len(query) == 3 and key:
        width = query[2] // heads
    kv = query[1] if not key else key[2] if len(key) == 4 else key[1]
    v_dim = value[3] if len(value) == 4 else value[2] // heads if value else width
    return query[0], heads, heads, query[1], kv + (past[2] if past else 0), width, v_dim


def _standard_sizes(node: Node, shapes: Sequence[Shape]) -> tuple[int, ...]:
    """Sizes of ai.onnx Attention (opset 23), whose operands have three or four dims."""
    query, key, value, past = shapes[0], shapes[1], shapes[2], shapes[4]
    before = past[2] if past else 0
    if len(query) == 4:
        return query[0], query[1], key[1], query[2], key[2] + before, query[3], value[3]
    heads, kv_heads = int(node.attr("q_num_heads", 1)), int(node.attr("kv_num_heads", 1))
    widths = query[2] // heads, value[2] // kv_heads
    return query[0], heads, kv_heads, query[1], key[1] + before, *widths
