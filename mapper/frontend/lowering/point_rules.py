"""How to compute an operator's output at a few of its elements, for the operators that make masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mapper.frontend.facts import Node
from mapper.frontend.file.tensors import tensor_fact
from mapper.frontend.lowering.points import DENSE, Index, Numbers, Points, Rule, size_at


def _clip(points: Points, node: Node, index: Index) -> Numbers:
    low, high = (
        points.at(node.inputs[i], ()) if len(node.inputs) > i and node.inputs[i] else np.asarray(limit)
        for i, limit in ((1, -np.inf), (2, np.inf))
    )
    return np.asarray(np.clip(points.at(node.inputs[0], index), low, high))


def _cast(points: Points, node: Node, index: Index) -> Numbers:
    elem, found = points.facts[node.outputs[0]].elem, points.at(node.inputs[0], index)
    if elem == onnx.TensorProto.BOOL:
        return np.asarray(found != 0, dtype=np.float64)
    return found if elem in _FLOATS else np.asarray(np.trunc(found))


_FLOATS = frozenset({
    onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE,
})  # fmt: skip


def broadcast(index: Index, shape: tuple[int, ...]) -> Index:
    """Where a value of this shape is read when the value that it is broadcast to is read at `index`."""
    last = index[len(index) - len(shape) :]
    return tuple(np.zeros_like(i) if size == 1 else i for i, size in zip(last, shape, strict=True))


def _function(compute: Callable[..., Any]) -> Rule:
    def rule(points: Points, node: Node, index: Index) -> Numbers:
        given = [points.at(n, broadcast(index, points.shape(n))) for n in node.inputs if n]
        with np.errstate(all="ignore"):
            return np.asarray(compute(*given), dtype=np.float64)

    return rule


def _view(points: Points, node: Node, index: Index) -> Numbers:
    before, after = points.shape(node.inputs[0]), points.shape(node.outputs[0])
    if not before or not after:
        return points.at(node.inputs[0], tuple(np.zeros((), dtype=np.int64) for _ in before))
    flat = np.ravel_multi_index(np.broadcast_arrays(*index), after)
    return points.at(node.inputs[0], tuple(np.unravel_index(flat, before)))


def _transpose(points: Points, node: Node, index: Index) -> Numbers:
    perm = node.attr("perm") or range(len(index) - 1, -1, -1)
    turned = list(index)
    for to, source in enumerate(perm):
        turned[source] = index[to]
    return points.at(node.inputs[0], tuple(turned))


def _kept(points: Points, node: Node, index: Index) -> Numbers:
    """Quantised and taken back, a mask hides what it hid."""
    return points.at(node.inputs[0], index)


def _quantized(compute: Callable[..., Any]) -> Rule:
    """A contrib operator of two quantised operands, each followed by its scale and zero point."""

    def rule(points: Points, node: Node, index: Index) -> Numbers:
        given = [points.at(n, broadcast(index, points.shape(n))) for n in (node.inputs[0], node.inputs[3])]
        return np.asarray(compute(*given))

    return rule


def _expand(points: Points, node: Node, index: Index) -> Numbers:
    return points.at(node.inputs[0], broadcast(index, points.shape(node.inputs[0])))


def _slice(points: Points, node: Node, index: Index) -> Numbers:
    shape = points.shape(node.inputs[0])
    starts, axes = node.attr("starts") or points.numbers(node, 1), node.attr("axes") or points.numbers(node, 3)
    steps = points.numbers(node, 4) or [1] * len(starts or ())
    if starts is None:
        return np.zeros(size_at(index))
    turned = list(index)
    for axis, start, step in zip(axes or range(len(starts)), starts, steps, strict=False):
        first = start + shape[axis] if start < 0 else start
        first = min(max(first, 0), shape[axis] - 1 if step < 0 else shape[axis])
        turned[axis] = np.clip(first + step * index[axis], 0, shape[axis] - 1)
    return points.at(node.inputs[0], tuple(turned))


def _concat(points: Points, node: Node, index: Index) -> Numbers:
    axis = node.attr("axis", 0) % len(index)
    found = np.zeros(size_at(index))
    start = 0
    for name in node.inputs:
        size = points.shape(name)[axis]
        if size:
            inside = np.clip(index[axis] - start, 0, size - 1)
            part = points.at(name, (*index[:axis], inside, *index[axis + 1 :]))
            found = np.where((index[axis] >= start) & (index[axis] < start + size), part, found)
        start += size
    return found


def _gather(points: Points, node: Node, index: Index) -> Numbers:
    data, places = points.shape(node.inputs[0]), points.shape(node.inputs[1])
    axis = node.attr("axis", 0) % len(data)
    after = axis + len(places)
    picked = _whole_number(points.at(node.inputs[1], index[axis:after]), data[axis])
    return points.at(node.inputs[0], (*index[:axis], picked, *index[after:]))


def _gather_elements(points: Points, node: Node, index: Index) -> Numbers:
    data = points.shape(node.inputs[0])
    axis = node.attr("axis", 0) % len(data)
    picked = _whole_number(points.at(node.inputs[1], index), data[axis])
    return points.at(node.inputs[0], (*index[:axis], picked, *index[axis + 1 :]))


def _gather_nd(points: Points, node: Node, index: Index) -> Numbers:
    data, places = points.shape(node.inputs[0]), points.shape(node.inputs[1])
    batch, leading = node.attr("batch_dims", 0), len(places) - 1
    picked = [
        _whole_number(points.at(node.inputs[1], (*index[:leading], np.full_like(index[0], i))), data[batch + i])
        for i in range(places[-1])
    ]
    return points.at(node.inputs[0], (*index[:batch], *picked, *index[leading:]))


def _whole_number(found: Numbers, size: int) -> NDArray[np.int64]:
    """Indices into a dim of that size; negative ones count from its end."""
    whole = np.nan_to_num(found).astype(np.int64)
    return np.clip(np.where(whole < 0, whole + size, whole), 0, size - 1)


def _trilu(points: Points, node: Node, index: Index) -> Numbers:
    above = (points.numbers(node, 1) or [0])[0]
    distance = index[-1] - index[-2]
    kept = distance >= above if node.attr("upper", 1) else distance <= above
    return np.where(kept, points.at(node.inputs[0], index), 0.0)


def _range(points: Points, node: Node, index: Index) -> Numbers:
    start, step = points.at(node.inputs[0], ()), points.at(node.inputs[2], ())
    return np.asarray(start + index[0] * step)


def _constant(points: Points, node: Node, index: Index) -> Numbers:
    value = node.attr("value")
    if value is None:
        return np.zeros(size_at(index))
    filled = tensor_fact(value).data
    if filled is None:  # its number lies in another file, which is never opened
        raise ValueError("the value is not in the file")
    return np.full(size_at(index), float(filled.reshape(-1)[0]))


def _eye(points: Points, node: Node, index: Index) -> Numbers:
    return np.asarray(index[1] - index[0] == node.attr("k", 0), dtype=np.float64)


def _tile(points: Points, node: Node, index: Index) -> Numbers:
    shape = points.shape(node.inputs[0])
    return points.at(node.inputs[0], tuple(i % size for i, size in zip(index, shape, strict=True)))


def _cumulative(points: Points, node: Node, index: Index) -> Numbers:
    if points.facts[node.inputs[0]].elements > DENSE:
        return np.zeros(size_at(index))
    axis = (points.numbers(node, 1) or [0])[0]
    return np.asarray(np.cumsum(points.whole(node.inputs[0]), axis)[index])


def _reduction(compute: Callable[..., Any]) -> Rule:
    def rule(points: Points, node: Node, index: Index) -> Numbers:
        shape = points.shape(node.inputs[0])
        if points.facts[node.inputs[0]].elements > DENSE:
            return np.zeros(size_at(index))
        axes = node.attr("axes") or points.numbers(node, 1) or range(len(shape))
        kept = bool(node.attr("keepdims", 1))
        found = compute(points.whole(node.inputs[0]), axis=tuple(a % len(shape) for a in axes), keepdims=kept)
        return np.asarray(found[index])

    return rule


def _scatter_nd(points: Points, node: Node, index: Index) -> Numbers:
    """Small tensors are written as told; of large ones it is assumed that what is written was there."""
    data, places, updates = node.inputs[:3]
    if (
        max(points.facts[n].elements for n in (data, places, updates)) > DENSE
        or node.attr("reduction", "none") != "none"
    ):
        return points.at(data, index)
    found = points.whole(data).copy()
    where = np.moveaxis(points.whole(places).astype(np.int64), -1, 0)
    found[tuple(_whole_number(w, size) for w, size in zip(where, found.shape, strict=False))] = points.whole(updates)
    return np.asarray(found[index])


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Abs": np.abs, "Add": np.add, "And": np.logical_and, "BitwiseNot": lambda a: 1 - a, "Ceil": np.ceil,
    "BitwiseAnd": lambda a, b: a.astype(np.int64) & b.astype(np.int64),
    "BitwiseOr": lambda a, b: a.astype(np.int64) | b.astype(np.int64),
    "Div": np.divide, "Equal": np.equal, "Exp": np.exp, "Floor": np.floor, "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal, "IsInf": np.isinf, "IsNaN": np.isnan, "Less": np.less,
    "LessOrEqual": np.less_equal, "Log": np.log, "Max": lambda *x: np.stack(np.broadcast_arrays(*x)).max(0),
    "Min": lambda *x: np.stack(np.broadcast_arrays(*x)).min(0),
    "Mod": lambda a, b: np.mod(a, np.where(b == 0, 1, b)), "Mul": np.multiply, "Neg": np.negative,
    "Not": np.logical_not, "Or": np.logical_or, "Pow": np.power, "Reciprocal": np.reciprocal,
    "Relu": lambda x: np.maximum(x, 0), "Round": np.round, "Sign": np.sign, "Sqrt": np.sqrt, "Sub": np.subtract,
    "Sum": lambda *x: sum(x), "Tanh": np.tanh, "Where": lambda c, a, b: np.where(c != 0, a, b),
    "Xor": np.logical_xor,
}  # fmt: skip

_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "ReduceMax": np.max, "ReduceMin": np.min, "ReduceSum": np.sum, "ReduceProd": np.prod, "ReduceMean": np.mean,
}  # fmt: skip

RULES: Mapping[str, Rule] = {
    **{name: _function(compute) for name, compute in _FUNCTIONS.items()},
    **{name: _reduction(compute) for name, compute in _REDUCTIONS.items()},
    **dict.fromkeys(("Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Dropout"), _view),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), _kept),
    "QLinearAdd": _quantized(np.add), "QLinearMul": _quantized(np.multiply),
    "Cast": _cast, "CastLike": _cast, "Clip": _clip, "Concat": _concat, "ConstantOfShape": _constant,
    "CumSum": _cumulative, "Expand": _expand, "EyeLike": _eye, "Gather": _gather,
    "GatherElements": _gather_elements, "GatherND": _gather_nd, "Range": _range, "ScatterND": _scatter_nd,
    "Slice": _slice, "Tile": _tile, "Transpose": _transpose, "Trilu": _trilu,
}  # fmt: skip
"""By operator; the output of any other counts as zero."""
