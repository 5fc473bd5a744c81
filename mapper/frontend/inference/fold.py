"""Evaluates nodes whose inputs are known numbers, with the reference implementations of ONNX."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx.reference.op_run import OpRun
from onnx.reference.ops._op_list import load_op

from mapper.frontend.facts import LIMIT, Array, Fact, Known, Node, numpy_type

RANDOM = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
)
_SHAPE_FROM_DATA = frozenset({"NonZero", "Unique", "Compress", "Range", "ConstantOfShape", "TopK", "Tile", "OneHot"})
_FIRST = {"DequantizeLinear": 19}
"""The first opset of which onnx has an implementation, where older ones mean the same."""

_EXTERNAL = onnx.TensorProto.EXTERNAL

_FAILURES = (
    ValueError, TypeError, IndexError, KeyError, AttributeError, NotImplementedError, RuntimeError, ArithmeticError,
    AssertionError, np.exceptions.AxisError,
)  # fmt: skip
"""What a reference implementation may raise on numbers it does not take; the result is then known by shape only."""


def evaluate(node: Node, inputs: Sequence[Fact | None], outputs: Sequence[Fact], opset: int) -> tuple[Fact, ...]:
    """The outputs with their numbers where these follow and are few; `outputs` are the facts without numbers."""
    if node.domain or node.has_subgraph or node.op_type in RANDOM or _reads_files(node):
        return tuple(outputs)
    if node.op_type in ("Shape", "Size"):
        return _shape_of(node, inputs, outputs)
    if any(f is not None and f.data is None for f in inputs):
        return tuple(outputs)
    small = all(f.shape is not None and f.elements <= LIMIT for f in outputs)
    if not small and (node.op_type not in _SHAPE_FROM_DATA or any(f.shape is not None for f in outputs)):
        return tuple(outputs)
    results = run(node, [None if f is None else f.data for f in inputs], opset)
    if results is None or len(results) < len(outputs):
        return tuple(outputs)
    return tuple(_with_data(fact, result) for fact, result in zip(outputs, results, strict=False))


def _reads_files(node: Node) -> bool:
    """Whether a tensor among the attributes has its numbers in another file, which the implementations would open."""
    return any(a.HasField("t") and a.t.data_location == _EXTERNAL for a in node.proto.attribute)


def _shape_of(node: Node, inputs: Sequence[Fact | None], outputs: Sequence[Fact]) -> tuple[Fact, ...]:
    """Shape and Size follow from the shape alone, whatever the numbers are."""
    data, out = inputs[0], outputs[0]
    if data is None or data.shape is None:
        return tuple(outputs)
    known = max(data.known, Known.SHAPES)
    if node.op_type == "Size":
        return (Fact(out.elem, (), np.array(data.elements, dtype=np.int64), known),)
    part = data.shape[node.attr("start", 0) : node.attr("end")]
    return (Fact(out.elem, (len(part),), np.array(part, dtype=np.int64), known),)


def run(node: Node, arrays: list[Array | None], opset: int) -> tuple[Any, ...] | None:
    """What the reference implementation makes of numbers; None where it does not take them."""
    parameters = {"log": lambda *_: None, "opsets": {"": opset}, "verbose": 0, "new_ops": None}
    try:
        implementation = load_op("", node.op_type, max(opset, _FIRST.get(node.op_type, 0)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runner = implementation(node.proto, parameters)
            if not isinstance(runner, OpRun):
                return None
            return tuple(runner.run(*arrays))  # type: ignore[no-untyped-call]
    except _FAILURES:
        return None


def _with_data(fact: Fact, result: object) -> Fact:
    if not isinstance(result, (np.ndarray, np.generic)):
        return fact
    array = np.asarray(result)
    if array.size > LIMIT or (fact.shape is not None and array.shape != fact.shape):
        return fact
    elem = fact.elem
    if array.dtype != object:
        elem = elem or onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
        array = array.astype(numpy_type(elem), copy=False)
    return Fact(elem, array.shape, array, fact.known)
