"""Shape rules of onnxruntime's matrix products: fused, quantised, block-quantised, mixtures of experts."""

from __future__ import annotations

from mapper.frontend.facts import Node
from mapper.frontend.inference.rule_parts import (
    F32,
    I32,
    U8,
    Inputs,
    Rule,
    RuleError,
    Typed,
    broadcast,
    elem_of,
    integers_at,
    positive,
    product,
    same,
    shape_at,
    shape_of,
    swap,
)  # fmt: skip
from mapper.ir.graph import Shape


def batch_last(shape: Shape) -> Shape:
    """The operand of a FusedMatMul with transBatch: its first dim counts rows, the batch comes after it."""
    return (*shape[1:-1], shape[0], shape[-1])


def fused_operands(node: Node, a: Shape, b: Shape) -> tuple[Shape, Shape]:
    """The operands of FusedMatMul as numpy.matmul wants them."""
    if node.attr("transBatchA", 0) and len(a) > 2:
        a = batch_last(a)
    if node.attr("transBatchB", 0) and len(b) > 2:
        b = batch_last(b)
    return swap(a, node.attr("transA", 0)), swap(b, node.attr("transB", 0))


def _fused(node: Node, inputs: Inputs) -> list[Typed]:
    a, b = fused_operands(node, shape_of(inputs, 0), shape_of(inputs, 1))
    return [(elem_of(inputs, 0), product(a, b))]


def _matmul(elem: int | None = None, *, right: int = 1, elem_from: int = 0) -> Rule:
    """numpy.matmul of the first input and the input `right`."""

    def rule(node: Node, inputs: Inputs) -> list[Typed]:
        out = product(shape_of(inputs, 0), shape_of(inputs, right))
        return [(elem_of(inputs, elem_from) if elem is None else elem, out)]

    return rule


def _gemm(node: Node, inputs: Inputs) -> list[Typed]:
    a, b = swap(shape_of(inputs, 0), node.attr("transA", 0)), swap(shape_of(inputs, 1), node.attr("transB", 0))
    return [(int(node.attr("dtype", 0)) or elem_of(inputs, 0), product(a, b))]


def _quantised_gemm(node: Node, inputs: Inputs) -> list[Typed]:
    a, b = swap(shape_of(inputs, 0), node.attr("transA", 0)), swap(shape_of(inputs, 3), node.attr("transB", 0))
    zero = inputs[8] if len(inputs) > 8 else None
    return [(F32 if zero is None else zero.elem, product(a, b))]


def _sparse(node: Node, inputs: Inputs) -> list[Typed]:
    a, b = swap(shape_of(inputs, 0), node.attr("transA", 0)), swap(shape_of(inputs, 1), node.attr("transB", 0))
    return [(elem_of(inputs, 1), product(a, b))]


def _rows_of(inputs: Inputs, k: int) -> Shape:
    shape = shape_of(inputs, 0)
    if not shape or shape[-1] != k:
        raise RuleError(f"inner sizes differ: {list(shape)} and K = {k}")
    return shape[:-1]


def _blocks(node: Node, inputs: Inputs) -> list[Typed]:
    return [(elem_of(inputs, 0), (*_rows_of(inputs, positive(node, "K")), positive(node, "N")))]


def _blocks4(node: Node, inputs: Inputs) -> list[Typed]:
    """MatMulBnb4: K and N are those of the weight as stored, [N, K]; transB = 0 multiplies by [N, K] itself."""
    k, n = positive(node, "K"), positive(node, "N")
    k, n = (k, n) if node.attr("transB", 1) else (n, k)
    return [(elem_of(inputs, 0), (*_rows_of(inputs, k), n))]


def _packed(node: Node, inputs: Inputs) -> list[Typed]:
    stated = integers_at(inputs, 2)
    if stated is None or len(stated) != 2:
        return [(elem_of(inputs, 0), None)]
    return [(elem_of(inputs, 0), (*_rows_of(inputs, stated[0]), stated[1]))]


def _narrow_float(per_byte: int) -> Rule:
    """A weight [N, K] of narrow floats, `per_byte` of them in a byte."""

    def rule(node: Node, inputs: Inputs) -> list[Typed]:
        n, stored = shape_of(inputs, 1, 2)
        return [(elem_of(inputs, 0), (*_rows_of(inputs, stored * per_byte), n))]

    return rule


def _gated_pair(node: Node, inputs: Inputs) -> list[Typed]:
    """MatMulNBitsMlp: gate and up projection, and the sum that the skip norm hands on."""
    elem, shape = elem_of(inputs, 0), shape_of(inputs, 0)
    return [(elem, (*_rows_of(inputs, positive(node, "K")), positive(node, "N"))), (elem, shape)]


def _three_projections(node: Node, inputs: Inputs) -> list[Typed]:
    elem, rows = elem_of(inputs, 0), _rows_of(inputs, positive(node, "K"))
    wide: Typed = (elem, (*rows, positive(node, "Nq")))
    narrow: Typed = (elem, (*rows, positive(node, "Nkv")))
    return [wide, narrow, narrow, (elem, shape_of(inputs, 0))]


def _ordered(node: Node, inputs: Inputs) -> list[Typed]:
    """QOrderedMatMul: the shapes are the logical ones, whatever the order of storage (0: by column)."""
    return [(elem_of(inputs, 0), product(shape_of(inputs, 0), shape_of(inputs, 2)))]


def _gather_block(node: Node, inputs: Inputs) -> list[Typed]:
    data, indices = shape_of(inputs, 0), shape_of(inputs, 1)
    per_byte = max(8 // positive(node, "bits", 4), 1) if elem_of(inputs, 0) == U8 else 1
    data = (*data[:-1], data[-1] * per_byte)
    axis = int(node.attr("gather_axis", 0)) % len(data)
    return [(elem_of(inputs, 2), (*data[:axis], *indices, *data[axis + 1 :]))]


def _quantised_rnn(node: Node, inputs: Inputs) -> list[Typed]:
    elem = elem_of(inputs, 0)
    seq, batch, _ = shape_of(inputs, 0, 3)
    directions, hidden = shape_of(inputs, 1)[0], positive(node, "hidden_size", 0)
    state = (directions, batch, hidden)
    return [(elem, (seq, *state)), (elem, state), (elem, state)]


def _distances(node: Node, inputs: Inputs) -> list[Typed]:
    (m, width), (k, other) = shape_of(inputs, 0, 2), shape_of(inputs, 1, 2)
    if width != other:
        raise RuleError(f"widths differ: {width} and {other}")
    return [(elem_of(inputs, 0), (m, k))]


def _word_convolution(node: Node, inputs: Inputs) -> list[Typed]:
    filters = int(node.attr("embedding_size", 0)) or shape_of(inputs, 1)[0]
    return [(elem_of(inputs, 1), (*shape_of(inputs, 0)[:-1], filters))]


def _quantised_binary(node: Node, inputs: Inputs) -> list[Typed]:
    return [(elem_of(inputs, 0), broadcast(shape_of(inputs, 0), shape_of(inputs, 3)))]


def _multiply_integer(node: Node, inputs: Inputs) -> list[Typed]:
    right = 2 if len(inputs) > 2 and shape_at(inputs, 2) is not None else 1
    return [(I32, broadcast(shape_of(inputs, 0), shape_of(inputs, right)))]


MATMUL_RULES: dict[str, Rule] = {
    "AttnLSTM": _quantised_rnn,
    "CDist": _distances,
    "DynamicQuantizeLSTM": _quantised_rnn,
    "DynamicQuantizeMatMul": _matmul(F32),
    "FusedMatMul": _fused,
    "FusedMatMulActivation": _fused,
    "GatherBlockQuantized": _gather_block,
    "GemmFastGelu": _matmul(),
    "GemmFloat8": _gemm,
    "MatMulBlockQuantizedFp4Weight": _narrow_float(2),
    "MatMulBlockQuantizedFp8Weight": _narrow_float(1),
    "MatMulBnb4": _blocks4,
    "MatMulFpQ4": _packed,
    "MatMulInteger16": _matmul(I32),
    "MatMulIntegerToFloat": _matmul(elem_from=2),
    "MatMulNBits": _blocks,
    "MatMulNBitsMlp": _gated_pair,
    "MatMulNBitsQkv": _three_projections,
    "MoE": same,
    "MulInteger": _multiply_integer,
    "QGemm": _quantised_gemm,
    "QLinearAdd": _quantised_binary,
    "QLinearMul": _quantised_binary,
    "QMoE": same,
    "QOrderedMatMul": _ordered,
    "SparseToDenseMatMul": _sparse,
    "TransposeMatMul": _fused,
    "TransposedMatMul": _fused,
    "WordConvEmbedding": _word_convolution,
}
"""By operator of com.microsoft."""
