"""Shape rules of onnxruntime's attention operators and of the recurrences that stand in for attention."""

from __future__ import annotations

from mapper.frontend.facts import Node
from mapper.frontend.rule_parts import (
    F32,
    I32,
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
from mapper.ir.graph import Shape


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


def _linear(node: Node, inputs: Inputs) -> list[Typed]:
    """LinearAttention: a state [batch, heads, key width, value width] instead of a cache."""
    query, key, value = (shape_of(inputs, i, 3) for i in range(3))
    heads, kv_heads = positive(node, "q_num_heads"), positive(node, "kv_num_heads")
    width, value_width = query[2] // heads, value[2] // kv_heads
    state: Shape = (query[0], kv_heads, key[2] // kv_heads, value_width)
    window = int(node.attr("state_window", 0))
    if window > 0:
        state = (window, *state)
    past = inputs[3] if len(inputs) > 3 else None
    if past is not None and past.shape is not None and past.shape != state and width * kv_heads == key[2]:
        raise RuleError(f"the state is {list(past.shape)}, the heads need {list(state)}")
    elem = elem_of(inputs, 0)
    out = (query[0], query[1], max(heads, kv_heads) * value_width)
    return [(elem, out), (past.elem if past is not None else elem, state)]


def delta_sizes(inputs: Inputs) -> tuple[Shape, int, int, int, int, int]:
    """Of GatedDeltaNet: leading dims, heads of queries, keys and values, width of keys and of values."""
    query, key, value, state = shape_of(inputs, 0), shape_at(inputs, 1), shape_at(inputs, 2), shape_at(inputs, 6)
    if key is not None and value is not None:
        return query[:-2], query[-2], key[-2], value[-2], query[-1], value[-1]
    if state is None:
        raise RuleError("packed queries, keys and values need an initial state to tell their widths")
    heads, value_width, width = state[1], state[2], state[3]
    queries = (query[-1] - heads * value_width) // (2 * width)
    return query[:-1], queries, queries, heads, width, value_width


def _gated_delta(node: Node, inputs: Inputs) -> list[Typed]:
    leading, queries, keys, heads, width, value_width = delta_sizes(inputs)
    lengths, past = shape_at(inputs, 3), inputs[6] if len(inputs) > 6 else None
    batch = past.shape[0] if past is not None and past.shape else lengths[0] - 1 if lengths else leading[0]
    elem, state_elem = elem_of(inputs, 0), past.elem if past is not None else F32
    factors = int(node.attr("state_update_capacity", 0)) * (heads + keys * width + heads * value_width)
    return [
        (elem, (*leading, max(queries, heads), value_width)),
        (state_elem, (batch, heads, value_width, width)),
        (state_elem, (batch, factors)),
    ]


def _linear_gate(node: Node, inputs: Inputs) -> list[Typed]:
    return [(elem_of(inputs, 0), shape_of(inputs, 0))] * 2


def _causal_conv(node: Node, inputs: Inputs) -> list[Typed]:
    data, weight, past = shape_of(inputs, 0), shape_of(inputs, 1), shape_at(inputs, 3)
    elem, reach = elem_of(inputs, 0), (weight[-1] - 1) * int(node.attr("dilation", 1))
    state: Shape = (*data[:-1], reach)
    if node.attr("channels_last", 0):
        state = (data[0], reach, *data[2:])
    window = int(node.attr("state_window", 0))
    return [(elem, data), (elem, past if past is not None else (window, *state) if window > 0 else state)]


def _varlen_conv(node: Node, inputs: Inputs) -> list[Typed]:
    data, state = shape_of(inputs, 0, 2), shape_of(inputs, 4, 3)
    elem = elem_of(inputs, 0)
    update = (state[0], int(node.attr("state_update_capacity", 0)), data[1])
    return [(elem, data), (elem_of(inputs, 4), state), (elem, update)]


def _indexer(node: Node, inputs: Inputs) -> list[Typed]:
    """SparseAttentionIndexer: which keys each query may read, and its own cache of keys."""
    batch, seq, _ = shape_of(inputs, 0, 3)
    past, limit = shape_of(inputs, 7, 3), shape_at(inputs, 12)
    elem, ratio = elem_of(inputs, 0), positive(node, "compress_ratio")
    tokens = node.attr("policy_mode", "qsa") == "qsa"
    picked = int(node.attr("token_budget", 0)) + ratio - 1 if tokens else int(node.attr("index_topk", 0))
    buffer = shape_at(inputs, 13)
    waiting = buffer[2] if buffer else 0
    new = seq if tokens else (waiting + seq) // ratio
    kept = (*past[:1], past[1] if limit is not None else past[1] + new, past[2])
    left = (2, batch, (waiting + seq) - new * ratio, *(buffer[3:] if buffer else (past[2] * 2,)))
    return [(I32, (batch, seq, picked)), (elem, kept), (elem, left)]


def _packed_indexer(node: Node, inputs: Inputs) -> list[Typed]:
    tokens, batch = shape_of(inputs, 0)[0], shape_of(inputs, 7)[0]
    elem, ratio = elem_of(inputs, 0), positive(node, "compress_ratio")
    by_token = node.attr("policy_mode", "qsa") == "qsa"
    picked = int(node.attr("token_budget", 0)) + ratio - 1 if by_token else int(node.attr("index_topk", 0))
    states = like(12, 13, 14, 15)(Node("", "", "", (), ("a", "b", "c", "d"), node.proto), inputs)
    update = (batch, int(node.attr("state_update_capacity", 0)), shape_of(inputs, 13)[-1])
    return [(I32, (tokens, picked)), (I32, (tokens,)), *states, (elem, update)]


ATTENTION_RULES: dict[str, Rule] = {
    "Attention": _self_attention(4),
    "CausalConvWithState": _causal_conv,
    "DecoderAttention": _decoder,
    "DecoderMaskedMultiHeadAttention": _multi_head(5),
    "DecoderMaskedSelfAttention": _decoder_masked_self,
    "DynamicSparseAttention": _cached(3, 4),
    "GatedDeltaNet": _gated_delta,
    "GatedRelativePositionBias": _gated_position_bias,
    "GroupQueryAttention": _grouped,
    "LinearAttention": _linear,
    "LinearAttentionGate": _linear_gate,
    "LongformerAttention": same,
    "MultiHeadAttention": _multi_head(6),
    "PackedAttention": _packed_self,
    "PackedMultiHeadAttention": _packed_multi_head,
    "PackedSparseAttentionIndexer": _packed_indexer,
    "PagedAttention": _paged,
    "QAttention": _self_attention(8, elem_from=3),
    "QOrderedAttention": _ordered_attention,
    "QOrderedLongformerAttention": same,
    "RelativePositionBias": _position_bias,
    "SparseAttention": _cached(3, 4),
    "SparseAttentionIndexer": _indexer,
    "SparsePagedAttention": _paged,
    "VarlenCausalConvWithState": _varlen_conv,
}
"""By operator of com.microsoft."""
