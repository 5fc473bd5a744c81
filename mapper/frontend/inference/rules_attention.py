"""Shape rules of onnxruntime's attention operators and of the recurrences that stand in for attention."""

from __future__ import annotations

from mapper.frontend.facts import Node
from mapper.frontend.inference.rule_parts import (
    Inputs,
    Rule,
    RuleError,
    Typed,
    elem_of,
    integers_at,
    like,
    positive,
    same,
    shape_at,
    shape_of,
)  # fmt: skip


def _self_attention(past_at: int, elem_from: int = 0) -> Rule:
    """Attention with its projection inside: [batch, seq, width] times [width, q+k+v]."""

    def rule(node: Node, inputs: Inputs) -> list[Typed]:
        elem = elem_of(inputs, elem_from)
        batch, seq, _ = shape_of(inputs, 0, 3)
        heads = positive(node, "num_heads")
        sizes = projected_sizes(node, shape_of(inputs, 1, 2)[1])
        past = shape_at(inputs, past_at)
        length = seq + (past[3] if past else 0)
        if node.attr("past_present_share_buffer", 0) and past:
            length = past[3]
        return [(elem, (batch, seq, sizes[2])), (elem, (2, batch, heads, length, sizes[1] // heads))]

    return rule


def projected_sizes(node: Node, columns: int) -> tuple[int, int, int]:
    """Widths of queries, keys and values in a joint projection."""
    stated = tuple(node.attr("qkv_hidden_sizes") or ())
    if stated and len(stated) != 3:
        raise RuleError(f"qkv_hidden_sizes has {len(stated)} entries, not 3")
    return (stated[0], stated[1], stated[2]) if stated else (columns // 3,) * 3


def _ordered_attention(node: Node, inputs: Inputs) -> list[Typed]:
    batch, seq, _ = shape_of(inputs, 0, 3)
    return [(elem_of(inputs, 0), (batch, seq, shape_of(inputs, 7)[-1]))]


def multi_head_sizes(node: Node, inputs: Inputs) -> tuple[int, int, int, int, int, int]:
    """Of MultiHeadAttention: batch, heads, queries, keys before the past, head width of keys and of values."""
    query = shape_of(inputs, 0)
    key, value = shape_at(inputs, 1), shape_at(inputs, 2)
    heads = positive(node, "num_heads")
    batch, seq = query[0], query[1]
    if key is None and len(query) == 5:  # query holds all three: [batch, seq, heads, 3, head_dim]
        return batch, heads, seq, seq, query[4], query[4]
    if key is None:  # the same, flattened: [batch, seq, 3 * heads * head_dim]
        width = query[2] // (3 * heads)
        return batch, heads, seq, seq, width, width
    if len(key) == 5:  # key holds key and value: [batch, kv, heads, 2, head_dim]
        return batch, heads, seq, key[1], key[4], key[4]
    width = key[3] if len(key) == 4 else key[2] // heads
    value_width = width if value is None else value[3] if len(value) == 4 else value[2] // heads
    return batch, heads, seq, key[2] if len(key) == 4 else key[1], width, value_width


def _multi_head(past_at: int) -> Rule:
    def rule(node: Node, inputs: Inputs) -> list[Typed]:
        elem, past = elem_of(inputs, 0), shape_at(inputs, past_at)
        batch, heads, seq, kv, width, value_width = multi_head_sizes(node, inputs)
        length = kv + (past[2] if past else 0)
        shared = node.attr("past_present_share_buffer", 0) and past
        present = (batch, heads, past[2] if past and shared else length, width)
        return [
            (elem, (batch, seq, heads * value_width)),
            (elem, present),
            (elem, (*present[:3], value_width)),
            (elem, (batch, heads, seq, length)),
        ]

    return rule


def grouped_sizes(node: Node, inputs: Inputs) -> tuple[int, int, int, int]:
    """Of GroupQueryAttention: heads, kv heads, head width, length of keys after the call."""
    heads, kv_heads = positive(node, "num_heads"), positive(node, "kv_num_heads")
    query, past = shape_of(inputs, 0, 3), shape_at(inputs, 3)
    packed = shape_at(inputs, 1) is None
    width = query[2] // (heads + 2 * kv_heads if packed else heads)
    total = integers_at(inputs, 6)
    if total is not None and len(total) == 1:
        return heads, kv_heads, width, total[0]
    key = shape_at(inputs, 1)
    return heads, kv_heads, width, (query[1] if key is None else key[1]) + (past[2] if past else 0)


def _grouped(node: Node, inputs: Inputs) -> list[Typed]:
    elem, query, past = elem_of(inputs, 0), shape_of(inputs, 0), shape_at(inputs, 3)
    heads, kv_heads, width, total = grouped_sizes(node, inputs)
    packed_bits = int(node.attr("kv_cache_bit_width", 0))
    stored = width // 2 if packed_bits == 4 else width
    if past and past[3] not in (width, stored):
        raise RuleError(f"the cache has head width {past[3]}, the query {width}")
    cache = elem_of(inputs, 3) if past else elem
    length = max(total, past[2]) if past else total  # a shared buffer is as long as its capacity
    if past and node.attr("sliding_window_cache", 0):
        length = past[2]
    present = (query[0], kv_heads, length, past[3] if past else stored)
    scores = (query[0], heads, query[1], total)
    return [(elem, (query[0], query[1], heads * width)), (cache, present), (cache, present), (elem, scores)]


def _cached(past_at: int, value_at: int) -> Rule:
    """Grouped attention over caches that stay as long as they are, or grow to the stated total."""

    def rule(node: Node, inputs: Inputs) -> list[Typed]:
        elem, query = elem_of(inputs, 0), shape_of(inputs, 0, 3)
        heads, kv_heads = positive(node, "num_heads"), positive(node, "kv_num_heads")
        width = query[2] // (heads + 2 * kv_heads if shape_at(inputs, 1) is None else heads)
        outputs: list[Typed] = [(elem, (query[0], query[1], heads * width))]
        for index in (past_at, value_at):
            past = shape_at(inputs, index)
            outputs.append((elem, past if past else (query[0], kv_heads, query[1], width)))
        return outputs

    return rule


def _packed_self(node: Node, inputs: Inputs) -> list[Typed]:
    tokens, _ = shape_of(inputs, 0, 2)
    return [(elem_of(inputs, 0), (tokens, projected_sizes(node, shape_of(inputs, 1, 2)[1])[2]))]


def _packed_multi_head(node: Node, inputs: Inputs) -> list[Typed]:
    query, value = shape_of(inputs, 0), shape_at(inputs, 2)
    if value is not None:
        return [(elem_of(inputs, 0), (query[0], value[1]))]
    width = query[1] * query[3] if len(query) == 4 else query[1] // 3
    return [(elem_of(inputs, 0), (query[0], width))]


def paged_sizes(node: Node, inputs: Inputs) -> tuple[int, int, int]:
    """Of PagedAttention: heads, kv heads, head width."""
    heads, kv_heads = positive(node, "num_heads"), positive(node, "kv_num_heads")
    columns = shape_of(inputs, 0, 2)[1]
    alone = shape_at(inputs, 1) is not None or node.attr("kv_cache_layout", "") == "LATENT"
    return heads, kv_heads, columns // (heads if alone else heads + 2 * kv_heads)


def _paged(node: Node, inputs: Inputs) -> list[Typed]:
    heads, _, width = paged_sizes(node, inputs)
    value_width = int(node.attr("v_head_size", 0)) or width
    out = (shape_of(inputs, 0)[0], heads * value_width)
    return [(elem_of(inputs, 0), out), *like(3, 4)(node, inputs[:5]), (0, None)][:3]


def _decoder(node: Node, inputs: Inputs) -> list[Typed]:
    """DecoderAttention: sequence first; whether it attends to itself and uses a cache are inputs."""
    elem, query, key = elem_of(inputs, 0), shape_of(inputs, 0, 3), shape_of(inputs, 1, 3)
    heads = positive(node, "num_heads")
    crossing, cached = integers_at(inputs, 8), integers_at(inputs, 9)
    past, length = shape_at(inputs, 6), key[0] if crossing and crossing[0] else query[0]
    if past and cached and cached[0]:
        length = past[2] if crossing and crossing[0] else past[2] + query[0]
    cache = (query[1], heads, length, query[2] // heads)
    return [(elem, query), (elem, cache), (elem, cache)]


def _decoder_masked_self(node: Node, inputs: Inputs) -> list[Typed]:
    batch, seq, _ = shape_of(inputs, 0, 3)
    past = shape_of(inputs, 4, 5)
    shared = bool(node.attr("past_present_share_buffer", 0))
    present = (*past[:3], past[3] if shared else past[3] + seq, past[4])
    elem = elem_of(inputs, 0)
    return [(elem, (batch, seq, shape_of(inputs, 1, 2)[1] // 3)), (elem, present)]


def _position_bias(node: Node, inputs: Inputs) -> list[Typed]:
    queries, keys = integers_at(inputs, 1), integers_at(inputs, 2)
    heads = shape_of(inputs, 0, 2)[1]
    if queries is None or keys is None:
        return [(elem_of(inputs, 0), None)]
    return [(elem_of(inputs, 0), (1, heads, queries[0], keys[0]))]


def _gated_position_bias(node: Node, inputs: Inputs) -> list[Typed]:
    query, seq = shape_of(inputs, 0), shape_of(inputs, 2, 4)[2]
    offsets = shape_at(inputs, 6)
    batch = query[0] if len(query) == 3 else offsets[0] if offsets else 1
    return [(elem_of(inputs, 0), (batch, positive(node, "num_heads"), seq, seq))]


ATTENTION_RULES: dict[str, Rule] = {
    "Attention": _self_attention(4),
    "DecoderAttention": _decoder,
    "DecoderMaskedMultiHeadAttention": _multi_head(5),
    "DecoderMaskedSelfAttention": _decoder_masked_self,
    "DynamicSparseAttention": _cached(3, 4),
    "GatedRelativePositionBias": _gated_position_bias,
    "GroupQueryAttention": _grouped,
    "LongformerAttention": same,
    "MultiHeadAttention": _multi_head(6),
    "PackedAttention": _packed_self,
    "PackedMultiHeadAttention": _packed_multi_head,
    "PagedAttention": _paged,
    "QAttention": _self_attention(8, elem_from=3),
    "QOrderedAttention": _ordered_attention,
    "QOrderedLongformerAttention": same,
    "RelativePositionBias": _position_bias,
    "SparseAttention": _cached(3, 4),
    "SparsePagedAttention": _paged,
}
"""By operator of com.microsoft."""
