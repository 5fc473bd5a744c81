"""Shape rules of operators that onnx has no schema for: those of com.microsoft and of onnxruntime's optimizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
import onnx

from mapper.frontend.facts import Fact, Node
from mapper.ir.graph import Shape

_I32, _I64, _U8, _F32 = (
    onnx.TensorProto.INT32, onnx.TensorProto.INT64, onnx.TensorProto.UINT8, onnx.TensorProto.FLOAT,
)  # fmt: skip

Typed = tuple[int, Shape]
"""Element type and shape of an output."""

Inputs = Sequence[Fact | None]


class RuleError(ValueError):
    """Why a rule cannot tell the shape of an output."""


def shape_at(inputs: Inputs, index: int) -> Shape | None:
    """The shape of an input; None if it is omitted."""
    fact = inputs[index] if index < len(inputs) else None
    return None if fact is None else fact.shape


def _need(inputs: Inputs, index: int) -> Fact:
    fact = inputs[index] if index < len(inputs) else None
    if fact is None or fact.shape is None:
        raise RuleError(f"input {index} is missing")
    return fact


def _shape(inputs: Inputs, index: int) -> Shape:
    shape = _need(inputs, index).shape
    assert shape is not None
    return shape


def _same(node: Node, inputs: Inputs) -> list[Typed]:
    data = _need(inputs, 0)
    return [(data.elem, _shape(inputs, 0))] * max(len(node.outputs), 1)


def _skip_norm(node: Node, inputs: Inputs) -> list[Typed]:
    elem, shape = _need(inputs, 0).elem, _shape(inputs, 0)
    rows = (*shape[:-1], 1)
    return [(elem, shape), (_F32, rows), (_F32, rows), (elem, shape)]


def _norm(node: Node, inputs: Inputs) -> list[Typed]:
    elem, shape = _need(inputs, 0).elem, _shape(inputs, 0)
    axis = int(node.attr("axis", -1)) % max(len(shape), 1)
    rows = (*shape[:axis], *(1 for _ in shape[axis:]))
    return [(elem, shape), (_F32, rows), (_F32, rows)]


def _embed_norm(node: Node, inputs: Inputs) -> list[Typed]:
    batch, seq = _shape(inputs, 0)
    table = _need(inputs, 2)
    out = (batch, seq, _shape(inputs, 2)[-1])
    return [(table.elem, out), (_I32, (batch,)), (table.elem, out)]


def _broadcast(a: Shape, b: Shape) -> Shape:
    try:
        return tuple(np.broadcast_shapes(a, b))
    except ValueError:
        raise RuleError(f"{list(a)} and {list(b)} do not broadcast") from None


def _product(a: Shape, b: Shape) -> Shape:
    if a[-1] != b[-2]:
        raise RuleError(f"inner sizes differ: {a[-1]} and {b[-2]}")
    return (*_broadcast(a[:-2], b[:-2]), a[-2], b[-1])


def _swap(shape: Shape, swapped: int) -> Shape:
    return (*shape[:-2], shape[-1], shape[-2]) if swapped else shape


def _fused_matmul(node: Node, inputs: Inputs) -> list[Typed]:
    a = _swap(_shape(inputs, 0), node.attr("transA", 0))
    b = _swap(_shape(inputs, 1), node.attr("transB", 0))
    if node.attr("transBatchA", 0) or node.attr("transBatchB", 0):
        raise RuleError("transBatchA and transBatchB are not supported")
    return [(_need(inputs, 0).elem, _product(a, b))]


def _float_matmul(node: Node, inputs: Inputs) -> list[Typed]:
    return [(_F32, _product(_shape(inputs, 0), _shape(inputs, 1)))]


def _matmul_bits(node: Node, inputs: Inputs) -> list[Typed]:
    k, n = int(node.attr("K", 0)), int(node.attr("N", 0))
    shape = _shape(inputs, 0)
    if shape[-1] != k:
        raise RuleError(f"inner sizes differ: {shape[-1]} and K = {k}")
    return [(_need(inputs, 0).elem, (*shape[:-1], n))]


def _gather_block(node: Node, inputs: Inputs) -> list[Typed]:
    data, indices = _shape(inputs, 0), _shape(inputs, 1)
    per_byte = 8 // int(node.attr("bits", 4)) if _need(inputs, 0).elem == _U8 else 1
    data = (*data[:-1], data[-1] * per_byte)
    axis = int(node.attr("gather_axis", 0)) % len(data)
    return [(_need(inputs, 2).elem, (*data[:axis], *indices, *data[axis + 1 :]))]


def _self_attention(node: Node, inputs: Inputs) -> list[Typed]:
    elem = _need(inputs, 0).elem
    batch, seq, _ = _shape(inputs, 0)
    columns = _shape(inputs, 1)[1]
    heads = int(node.attr("num_heads", 1))
    sizes = node.attr("qkv_hidden_sizes") or (columns // 3,) * 3
    past = shape_at(inputs, 4)
    length = seq + (past[3] if past else 0)
    return [(elem, (batch, seq, sizes[2])), (elem, (2, batch, heads, length, sizes[1] // heads))]


def _multi_head(node: Node, inputs: Inputs) -> list[Typed]:
    elem, query = _need(inputs, 0).elem, _shape(inputs, 0)
    key, value, past = shape_at(inputs, 1), shape_at(inputs, 2), shape_at(inputs, 6)
    heads = int(node.attr("num_heads", 1))
    batch, seq = query[0], query[1]
    if key is None:  # query holds all three: [batch, seq, heads, 3, head_dim]
        width, length = query[4], seq
        value_width = width
    elif len(key) == 5:  # key holds key and value: [batch, kv, heads, 2, head_dim]
        width = value_width = key[4]
        length = key[1]
    else:
        width = key[3] if len(key) == 4 else key[2] // heads
        length = key[2] if len(key) == 4 else key[1]
        value_width = width if value is None else value[3] if len(value) == 4 else value[2] // heads
    length += past[2] if past else 0
    present = (batch, heads, length, width)
    return [(elem, (batch, seq, heads * value_width)), (elem, present), (elem, (*present[:3], value_width))]


def grouped_sizes(node: Node, inputs: Inputs) -> tuple[int, int, int, int]:
    """Of GroupQueryAttention: heads, kv heads, head width, length of keys after the call."""
    heads, kv_heads = int(node.attr("num_heads", 1)), int(node.attr("kv_num_heads", 1))
    query, past = _shape(inputs, 0), shape_at(inputs, 3)
    packed = shape_at(inputs, 1) is None
    width = query[2] // (heads + 2 * kv_heads if packed else heads)
    total = inputs[6] if len(inputs) > 6 else None
    if total is not None and total.data is not None and total.data.size == 1:
        return heads, kv_heads, width, int(total.data.reshape(-1)[0])
    return heads, kv_heads, width, query[1] + (past[2] if past else 0)


def _grouped(node: Node, inputs: Inputs) -> list[Typed]:
    elem, query, past = _need(inputs, 0).elem, _shape(inputs, 0), shape_at(inputs, 3)
    heads, kv_heads, width, total = grouped_sizes(node, inputs)
    if past and past[3] != width:
        raise RuleError(f"the cache has head width {past[3]}, the query {width}")
    length = max(total, past[2] if past else 0)  # a shared buffer is as long as its capacity
    present = (query[0], kv_heads, length, width)
    return [(elem, (query[0], query[1], heads * width)), (elem, present), (elem, present)]


def _quantized_lstm(node: Node, inputs: Inputs) -> list[Typed]:
    elem = _need(inputs, 0).elem
    seq, batch, _ = _shape(inputs, 0)
    directions, hidden = _shape(inputs, 1)[0], int(node.attr("hidden_size", 0))
    state = (directions, batch, hidden)
    return [(elem, (seq, *state[:1], *state[1:])), (elem, state), (elem, state)]


def _quantized_binary(node: Node, inputs: Inputs) -> list[Typed]:
    return [(_need(inputs, 0).elem, _broadcast(_shape(inputs, 0), _shape(inputs, 3)))]


def _gated(node: Node, inputs: Inputs) -> list[Typed]:
    shape = _shape(inputs, 0)
    return [(_need(inputs, 0).elem, (*shape[:-1], shape[-1] // 2))]


CONTRIB_RULES: dict[str, Callable[[Node, Inputs], list[Typed]]] = {
    "Attention": _self_attention,
    "BiasGelu": _same,
    "BiasSplitGelu": _gated,
    "DynamicQuantizeLSTM": _quantized_lstm,
    "DynamicQuantizeMatMul": _float_matmul,
    "EmbedLayerNormalization": _embed_norm,
    "FastGelu": _same,
    "FusedMatMul": _fused_matmul,
    "GatherBlockQuantized": _gather_block,
    "Gelu": _same,
    "GemmaRotaryEmbedding": _same,
    "GroupQueryAttention": _grouped,
    "MatMulBnb4": _matmul_bits,
    "MatMulIntegerToFloat": _float_matmul,
    "MatMulNBits": _matmul_bits,
    "MultiHeadAttention": _multi_head,
    "QLinearAdd": _quantized_binary,
    "QLinearLeakyRelu": _same,
    "QLinearMul": _quantized_binary,
    "QLinearSigmoid": _same,
    "QLinearSoftmax": _same,
    "QuickGelu": _same,
    "RotaryEmbedding": _same,
    "SimplifiedLayerNormalization": _norm,
    "SkipGroupNorm": _skip_norm,
    "SkipLayerNormalization": _skip_norm,
    "SkipSimplifiedLayerNormalization": _skip_norm,
}
"""By operator name; used in any domain but only where onnx itself has no schema."""

LIKE_STANDARD = {"FusedConv": "Conv", "FusedGemm": "Gemm", "NhwcMaxPool": "MaxPool"}
"""Operators whose shapes follow the standard operator's rule once the attributes that it lacks are dropped."""


def largest_outputs(node: Node, inputs: Inputs) -> list[Typed] | None:
    """Upper bounds for operators whose output size depends on data; None for all others."""
    data = shape_at(inputs, 0)
    if data is None:
        return None
    elem = _need(inputs, 0).elem
    match node.op_type:
        case "NonZero":
            return [(_I64, (len(data), prod(data)))]
        case "Unique" if node.attr("axis") is None:
            flat = (prod(data),)
            return [(elem, flat), (_I64, flat), (_I64, flat), (_I64, flat)]
        case "Compress":
            axis = node.attr("axis")
            return [(elem, (prod(data),) if axis is None else data)]
        case "NonMaxSuppression":
            scores = _shape(inputs, 1)
            limit = inputs[2] if len(inputs) > 2 else None
            most = int(limit.data.reshape(-1)[0]) if limit is not None and limit.data is not None else data[1]
            return [(_I64, (scores[0] * scores[1] * min(most, data[1]), 3))]
    return None
