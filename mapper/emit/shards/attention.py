"""Rules of fused attention, rotary positions, norms and softmax."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mapper.cost.shards.spread import Columns
from mapper.emit.shards.layouts import WHOLE, Lay, Ranges, Split, by_columns, joined, scaled
from mapper.emit.shards.rules import NO_RULE, UNKNOWN, Answer, Asked, Division, Rule, opset, wants_like


def _heads(asked: Asked, heads: int, groups: int) -> tuple[Ranges, Ranges] | None:
    """Heads of queries, and of keys and values, of each rank; ranks share heads of keys where these are fewer."""
    if heads < asked.ranks or heads % groups:
        return None
    query = by_columns((Columns(heads, heads, groups),), heads, asked.ranks)
    key = by_columns((Columns(groups, groups, groups),), groups, asked.ranks)
    return (query, key) if query is not None and key is not None else None


def _by_head(asked: Asked) -> bool:
    """Whether the plan divides its heads, or what it reads is divided by heads already."""
    return "head" in asked.ways or any(isinstance(lay, Split) for lay in asked.lays[:3])


def _features(heads: Ranges, width: int | None, count: int, axis: int) -> Split | None:
    """Features of whole heads."""
    found = scaled(heads, width // count) if width and width % count == 0 else None
    return Split(axis, found) if found else None


def _packed(query: Ranges, key: Ranges, width: int | None, heads: int, groups: int, axis: int) -> Split | None:
    """Heads of queries, keys and values one part behind the other."""
    if not width or width % (heads + 2 * groups):
        return None
    size = width // (heads + 2 * groups)
    rows = []
    for mine, shared in zip(query, key, strict=True):
        parts = [(a, b) for a, b in mine]
        parts += [(a + heads, b + heads) for a, b in shared]
        parts += [(a + heads + groups, b + heads + groups) for a, b in shared]
        rows.append(tuple(joined([(a * size, b * size) for a, b in parts])))
    return Split(axis, tuple(rows))


def _by_batch(asked: Asked, axes: Mapping[int, int], outs: Sequence[int]) -> Division | None:
    """Requests of a batch by themselves, where the first operand is divided so. axes: the axis of the batch in each
    other operand that may have one; outs: in each result. None where a size is neither that of the batch nor one."""
    split, x = asked.split(), asked.shape(0)
    if split is None or x is None or split.axis != 0 or "head" in asked.ways:
        return None
    wants: dict[int, Lay] = {0: split}
    for i, axis in axes.items():
        shape = asked.shape(i)
        if not asked.has(i):
            continue
        if shape is None or len(shape) <= axis or shape[axis] not in (1, x[0]):
            return None
        if shape[axis] == x[0]:
            wants[i] = split.along(axis)
    return asked.held(wants, *(split.along(axis) for axis in outs))


def grouped(asked: Asked) -> Answer:
    """onnxruntime's GroupQueryAttention by heads: packed or apart, with its cache."""
    batch = _by_batch(asked, dict.fromkeys((1, 2, 3, 4, 5, 9, 10), 0), (0, 0))
    if batch is not None:
        return batch
    heads, groups = asked.attr("num_heads", 0), asked.attr("kv_num_heads", 0)
    x = asked.shape(0)
    found = _heads(asked, heads, groups) if heads and groups else None
    if not _by_head(asked) or found is None or x is None:
        return NO_RULE if found else "there are fewer heads than ranks"
    query, key = found
    if asked.has(1):
        parts = [_features(h, (asked.shape(i) or (None,))[-1], n, 2) for i, h, n in
                 ((0, query, heads), (1, key, groups), (2, key, groups))]  # fmt: skip
    else:
        parts = [_packed(query, key, x[-1], heads, groups, 2), WHOLE_FEATURES, WHOLE_FEATURES]
    out = _features(query, (asked.out() or (None,))[-1], heads, 2)
    if out is None or any(part is None for part in parts):
        return UNKNOWN
    wants: dict[int, Lay] = {i: part for i, part in enumerate(parts) if part is not None and asked.has(i)}
    cache = Split(1, key)
    wants |= {3: cache, 4: cache}
    _beside(asked, wants, 10, 1, heads, query)
    _beside(asked, wants, 11, 0, heads, query)
    sizes = {"num_heads": list(Split(0, query).sizes), "kv_num_heads": list(Split(0, key).sizes)}
    return asked.held(wants, out, cache, attrs=sizes)


WHOLE_FEATURES = Split(-1, ())
"""Stands for an operand that is not there."""


def _beside(asked: Asked, wants: dict[int, Lay], i: int, axis: int, heads: int, ranges: Ranges) -> None:
    """An operand with an entry for each head goes with the heads."""
    shape = asked.shape(i)
    if shape is not None and len(shape) > axis and shape[axis] == heads and heads > 1:
        wants[i] = Split(axis, ranges)


def multi_head(asked: Asked) -> Answer:
    """onnxruntime's MultiHeadAttention by heads; queries, keys and values apart."""
    batch = _by_batch(asked, dict.fromkeys((1, 2, 4, 5, 6, 7), 0), (0, 0))
    if batch is not None:
        return batch
    heads, x = asked.attr("num_heads", 0), asked.shape(0)
    found = _heads(asked, heads, heads) if heads else None
    if not _by_head(asked) or found is None or x is None or len(x) != 3 or not asked.has(1) or not asked.has(2):
        return NO_RULE if found else "there are fewer heads than ranks"
    ranges = found[0]
    wants: dict[int, Lay] = {}
    for i in (0, 1, 2):
        shape = asked.shape(i)
        if shape is None or len(shape) not in (3, 4):
            return UNKNOWN
        part = Split(1, ranges) if len(shape) == 4 else _features(ranges, shape[-1], heads, 2)
        if part is None:
            return UNKNOWN
        wants[i] = part
    if asked.has(3):
        bias = _packed(ranges, ranges, (asked.shape(3) or (None,))[-1], heads, heads, 0)
        if bias is None:
            return UNKNOWN
        wants[3] = bias
    cache = Split(1, ranges)
    _beside(asked, wants, 5, 1, heads, ranges)
    wants |= {6: cache, 7: cache}
    out = _features(ranges, (asked.out() or (None,))[-1], heads, 2)
    return UNKNOWN if out is None else asked.held(wants, out, cache, attrs={"num_heads": list(cache.sizes)})


def fused(asked: Asked) -> Answer:
    """onnxruntime's Attention, which has the product with packed weights inside: by heads."""
    batch = _by_batch(asked, {3: 0, 4: 1, 5: 0}, (0, 1))
    if batch is not None:
        return batch
    heads, weight = asked.attr("num_heads", 0), asked.shape(1)
    found = _heads(asked, heads, heads) if heads else None
    if not asked.ways & {"head", "column"} or found is None or weight is None or asked.attr("qkv_hidden_sizes"):
        return NO_RULE if found else "there are fewer heads than ranks"
    ranges = found[0]
    columns = _packed(ranges, ranges, weight[1], heads, heads, 1)
    out = _features(ranges, (asked.out() or (None,))[-1], heads, 2)
    if columns is None or out is None:
        return UNKNOWN
    wants: dict[int, Lay] = {1: columns, 2: columns.along(0), 4: Split(2, ranges)}
    _beside(asked, wants, 5, 1, heads, ranges)
    return asked.held(wants, out, Split(2, ranges), attrs={"num_heads": list(Split(0, ranges).sizes)})


def standard(asked: Asked) -> Answer:
    """ONNX's Attention by heads, on operands of three or of four axes."""
    x, k = asked.shape(0), asked.shape(1)
    if x is None or k is None or len(asked.proto.output) > 3:
        return UNKNOWN
    batch = _by_batch(asked, dict.fromkeys((1, 2, 4, 5), 0), (0, 0)) if not asked.has(3) else None
    if batch is not None:
        return batch
    flat = len(x) == 3
    heads = int((asked.attr("q_num_heads", 0) if flat else x[1]) or 0)
    groups = int((asked.attr("kv_num_heads", 0) if flat else k[1]) or 0)
    found = _heads(asked, heads, groups) if heads and groups else None
    if not _by_head(asked) or found is None:
        return NO_RULE if found else "there are fewer heads than ranks"
    query, key = found
    wants: dict[int, Lay] = {}
    for i, ranges, count in ((0, query, heads), (1, key, groups), (2, key, groups)):
        part = _features(ranges, (asked.shape(i) or (None,))[-1], count, 2) if flat else Split(1, ranges)
        if part is None:
            return UNKNOWN
        wants[i] = part
    mask = asked.shape(3)
    if mask is not None and len(mask) >= 3 and mask[-3] == heads > 1:
        wants[3] = Split(len(mask) - 3, query)
    cache = Split(1, key)
    wants |= {4: cache, 5: cache}
    out = _features(query, (asked.out() or (None,))[-1], heads, 2) if flat else Split(1, query)
    sizes: dict[str, Any] = {}
    if flat:
        sizes = {"q_num_heads": list(Split(0, query).sizes), "kv_num_heads": list(cache.sizes)}
    return UNKNOWN if out is None else asked.held(wants, out, cache, attrs=sizes)


def rotary(asked: Asked) -> Answer:
    """Rotary positions turn each head by itself."""
    split, shape = asked.split(), asked.shape(0)
    if split is None or shape is None:
        return NO_RULE
    heads = asked.attr("num_heads", 0)
    if len(shape) == 4 and split.axis == 1:
        return asked.held({0: split}, split)
    if len(shape) != 3 or split.axis != 2:
        return "it turns along the axis that ranks divide"
    if not heads:
        table = asked.shape(2 if asked.proto.domain else 1)  # half of what a head has
        width = 2 * int(table[-1] or 0) if table else 0
        return asked.held({0: split}, split) if width and scaled(split.ranges, 1, width) else UNKNOWN
    own = scaled(split.ranges, heads, shape[2] or 1)
    if own is None:
        return "heads would be cut"
    return asked.held({0: split}, split, attrs={"num_heads": list(Split(0, own).sizes)})


def row_wise(default: int, *, alike: tuple[int, ...] = (0,)) -> Rule:
    """Norms and softmax: each row by itself. alike: operands that are divided as the first is."""

    def rule(asked: Asked) -> Answer:
        shape = asked.shape(0)
        if shape is None:
            return NO_RULE
        found = ((s, len(asked.shape(i) or shape)) for i in alike if (s := asked.split(i)) is not None)
        split = next((s.along(s.axis + len(shape) - rank) for s, rank in found), None)
        if split is None:
            return NO_RULE
        axis = asked.attr("axis", default) % len(shape)
        single = asked.proto.op_type in ("Softmax", "LogSoftmax", "LpNormalization") and opset(asked) >= 13
        if split.axis == axis if single else split.axis >= axis:
            return "it needs whole rows along the axis that ranks divide"
        wants: dict[int, Lay] = {}
        for i in alike:
            own = asked.shape(i)
            if own is not None:
                want = wants_like(asked, i, split.axis, shape[split.axis] or 0, split.ranges, len(shape))
                if want is None:
                    return UNKNOWN
                wants[i] = want
        return asked.held(wants, split)

    return rule


def first_axis(asked: Asked) -> Answer:
    """Norms and pools of images: those of a batch by themselves."""
    split = asked.split()
    if asked.proto.op_type == "Resize" and asked.has(3):
        return "it states the sizes of the whole"
    return asked.held({0: split}, split) if split is not None and split.axis == 0 else "it needs whole images"


def channels(asked: Asked) -> Answer:
    """Channels by themselves: parameters go with them."""
    split = asked.split()
    if split is None or split.axis > 1:
        return "it works along the axis that ranks divide"
    if asked.proto.op_type == "MaxPool" and any(asked.proto.output[1:]):
        return "its second result counts places in the whole"
    beside = split.along(0) if split.axis == 1 else WHOLE
    return asked.held({0: split, **dict.fromkeys(range(1, len(asked.proto.input)), beside)}, split)


_POOLS = "MaxPool AveragePool GlobalAveragePool GlobalMaxPool InstanceNormalization BatchNormalization"
RULES: dict[str, Rule] = {
    "GroupQueryAttention": grouped,
    "MultiHeadAttention": multi_head,
    "Attention@com.microsoft": fused,
    "Attention": standard,
    "RotaryEmbedding": rotary,
    "Softmax": row_wise(-1),
    "LogSoftmax": row_wise(-1),
    "LpNormalization": row_wise(-1),
    "LayerNormalization": row_wise(-1),
    "SimplifiedLayerNormalization": row_wise(-1),
    "RMSNormalization": row_wise(-1),
    "SkipLayerNormalization": row_wise(-1, alike=(0, 1)),
    "SkipSimplifiedLayerNormalization": row_wise(-1, alike=(0, 1)),
    "GroupNormalization": first_axis,
    "Resize": first_axis,
    **dict.fromkeys(_POOLS.split(), channels),
}
"""The rules of this file, by op type."""
