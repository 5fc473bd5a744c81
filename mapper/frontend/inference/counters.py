"""Arithmetic on single numbers, done at once: counters and conditions of unrolled loops differ in every iteration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx

from mapper.frontend.facts import Fact, Node

_SAME: dict[str, Callable[..., Any]] = {"Add": np.add, "Mul": np.multiply, "Sub": np.subtract}
_TRUTH: dict[str, Callable[..., Any]] = {
    "And": np.logical_and,
    "Equal": np.equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Not": np.logical_not,
    "Or": np.logical_or,
}
_UNARY = frozenset({"Not"})


def counted(node: Node, inputs: Sequence[Fact | None]) -> Fact | None:
    """The result of arithmetic or a comparison of single integers or truths; None for all else."""
    truth = _TRUTH.get(node.op_type)
    rule = truth or _SAME.get(node.op_type)
    if rule is None or node.domain or len(inputs) != (1 if node.op_type in _UNARY else 2) or len(node.outputs) != 1:
        return None
    facts = [f for f in inputs if f is not None and f.data is not None and f.data.size == 1]
    if len(facts) < len(inputs) or len({f.elem for f in facts}) > 1:
        return None
    arrays = [f.data for f in facts if f.data is not None]
    if any(a.dtype.kind != ("b" if node.op_type in ("And", "Not", "Or") else "i") for a in arrays):
        return None
    with np.errstate(all="ignore"):
        result = np.asarray(rule(*arrays))
    elem = onnx.TensorProto.BOOL if truth is not None else facts[0].elem
    return Fact(elem, result.shape, result, min(f.known for f in facts))
