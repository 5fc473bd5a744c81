"""Attributes of attention operators: batch, heads, queries, keys and head widths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from mapper.frontend.facts import Fact, Node
from mapper.frontend.inference.rule_parts import integers_at, positive, shape_of
from mapper.frontend.inference.rules_attention import grouped_sizes, multi_head_sizes, paged_sizes, projected_sizes
from mapper.frontend.inference.rules_recurrence import delta_sizes
from mapper.frontend.lowering.known import Known, size_of
from mapper.ir.graph import Attr, Shape

Sizes = tuple[int, int, int, int, int, int, int]
"""Batch, heads, kv heads, queries, keys, head width of keys and of values."""

Inputs = list[Fact | None]

_NAMES = ("batch", "heads", "kv_heads", "q", "kv", "head_dim", "v_dim")


def attention_attributes(known: Known, node: Node) -> dict[str, Attr]:
    """Sizes of an attention operator: batch, heads, queries, keys, head widths, and what the mask leaves out."""
    sizes = [_sizes(node, inputs) for inputs in _samples(known, node)]
    found: dict[str, Attr] = {
        name: size_of(known, column) for name, column in zip(_NAMES, zip(*sizes, strict=True), strict=True)
    }
    found["causal"] = int(_is_causal(node))
    found.update(_mask_attributes(known, node, sizes))
    window = int(node.attr("local_window_size", -1))
    selected = _selected(known, node)
    if selected:
        found["kv"] = size_of(known, selected)
    return {**found, "window": window} if window > 0 and not selected else found


_MASKS = {
    ("", "Attention"): 3,
    ("com.microsoft", "MultiHeadAttention"): 5,
    ("com.microsoft", "GroupQueryAttention"): 10,
}
"""Where operators have a mask or bias of their scores."""


def _mask_attributes(known: Known, node: Node, sizes: list[Sizes]) -> dict[str, Attr]:
    """Causal and window as the operator's mask shows them, if it has a row for each query; scale and soft cap."""
    found: dict[str, Attr] = {}
    place = _MASKS.get((node.domain, node.op_type), len(node.inputs))
    mask = node.inputs[place] if place < len(node.inputs) else ""
    if mask and all(len(s) > 1 and s[-2] == q[3] for s, q in zip(known.shapes(mask), sizes, strict=True)):
        found.update(known.visible(mask).attributes)
    widths = {size[5] for size in sizes}
    scale = float(node.attr("scale", 0.0)) or (min(widths) ** -0.5 if len(widths) == 1 and min(widths) > 0 else 0.0)
    cap = float(node.attr("softcap", 0.0))
    found.update({name: float(f"{x:.9g}") for name, x in (("scale", scale), ("softcap", cap)) if x})
    return found


def _samples(known: Known, node: Node) -> list[Inputs]:
    """The node's inputs, sample after sample."""
    count = len(known.shapes(node.inputs[0]))
    facts = [known.facts(n) if n else None for n in node.inputs]
    return [[None if column is None else column[i] for column in facts] for i in range(count)]


def _is_causal(node: Node) -> bool:
    if node.op_type in ("GroupQueryAttention", "SparseAttention", "DynamicSparseAttention"):
        return bool(node.attr("causal", 1))
    if node.op_type in ("PagedAttention", "SparsePagedAttention"):
        return bool(node.attr("is_causal", 1))
    return bool(node.attr("is_causal", 0) or node.attr("unidirectional", 0))


def _selected(known: Known, node: Node) -> list[int]:
    """Keys per query where an indexer picks them; none elsewhere."""
    place = {"DynamicSparseAttention": 7, "SparsePagedAttention": 9}.get(node.op_type)
    if place is None or node.attr("attention_mode", "selected_only") != "selected_only":
        return []
    return [shape[-1] for shape in known.shapes(node.inputs[place])]


def _sizes(node: Node, inputs: Inputs) -> Sizes:
    if node.domain in ("", "ai.onnx.preview"):
        return _standard_sizes(node, [() if f is None or f.shape is None else f.shape for f in inputs] + [()] * 8)
    return _SIZES[node.op_type](node, inputs)


def _shape(inputs: Inputs, index: int) -> Shape:
    fact = inputs[index] if index < len(inputs) else None
    return () if fact is None or fact.shape is None else fact.shape


def _projected(past_at: int) -> Callable[[Node, Inputs], Sizes]:
    """Attention that holds its projection; the past is [2, batch, heads, past, width]."""

    def sizes(node: Node, inputs: Inputs) -> Sizes:
        batch, seq, _ = shape_of(inputs, 0, 3)
        heads = positive(node, "num_heads")
        widths = projected_sizes(node, shape_of(inputs, 1)[1])
        past = _shape(inputs, past_at)
        shared = bool(node.attr("past_present_share_buffer", 0))
        total = (past[3] if shared else past[3] + seq) if past else seq
        return batch, heads, heads, seq, total, widths[1] // heads, widths[2] // heads

    return sizes


def _multi_head(past_at: int) -> Callable[[Node, Inputs], Sizes]:
    def sizes(node: Node, inputs: Inputs) -> Sizes:
        batch, heads, queries, keys, width, value_width = multi_head_sizes(node, inputs)
        past = _shape(inputs, past_at)
        shared = bool(node.attr("past_present_share_buffer", 0)) and bool(past)
        total = past[2] if shared else keys + (past[2] if past else 0)
        return batch, heads, heads, queries, total, width, value_width

    return sizes


def _grouped(node: Node, inputs: Inputs) -> Sizes:
    query = shape_of(inputs, 0)
    heads, kv_heads, width, total = grouped_sizes(node, inputs)
    return query[0], heads, kv_heads, query[1], total, width, width


def _cached(total_at: int) -> Callable[[Node, Inputs], Sizes]:
    """Grouped attention over a cache of fixed capacity; the total length may be known."""

    def sizes(node: Node, inputs: Inputs) -> Sizes:
        query, past = shape_of(inputs, 0), _shape(inputs, 3)
        heads, kv_heads = positive(node, "num_heads"), positive(node, "kv_num_heads")
        width = query[2] // (heads if _shape(inputs, 1) else heads + 2 * kv_heads)
        total = integers_at(inputs, total_at)
        length = total[0] if total else past[2] if past else query[1]
        return query[0], heads, kv_heads, query[1], length, width, width

    return sizes


def _packed(node: Node, inputs: Inputs) -> Sizes:
    """Sequences without padding: [tokens, width], with the padded [batch, seq] as offsets; a token sees at most seq."""
    heads = positive(node, "num_heads")
    own = node.op_type == "PackedAttention"
    _, seq = shape_of(inputs, 3 if own else 4, 2)
    query, value = shape_of(inputs, 0), _shape(inputs, 2)
    if own:
        widths = projected_sizes(node, shape_of(inputs, 1)[1])
        return 1, heads, heads, query[0], seq, widths[1] // heads, widths[2] // heads
    width = query[3] if len(query) == 4 else query[1] // (heads if value else 3 * heads)
    return 1, heads, heads, query[0], seq, width, value[1] // heads if value else width


def _paged(node: Node, inputs: Inputs) -> Sizes:
    """All tokens in one row; each may see as many keys as the blocks of one sequence hold."""
    heads, kv_heads, width = paged_sizes(node, inputs)
    blocks, cache = _shape(inputs, 7), _shape(inputs, 3)
    value_width = int(node.attr("v_head_size", 0)) or width
    return 1, heads, kv_heads, _shape(inputs, 0)[0], blocks[1] * cache[1], width, value_width


def _decoder(node: Node, inputs: Inputs) -> Sizes:
    query, key, past = shape_of(inputs, 0, 3), shape_of(inputs, 1, 3), _shape(inputs, 6)
    heads = positive(node, "num_heads")
    crossing, cached = integers_at(inputs, 8), integers_at(inputs, 9)
    total = key[0] if crossing and crossing[0] else query[0]
    if past and cached and cached[0]:
        total = past[2] if crossing and crossing[0] else past[2] + query[0]
    width = query[2] // heads
    return query[1], heads, heads, query[0], total, width, width


def _ordered(node: Node, inputs: Inputs) -> Sizes:
    batch, seq, _ = shape_of(inputs, 0, 3)
    heads = positive(node, "num_heads")
    return batch, heads, heads, seq, seq, shape_of(inputs, 6)[-1] // heads, shape_of(inputs, 7)[-1] // heads


def _longformer(weight_at: int) -> Callable[[Node, Inputs], Sizes]:
    def sizes(node: Node, inputs: Inputs) -> Sizes:
        batch, seq, _ = shape_of(inputs, 0, 3)
        heads = positive(node, "num_heads")
        width = shape_of(inputs, weight_at)[1] // 3 // heads
        near = min(seq, 2 * int(node.attr("window", 0)) + 1)  # the tokens on both sides and the one itself
        return batch, heads, heads, seq, near, width, width

    return sizes


_SIZES: dict[str, Callable[[Node, Inputs], Sizes]] = {
    "Attention": _projected(4),
    "DecoderAttention": _decoder,
    "DecoderMaskedMultiHeadAttention": _multi_head(5),
    "DecoderMaskedSelfAttention": _projected(4),
    "DynamicSparseAttention": _cached(10),
    "GroupQueryAttention": _grouped,
    "LongformerAttention": _longformer(1),
    "MultiHeadAttention": _multi_head(6),
    "PackedAttention": _packed,
    "PackedMultiHeadAttention": _packed,
    "PagedAttention": _paged,
    "QAttention": _projected(8),
    "QOrderedAttention": _ordered,
    "QOrderedLongformerAttention": _longformer(2),
    "SparseAttention": _cached(7),
    "SparsePagedAttention": _paged,
}


def _standard_sizes(node: Node, shapes: Sequence[Shape]) -> Sizes:
    """Sizes of ai.onnx Attention (opset 23), whose operands have three or four dims."""
    query, key, value, past = shapes[0], shapes[1], shapes[2], shapes[4]
    before = past[2] if past else 0
    if len(query) == 4:
        return query[0], query[1], key[1], query[2], key[2] + before, query[3], value[3]
    heads, kv_heads = int(node.attr("q_num_heads", 1)), int(node.attr("kv_num_heads", 1))
    widths = query[2] // heads, value[2] // kv_heads
    return query[0], heads, kv_heads, query[1], key[1] + before, *widths


def recurrence_attributes(known: Known, node: Node) -> dict[str, Attr]:
    """Linear attention as a recurrence: each step updates a state [key width, value width] per head and reads it.

    A read is key width x value width MACs per query head, an update as many per head of the state; the delta rules
    read the state once more to find what to correct.
    """
    sizes = [_recurrence_sizes(node, inputs) for inputs in _samples(known, node)]
    width, value_width = sizes[0][3], sizes[0][4]
    touched = [reads for *_, reads in sizes]
    return {
        "steps": size_of(known, [s[1] for s in sizes]),
        "batch": size_of(known, [s[0] for s in sizes]),
        "hidden": value_width,
        "gates": 1,
        "width": size_of(known, [width * t - value_width for t in touched]),
        "directions": 1,
    }


def _recurrence_sizes(node: Node, inputs: Inputs) -> tuple[int, int, int, int, int, int]:
    """Batch, steps, heads, width of keys and of values, and how often a step multiplies a state, over all heads."""
    delta = "delta" in str(node.attr("update_rule", "gated_delta"))
    if node.op_type == "GatedDeltaNet":
        leading, queries, _, heads, width, value_width = delta_sizes(inputs)
        batch, steps = 1, prod(leading)
    else:
        batch, steps, columns = shape_of(inputs, 0, 3)
        queries, heads = positive(node, "q_num_heads"), positive(node, "kv_num_heads")
        width, value_width = columns // queries, shape_of(inputs, 2)[2] // heads
    return batch, steps, heads, width, value_width, max(queries, heads) + heads * (2 if delta else 1)
