"""Shape rules of recurrences that stand in for attention, and of what picks the keys of sparse attention."""

from __future__ import annotations

from mapper.frontend.facts import Node
from mapper.frontend.inference.rule_parts import (
    F32,
    I32,
    Inputs,
    Rule,
    RuleError,
    Typed,
    elem_of,
    like,
    positive,
    shape_at,
    shape_of,
)
from mapper.ir.graph import Shape


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


RECURRENCE_RULES: dict[str, Rule] = {
    "CausalConvWithState": _causal_conv,
    "GatedDeltaNet": _gated_delta,
    "LinearAttention": _linear,
    "LinearAttentionGate": _linear_gate,
    "PackedSparseAttentionIndexer": _packed_indexer,
    "SparseAttentionIndexer": _indexer,
    "VarlenCausalConvWithState": _varlen_conv,
}
"""By operator of com.microsoft."""
