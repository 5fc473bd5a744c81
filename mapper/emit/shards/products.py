"""Rules of products: columns and rows of weights, heads of batched products, quantised weights, mixtures."""

from __future__ import annotations

from typing import Any

from mapper.emit.shards.experts import mixture_by_experts
from mapper.emit.shards.layouts import SUM, WHOLE, Lay, Ranges, Split, even, scaled
from mapper.emit.shards.rules import NO_RULE, UNKNOWN, Answer, Asked, Rule, opset


def matmul(asked: Asked) -> Answer:
    """Columns of the right operand, rows of it (the results are summands), rows of the left one, or batches of both."""
    left, right, out = asked.shape(0), asked.shape(1), asked.out()
    if left is None or right is None or out is None or len(left) < 2 or len(right) < 2:
        return UNKNOWN
    if any(asked.attr(name) for name in ("transBatchA", "transBatchB", "transA")):
        return NO_RULE
    columns, inner = (-2, -1) if asked.attr("transB") else (-1, -2)
    n = right[columns]
    weight = asked.split(1) is None
    if "column" in asked.ways and weight and n is not None:
        ranges = asked.columns(asked.proto.output[0], n)
        if ranges is not None:
            return asked.held({1: Split(len(right) + columns, ranges)}, Split(len(out) - 1, ranges))
    a, b = asked.split(0), asked.split(1)
    if a is not None and a.axis == len(left) - 1:
        return asked.held({0: a, 1: a.along(len(right) + inner)}, SUM)
    if b is not None and a is None and b.axis == len(right) + inner:
        return asked.held({0: b.along(len(left) - 1), 1: b}, SUM)
    if b is not None and a is None and b.axis == len(right) + columns:
        return asked.held({1: b}, Split(len(out) - 1, b.ranges))
    split, shape = (a, left) if a is not None else (b, right)
    if split is None:
        return NO_RULE
    axis = split.axis + len(out) - len(shape)
    if axis == len(out) - 2:
        return asked.held({0: split}, split.along(axis))
    wants = [_batched(operand, axis - len(out), split.ranges, out[axis]) for operand in (left, right)]
    return asked.held(dict(enumerate(wants)), split.along(axis))


def _batched(shape: tuple[int | None, ...], axis: int, ranges: Ranges, size: int | None) -> Lay:
    """How an operand with batches is wanted; an axis that is not there, or of one entry, is whole."""
    if len(shape) < -axis or shape[axis] != size:
        return WHOLE
    return Split(len(shape) + axis, ranges)


def gemm(asked: Asked) -> Answer:
    """As MatMul; what is added is added by rank 0 where results are summands."""
    a, b, added = asked.shape(0), asked.shape(1), asked.shape(2)
    if a is None or b is None or (asked.has(2) and added is None):
        return UNKNOWN
    ta, tb = bool(asked.attr("transA", 0)), bool(asked.attr("transB", 0))
    column, row = (0, 1) if tb else (1, 0)
    inner, rows = (0, 1) if ta else (1, 0)
    n, split = b[column], asked.split(0)
    wants: dict[int, Lay]
    ranges = asked.columns(asked.proto.output[0], n) if "column" in asked.ways and n is not None else None
    if ranges is not None:
        wants = {1: Split(column, ranges)}
        if added and added[-1] == n:
            wants[2] = Split(len(added) - 1, ranges)
        return asked.held(wants, Split(1, ranges))
    if split is not None and split.axis == inner:
        wants = {0: split, 1: split.along(row)}
        if asked.has(2) and opset(asked) < 11:  # it has to be there
            beta = float(asked.attr("beta", 1.0))
            return asked.held(wants, SUM, attrs={"beta": [beta] + [0.0] * (asked.ranks - 1)})
        return asked.held(wants, SUM, first=frozenset({2}) if asked.has(2) else frozenset())
    if split is not None and split.axis == rows:
        wants = {0: split}
        if added and len(added) == 2 and added[0] == a[rows]:
            wants[2] = split.along(0)
        return asked.held(wants, split.along(0))
    return NO_RULE


def conv(asked: Asked) -> Answer:
    """Filters, channels that filters add up (summands), channels of their own filter each, or images of a batch."""
    x, weight, groups = asked.shape(0), asked.shape(1), asked.attr("group", 1)
    if x is None or weight is None:
        return UNKNOWN
    split = asked.split(0)
    filters = weight[0]
    ranges = (
        asked.columns(asked.proto.output[0], filters)
        if "column" in asked.ways and groups == 1 and filters is not None
        else None
    )
    if ranges is not None:
        return asked.held({1: Split(0, ranges), 2: Split(0, ranges)}, Split(1, ranges))
    if split is None:
        return NO_RULE
    if split.axis == 0:
        return asked.held({0: split}, split)
    if split.axis != 1:
        return "a filter reads along the axis that ranks divide"
    if groups == 1:
        first = frozenset({2}) if asked.has(2) else frozenset()
        return asked.held({0: split, 1: split}, SUM, first=first)
    if groups == x[1] == filters:
        cut = split.along(0)
        return asked.held({0: split, 1: cut, 2: cut}, split, attrs={"group": list(split.sizes)})
    return NO_RULE


def integers(asked: Asked) -> Answer:
    """MatMulInteger, DynamicQuantizeMatMul and their kin by columns; scales and zero points of columns go with them.

    By rows where activations come quantised; their scale is that of the whole value.
    """
    right, zero = asked.shape(1), {"MatMulInteger": (3,), "DynamicQuantizeMatMul": (2, 3, 4)}
    places = {**zero, "MatMulIntegerToFloat": (3, 5, 6)}[asked.proto.op_type]
    out, split = asked.out(), asked.split(0)
    if right is None or out is None or right[-1] is None:
        return UNKNOWN
    ranges = asked.columns(asked.proto.output[0], right[-1]) if "column" in asked.ways else None
    inner = right[-2] if len(right) == 2 and "row" in asked.ways and asked.proto.op_type == "MatMulInteger" else None
    if inner is not None and inner >= asked.ranks:  # activations are quantised as a whole, and cut after that
        part = Split(len(asked.shape(0) or ()) - 1, even(inner, asked.ranks))
        return asked.held({0: part, 1: part.along(0)}, SUM)
    if ranges is None:
        kept = split is not None and split.axis < len(asked.shape(0) or ()) - 1 and len(right) == 2
        if split is None or not kept or asked.proto.op_type == "DynamicQuantizeMatMul":
            return NO_RULE
        return asked.held({0: split}, split)
    wants: dict[int, Lay] = {1: Split(len(right) - 1, ranges)}
    for i in places:
        shape = asked.shape(i)
        if shape and shape[-1] == right[-1]:
            wants[i] = Split(len(shape) - 1, ranges)
    return asked.held(wants, Split(len(out) - 1, ranges))


def whole_scale(asked: Asked) -> Answer:
    """DynamicQuantizeLinear: not to be divided."""
    return "its scale is that of all numbers of the value"


def nbits(asked: Asked) -> Answer:
    """onnxruntime's MatMulNBits: columns are rows of its packed weights. Rows where blocks stay whole."""
    k, n, block = (asked.attr(name, 0) for name in ("K", "N", "block_size"))
    x, out = asked.shape(0), asked.out()
    if x is None or out is None or not k or not n or not block or asked.has(4):
        return UNKNOWN
    split = asked.split(0)
    ranges = asked.columns(asked.proto.output[0], n) if "column" in asked.ways else None
    if ranges is not None:
        wants: dict[int, Lay] = {1: Split(0, ranges), 5: Split(0, ranges)}
        for i in (2, 3):
            found = _of_rows(asked, i, n, ranges)
            if found is None:
                return UNKNOWN
            wants[i] = found
        return asked.held(wants, Split(len(out) - 1, ranges), attrs={"N": list(Split(0, ranges).sizes)})
    if split is None or split.axis < len(x) - 1:
        return asked.held({0: split}, split) if split is not None else NO_RULE
    parts = scaled(split.ranges, 1, block)
    if parts is None or asked.has(3) or len(asked.shape(2) or ()) != 2:
        return f"blocks of {block} rows would be cut"
    first = frozenset({5}) if asked.has(5) else frozenset()
    wants = {0: split, 1: Split(1, parts), 2: Split(1, parts)}
    return asked.held(wants, SUM, first=first, attrs={"K": list(split.sizes)})


def _of_rows(asked: Asked, i: int, rows: int, ranges: Ranges) -> Lay | None:
    """Scales or zero points, so many for each row one behind the other, or in rows of their own."""
    if not asked.has(i):
        return WHOLE
    shape = asked.shape(i)
    if not shape or shape[0] is None or shape[0] % rows:
        return None
    found = scaled(ranges, shape[0] // rows)
    return Split(0, found) if found else None


def quantized(asked: Asked) -> Answer:
    """DequantizeLinear and QuantizeLinear: scales of an axis go with it, those of blocks where these stay whole."""
    split, shape = asked.split(), asked.shape(0)
    if split is None or shape is None:
        return NO_RULE
    wants: dict[int, Lay] = {0: split}
    for i in (1, 2):
        own = asked.shape(i)
        if own is None:
            if asked.has(i):
                return UNKNOWN
            continue
        if len(own) == 1 and own[0] != 1 and split.axis == asked.attr("axis", 1) % len(shape):
            wants[i] = split.along(0)
        elif len(own) == len(shape) and len(own) > 1:
            part = _of_blocks(split, own[split.axis], shape[split.axis])
            if part is None:
                return "blocks of one scale would be cut"
            wants[i] = part
    return asked.held(wants, split)


def _of_blocks(split: Split, blocks: int | None, size: int | None) -> Lay | None:
    if not blocks or not size or size % blocks:
        return None
    found = scaled(split.ranges, blocks, size)
    return Split(split.axis, found) if found else None


def mixture(asked: Asked) -> Answer:
    """onnxruntime's MoE: some experts, or a part of the inner columns of every one, so that results are summands."""
    if "expert" in asked.ways:
        return mixture_by_experts(asked)
    up, down = asked.shape(2), asked.shape(4)
    if not asked.ways & {"column", "row", "combine"} or up is None or down is None:
        return NO_RULE
    size = down[2]
    if asked.proto.op_type != "MoE" or size is None or up[1] != size or size < asked.ranks:
        return "its weights are packed in a way that has no rule"
    ranges: Ranges = tuple(((size * r // asked.ranks, size * (r + 1) // asked.ranks),) for r in range(asked.ranks))
    part = Split(1, ranges)
    wants: dict[int, Lay] = {2: part, 3: part, 4: Split(2, ranges), 6: part, 7: part}
    more: dict[str, Any] = {"first": frozenset({5})} if asked.has(5) else {}
    return asked.held(wants, SUM, **more)


RULES: dict[str, Rule] = {
    "MatMul": matmul,
    "FusedMatMul": matmul,
    "Gemm": gemm,
    "Conv": conv,
    "MatMulInteger": integers,
    "DynamicQuantizeMatMul": integers,
    "MatMulIntegerToFloat": integers,
    "MatMulNBits": nbits,
    "DequantizeLinear": quantized,
    "QuantizeLinear": quantized,
    "DynamicQuantizeLinear": whole_scale,
    "MoE": mixture,
    "QMoE": mixture,
}
"""The rules of this file, by op type."""
