"""Small integer vectors of which some elements are known: carried through the operators that shapes are made with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx

from mapper.frontend.facts import Array, Fact, Known, Node, Parts, numpy_type
from mapper.frontend.inference.fold import run

_MOST = 64
"""Elements of such a vector; shapes have few."""
_INTEGERS = frozenset({onnx.TensorProto.INT64, onnx.TensorProto.INT32})
_CARRIES = frozenset(
    {"Add", "Cast", "Concat", "Div", "Flatten", "Gather", "Identity", "Mul", "Reshape", "Slice", "Squeeze", "Sub",
     "Unsqueeze"}
)  # fmt: skip
_STAND_INS = (1, 1_000_003)
"""Two numbers in place of those unknown: what comes out alike does not depend on them."""


def with_parts(node: Node, inputs: Sequence[Fact | None], outputs: Sequence[Fact], opset: int) -> tuple[Fact, ...]:
    """The output with those of its elements that follow, if some inputs are known in part and all others whole."""
    if node.op_type not in _CARRIES or node.domain or len(outputs) != 1:
        return tuple(outputs)
    out, joins = outputs[0], node.op_type == "Concat"
    small = out.data is None and out.elem in _INTEGERS and out.shape is not None and 0 < out.elements <= _MOST
    present = [f for f in inputs if f is not None]
    if not small or not any(f.parts or (joins and f.data is not None) for f in present):
        return tuple(outputs)
    if not all(f.data is not None or f.parts or (joins and f.shape is not None) for f in present):
        return tuple(outputs)
    results = [run(node, [None if f is None else _filled(f, number) for f in inputs], opset) for number in _STAND_INS]
    if any(not found or np.shape(found[0]) != out.shape for found in results):
        return tuple(outputs)
    one, other = (np.asarray(found[0]).reshape(-1).tolist() for found in results if found)
    return (_fact(out, tuple(a if a == b else None for a, b in zip(one, other, strict=True))),)


def _filled(fact: Fact, number: int) -> Array:
    """The numbers of an input, with one number in place of each that is unknown."""
    if fact.data is not None:
        return fact.data
    parts = fact.parts or (None,) * fact.elements
    found = np.array([number if p is None else p for p in parts], dtype=numpy_type(fact.elem))
    return found.reshape(fact.shape or ())


def _fact(out: Fact, parts: Parts) -> Fact:
    if None in parts:
        return Fact(out.elem, out.shape, None, out.known, parts if any(p is not None for p in parts) else None)
    data = np.array(parts, dtype=numpy_type(out.elem)).reshape(out.shape or ())
    return Fact(out.elem, out.shape, data, max(out.known, Known.SHAPES))
