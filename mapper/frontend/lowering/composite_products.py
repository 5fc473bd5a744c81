"""Products whose operands lie otherwise than numpy wants them: blocks, blobs, gated pairs, a batch in the middle."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from mapper.frontend.inference.rules_matmul import fused_operands
from mapper.frontend.lowering.composite_parts import BITS, Parts, Store, columns_of, type_of
from mapper.frontend.lowering.known import size_of
from mapper.hw.work import DType
from mapper.ir.graph import Value


def store_blocks(store: Store, weight: str, n: int, k: int, bits: int) -> None:
    """A block-quantised weight [n, blocks, bytes] is the matrix [n, k] in so many bits."""
    store.stored[weight] = Value(weight, (n, k), BITS.get(bits, DType.I4), store.value(weight).role)


def _normed(parts: Parts, skip: int, scale: int, total: str) -> str:
    """The input after the norm that the node holds, if it holds one."""
    if not parts.input(scale):
        return parts.input(0)
    data = parts.store.value(parts.input(0))
    out = parts.between("normed", data.shape, data.dtype)
    results = (out, "", "", total) if total else (out,)
    width = size_of(parts.store, [s[-1] for s in parts.store.shapes(parts.node.inputs[0])])
    epsilon = float(parts.node.attr("epsilon", 1e-5))
    parts.add("norm", "norm", parts.inputs(0, skip, scale), results, width=width, epsilon=epsilon)
    return out


def _block_projection(parts: Parts, suffix: str, data: str, first: int, columns: int, out: str = "") -> str:
    weight, bits = parts.input(first), int(parts.node.attr("bits", 4))
    store_blocks(parts.store, weight, columns, int(parts.node.attr("K", 0)), bits)
    inputs = (data, *parts.inputs(first, first + 1, first + 2))
    return parts.project(suffix, inputs, columns, type_of(parts, 0), out=out, trans_a=0, trans_b=1)


def _gated(parts: Parts) -> None:
    """MatMulNBitsMlp: activation(gate) * up."""
    out, total = (*parts.node.outputs, "")[:2]
    data, columns = _normed(parts, 1, 2, total), int(parts.node.attr("N", 0))
    gate = _block_projection(parts, "gate", data, 3, columns)
    up = _block_projection(parts, "up", data, 6, columns)
    parts.add("", "elementwise", (gate, up), (out,), fn="swiglu")


def _queries_keys_values(parts: Parts) -> None:
    """MatMulNBitsQkv: three projections of one normed input."""
    names = (*parts.node.outputs, "", "", "")[:4]
    data = _normed(parts, 1, 2, names[3])
    queries, others = int(parts.node.attr("Nq", 0)), int(parts.node.attr("Nkv", 0))
    for i, (suffix, columns) in enumerate((("query", queries), ("key", others), ("value", others))):
        if names[i]:
            _block_projection(parts, suffix, data, 3 + 3 * i, columns, names[i])


def batch_first(parts: Parts) -> None:
    """FusedMatMul with transBatch: the batch lies between rows and columns."""
    node = parts.node
    a, b = (parts.store.shapes(n) for n in node.inputs[:2])
    pairs = [fused_operands(node, x, y) for x, y in zip(a, b, strict=True)]
    columns = {
        "batch": [prod(np.broadcast_shapes(x[:-2], y[:-2])) for x, y in pairs],
        "m": [x[-2] for x, _ in pairs],
        "n": [y[-1] for _, y in pairs],
        "k": [x[-1] for x, _ in pairs],
    }
    sizes = {name: size_of(parts.store, column) for name, column in columns.items()}
    parts.add("", "matmul", parts.inputs(0, 1), node.outputs, **sizes, alpha=float(node.attr("alpha", 1.0)))


def _packed_weight(parts: Parts) -> None:
    """MatMulFpQ4: the weight is a blob of 4-bit blocks; its shape is an input."""
    k = parts.store.shapes(parts.node.inputs[0])[0][-1]
    n = parts.store.shapes(parts.node.outputs[0])[0][-1]
    weight = parts.input(1)
    parts.store.stored[weight] = Value(weight, (k, n), DType.I4, parts.store.value(weight).role)
    parts.add("", "matmul", (parts.input(0), weight), parts.node.outputs, trans_a=0, trans_b=0)


def _narrow_weight(parts: Parts) -> None:
    """MatMulBlockQuantizedFp4Weight: two numbers in a byte."""
    n = columns_of(parts, 1, 0)
    weight = parts.input(1)
    shape = (n, 2 * columns_of(parts, 1))
    parts.store.stored[weight] = Value(weight, shape, DType.I4, parts.store.value(weight).role)
    parts.add("", "matmul", parts.inputs(*range(len(parts.node.inputs))), parts.node.outputs, trans_a=0, trans_b=1)


PRODUCTS: dict[str, Callable[[Parts], None]] = {
    "MatMulBlockQuantizedFp4Weight": _narrow_weight,
    "MatMulFpQ4": _packed_weight,
    "MatMulNBitsMlp": _gated,
    "MatMulNBitsQkv": _queries_keys_values,
}
"""By operator of com.microsoft."""
