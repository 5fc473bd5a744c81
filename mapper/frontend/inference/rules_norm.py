"""Shape rules of onnxruntime's norms, embeddings, activations and other operators that keep or halve a shape."""

from __future__ import annotations

from mapper.frontend.facts import Node
from mapper.frontend.inference.rule_parts import (
    BOOL,
    F32,
    I32,
    I64,
    U32,
    Inputs,
    Rule,
    RuleError,
    Typed,
    broadcasting,
    elem_of,
    integers_at,
    like,
    positive,
    reduced,
    same,
    shape_at,
    shape_of,
)  # fmt: skip
from mapper.ir.graph import Shape


def _skip_norm(node: Node, inputs: Inputs) -> list[Typed]:
    elem, shape = elem_of(inputs, 0), shape_of(inputs, 0)
    rows = (*shape[:-1], 1)
    return [(elem, shape), (F32, rows), (F32, rows), (elem, shape)]


def _norm(node: Node, inputs: Inputs) -> list[Typed]:
    shape = shape_of(inputs, 0)
    axis = int(node.attr("axis", -1)) % max(len(shape), 1)
    rows = (*shape[:axis], *(1 for _ in shape[axis:]))
    return [(elem_of(inputs, 1 if len(inputs) > 1 else 0), shape), (F32, rows), (F32, rows)]


def _embed_norm(table_at: int, elem_from: int) -> Rule:
    def rule(node: Node, inputs: Inputs) -> list[Typed]:
        batch, seq = shape_of(inputs, 0, 2)
        elem = elem_of(inputs, elem_from)
        out = (batch, seq, shape_of(inputs, table_at)[-1])
        return [(elem, out), (I32, (batch,)), (elem, out)]

    return rule


def _halved(node: Node, inputs: Inputs) -> list[Typed]:
    shape = shape_of(inputs, 0)
    return [(elem_of(inputs, 0), (*shape[:-1], shape[-1] // 2))]


def _dropout(node: Node, inputs: Inputs) -> list[Typed]:
    """Data and a mask; in the bitmask variants 32 elements share a word."""
    elem, shape = elem_of(inputs, 0), shape_of(inputs, 0)
    if not node.op_type.startswith("Bitmask"):
        return [(elem, shape), (BOOL, shape)]
    count = 1
    for size in shape:
        count *= size
    return [(elem, shape), (U32, (-(-count // 32),))]


def _branches(node: Node, inputs: Inputs) -> list[Typed]:
    """HyperConnectionPreMix sums its streams, grouped [.., C, H] or flattened [.., C * H]."""
    shape = shape_of(inputs, 0)
    count = int(node.attr("num_branches", 0))
    out = (*shape[:-1], shape[-1] // count) if count > 0 else (*shape[:-2], shape[-1])
    return [(elem_of(inputs, 0), out)]


def _reduction(elem: int | None = None) -> Rule:
    def rule(node: Node, inputs: Inputs) -> list[Typed]:
        out = reduced(shape_of(inputs, 0), node.attr("axes") or (), bool(node.attr("keepdims", 1)))
        return [(elem_of(inputs, 0) if elem is None else elem, out)]

    return rule


def _concat(node: Node, inputs: Inputs) -> list[Typed]:
    """QLinearConcat: scale and zero point of the result, then data, scale and zero point of each part."""
    shapes = [shape_of(inputs, i) for i in range(2, len(inputs), 3)]
    if not shapes or not shapes[0]:
        raise RuleError("nothing to join")
    axis = int(node.attr("axis", 0)) % len(shapes[0])
    if len({(*s[:axis], *s[axis + 1 :]) for s in shapes}) > 1:
        raise RuleError(f"shapes {', '.join(str(list(s)) for s in shapes)} differ beside axis {axis}")
    joined = (*shapes[0][:axis], sum(s[axis] for s in shapes), *shapes[0][axis + 1 :])
    return [(elem_of(inputs, 1), joined)]


def _where(node: Node, inputs: Inputs) -> list[Typed]:
    return [(elem_of(inputs, 1), shape) for _, shape in broadcasting(0, 1, 4)(node, inputs)]


def _fourier(node: Node, inputs: Inputs) -> list[Typed]:
    """Rfft adds a last dim for real and imaginary part, Irfft takes it away; `signal_ndim` last dims are the signal."""
    elem, shape = elem_of(inputs, 0), shape_of(inputs, 0)
    onesided = node.attr("onesided", 1)
    if node.op_type == "Rfft":
        last = shape[-1] // 2 + 1 if onesided else shape[-1]
        return [(elem, (*shape[:-1], last, 2))]
    last = (shape[-2] - 1) * 2 if onesided else shape[-2]
    return [(elem, (*shape[:-2], last))]


def _unfold(node: Node, inputs: Inputs) -> list[Typed]:
    shape = shape_of(inputs, 0)
    if not shape:
        return [(elem_of(inputs, 0), shape)]
    axis, size = int(node.attr("dim", -1)) % len(shape), positive(node, "size", 0)
    count = (shape[axis] - size) // positive(node, "step") + 1
    return [(elem_of(inputs, 0), (*shape[:axis], count, *shape[axis + 1 :], size))]


def _expand_dims(node: Node, inputs: Inputs) -> list[Typed]:
    shape, given = shape_of(inputs, 0), integers_at(inputs, 1)
    if given is None:
        return [(elem_of(inputs, 0), None)]
    axis = given[0] % (len(shape) + 1)
    return [(elem_of(inputs, 0), (*shape[:axis], 1, *shape[axis:]))]


def _cropped(node: Node, inputs: Inputs) -> list[Typed]:
    size = integers_at(inputs, 3)
    out = (shape_of(inputs, 1)[0], shape_of(inputs, 0)[1], *size) if size else None
    return [(elem_of(inputs, 0), out)]


def _torch_embedding(node: Node, inputs: Inputs) -> list[Typed]:
    return [(elem_of(inputs, 0), (*shape_of(inputs, 1), shape_of(inputs, 0, 2)[1]))]


def _hash(node: Node, inputs: Inputs) -> list[Typed]:
    return [(U32 if node.attr("positive", 1) else I32, shape_of(inputs, 0))]


def _ngram_hash(node: Node, inputs: Inputs) -> list[Typed]:
    """NGramHashMapping and its packed form: hashes per token and the ids that the next call needs."""
    shape, elem = shape_of(inputs, 0), elem_of(inputs, 0)
    order = positive(node, "max_ngram_size")
    varlen = node.op_type.startswith("Varlen")
    lengths = shape_at(inputs, 3) if varlen else None
    batch = lengths[0] - 1 if lengths else shape[0]
    kept: Shape = (batch, order - 1)
    hashes: Typed = (elem, (*shape, (order - 1) * positive(node, "n_head_per_ngram")))
    update = (batch, int(node.attr("state_update_capacity", 0)), order - 1)
    return [hashes, (elem, kept), (I32, kept), (elem, update)]


def _padding(node: Node, inputs: Inputs) -> list[Typed]:
    """RemovePadding: at most all tokens are real, so the packed output is as long as that."""
    batch, seq, width = shape_of(inputs, 0, 3)
    return [(elem_of(inputs, 0), (batch * seq, width)), (I32, (batch, seq)), (I32, (batch + 1,)), (I32, (1,))]


def _restored(node: Node, inputs: Inputs) -> list[Typed]:
    return [(elem_of(inputs, 0), (*shape_of(inputs, 1, 2), shape_of(inputs, 0, 2)[1]))]


def _block_float(node: Node, inputs: Inputs) -> list[Typed]:
    """QuantizeBFP: bytes whose number depends on the format, and the shape and strides of the input."""
    rank = (len(shape_of(inputs, 0)),)
    return [(2, None), (I64, rank), (I64, rank)]


def _from_block_float(node: Node, inputs: Inputs) -> list[Typed]:
    return [(int(node.attr("dtype", 1)), integers_at(inputs, 1))]


_SAME = (
    "BiasAdd BiasGelu BiasSoftmax BranchwiseRMSNorm ComplexMul ComplexMulConj FastGelu GatedAdd GatedRMSNorm Gelu "
    "GroupNorm HyperConnectionPostMix Inverse MRotaryEmbedding QLinearLeakyRelu QLinearSigmoid QLinearSoftmax "
    "QOrderedGelu QOrderedLayerNormalization QuickGelu RotaryEmbedding SampleOp ScaledSiLU"
)

NORM_RULES: dict[str, Rule] = {
    **dict.fromkeys(_SAME.split(), same),
    "BiasDropout": _dropout,
    "BiasSplitGelu": _halved,
    "BitmaskBiasDropout": _dropout,
    "BitmaskDropout": _dropout,
    "CropAndResize": _cropped,
    "DequantizeBFP": _from_block_float,
    "DequantizeWithOrder": lambda node, inputs: [(int(node.attr("to", 1)), shape_of(inputs, 0))],
    "EmbedLayerNormalization": _embed_norm(2, 2),
    "EngramGate": like(0, 0),
    "ExpandDims": _expand_dims,
    "GemmaRotaryEmbedding": like(1, 3),
    "HyperConnectionPreMix": _branches,
    "Irfft": _fourier,
    "IsAllFinite": lambda node, inputs: [(BOOL, ())],
    "MurmurHash3": _hash,
    "NGramHashMapping": _ngram_hash,
    "NGramRepeatBlock": like(1),
    "QEmbedLayerNormalization": _embed_norm(2, 8),
    "QLinearConcat": _concat,
    "QLinearReduceMean": _reduction(),
    "QLinearWhere": _where,
    "QuantizeBFP": _block_float,
    "QuantizeWithOrder": lambda node, inputs: [(3, shape_of(inputs, 0))],
    "ReduceSumInteger": _reduction(U32),
    "RemovePadding": _padding,
    "RestorePadding": _restored,
    "Rfft": _fourier,
    "SimplifiedLayerNormalization": _norm,
    "SkipGroupNorm": like(0, 0),
    "SkipLayerNormalization": _skip_norm,
    "SkipSimplifiedLayerNormalization": _skip_norm,
    "TorchEmbedding": _torch_embedding,
    "UnfoldTensor": _unfold,
    "VarlenNGramHashMapping": _ngram_hash,
}
"""By operator of com.microsoft."""
