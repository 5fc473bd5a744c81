"""What reordered sums may change in the results of a model: the bound of a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod, sqrt
from pathlib import Path

import onnx

_UNIT = {"double": 2.0**-53, "float": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
"""Half the distance from 1 to the next number (IEEE 754; bfloat16 has 8 bits)."""

_STEP = 2.0**-8
"""Half a step of eight bits over the largest number: what quantising rounds away."""

_CONFIDENCE = 4.0

WIDEST = 0.05
"""No bound is wider: one near 1 would call anything the same."""


def rounding_bound(models: Iterable[Path]) -> float:
    """What reordered sums may change, relative to the largest number of a result.

    Roundings of random sign add up like a random walk: n of them to sqrt(n) u with overwhelming probability times a
    small constant (Higham and Mary, A new approach to probabilistic rounding error analysis, SIAM J. Sci. Comput.
    41(5), 2019, Theorem 2.4; constant 4). Sums of k products, one after the other in N nodes, are in f32 or wider:
    sqrt(N k) u; every node rounds its result once more to the shortest type of the file: sqrt(N) u'; what is quantised
    while it runs may end on the next step: sqrt(Q) / 256. It assumes that layers do not amplify an error, which is so
    for trained models with norms. At most `WIDEST`: where a file has so many short roundings that they may really add
    up to more, the results are told to differ, and the user has to say what is allowed.
    """
    bound = 0.0
    for path in models:
        model = _loaded(path)
        nodes = _nodes(model)
        quantised = sum(map(_quantises, nodes))
        types = _types(model, nodes)
        inner = _UNIT["double"] if types == {"double"} else _UNIT["float"]
        stored = max((_UNIT[t] for t in types), default=_UNIT["float"])
        found = sqrt(len(nodes) * longest_sum(model)) * inner + sqrt(len(nodes)) * stored + sqrt(quantised) * _STEP
        bound = max(bound, _CONFIDENCE * found)
    return min(bound, WIDEST)


def has_short_floats(models: Iterable[Path]) -> bool:
    """Whether a file has floats of 16 bits."""
    return any(_types(m, _nodes(m)) & {"float16", "bfloat16"} for m in map(_loaded, models))


def _loaded(path: Path) -> onnx.ModelProto:
    return onnx.load(str(path), load_external_data=False)


def _nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    return [*model.graph.node, *(n for f in model.functions for n in f.node)]


def _quantises(node: onnx.NodeProto) -> bool:
    """Whether a node rounds to eight bits while it runs: what it reads, or what it makes. onnxruntime's MatMulNBits
    does so inside where its `accuracy_level` is 4."""
    if node.op_type == "MatMulNBits":
        return any(a.name == "accuracy_level" and a.i == 4 for a in node.attribute)
    return any(word in node.op_type for word in ("Quantize", "Integer", "QLinear"))


def _types(model: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]) -> set[str]:
    """Float types of weights, inputs, and what is cast to."""
    codes = {t.data_type for t in model.graph.initializer}
    codes |= {i.type.tensor_type.elem_type for i in model.graph.input}
    codes |= {a.i for n in nodes if n.op_type == "Cast" for a in n.attribute if a.name == "to"}
    return {onnx.TensorProto.DataType.Name(c).lower() for c in codes} & _UNIT.keys()


_OPERANDS = {"MatMul": (0, 1), "MatMulInteger": (0, 1), "QLinearMatMul": (0, 3), "Gemm": (0, 1)}
_FILTERS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3, "ConvTranspose": 1}
_ALIKE = frozenset({"Identity", "Cast", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"})
_READ_BY_ROW = frozenset({"Gather", "GatherND", "GatherElements"})
Dims = Sequence[int]


def longest_sum(model: onnx.ModelProto) -> int:
    """The most products that a sum over a weight of the main graph has: the contracted side of a matrix, the window of
    a filter; for operators not known here the longer side of a matrix."""
    shapes: dict[str, Dims] = {t.name: tuple(t.dims) for t in model.graph.initializer}
    sums = [1]
    for node in model.graph.node:
        found = [shapes.get(name, ()) for name in node.input]
        if node.op_type in _ALIKE | {"Transpose"}:
            shapes[node.output[0]] = _turned(node, found[0])
        elif node.op_type not in _READ_BY_ROW:
            sums += _sums(node, found)
    return max(sums)


def _turned(node: onnx.NodeProto, dims: Dims) -> Dims:
    if node.op_type != "Transpose" or not dims:
        return dims
    order = next((a.ints for a in node.attribute if a.name == "perm"), None)
    return tuple(dims[k] for k in order) if order else tuple(reversed(dims))


def _sums(node: onnx.NodeProto, dims: Sequence[Dims]) -> list[int]:
    """Products of a sum over each weight that a node reads. dims: of its inputs, () for what is no weight."""
    if node.op_type in _FILTERS:
        weight = dims[_FILTERS[node.op_type]]
        free = 1 if node.op_type == "ConvTranspose" else 0  # the axis of its outputs
        return [prod(weight) // max(1, weight[free])] if weight else []
    if node.op_type in _OPERANDS:
        a, b = (dims[k] for k in _OPERANDS[node.op_type])
        flags: Mapping[str, int] = {k.name: k.i for k in node.attribute}
        left = a[-2 if flags.get("transA") else -1] if len(a) > 1 else prod(a)
        right = b[-1 if flags.get("transB") else -2] if len(b) > 1 else prod(b)
        return [left, right]
    return [max(d[-2:]) for d in dims if len(d) > 1]
