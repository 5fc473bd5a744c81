"""What a tiny graph computes, by numpy: the oracle that a rewriting is held to."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from math import erf, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from passes_graph_attention import attention, rope

from mapper.hw.work import DType
from mapper.ir.graph import Graph, Op

Array = NDArray[Any]

FUNCTIONS: dict[str, Any] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "pow": np.power, "neg": np.negative,
    "exp": np.exp, "tanh": np.tanh, "sqrt": np.sqrt, "reciprocal": np.reciprocal, "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "max": np.maximum, "log": np.log,
    "rsqrt": lambda x: 1 / np.sqrt(x), "erf": np.vectorize(erf, otypes=[float]),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "gelu": lambda x: 0.5 * x * (1 + np.vectorize(erf, otypes=[float])(x / np.sqrt(2))),
    "relu_squared": lambda x: np.maximum(x, 0) ** 2,
    "silu": lambda x: x / (1 + np.exp(-x)), "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
}  # fmt: skip

GATES = {"swiglu": "silu", "geglu": "gelu", "reglu": "relu"}

REDUCTIONS: dict[str, Any] = {
    "ReduceMean": np.mean, "ReduceSum": np.sum, "ReduceMax": np.max,
    "ReduceL2": lambda x, **how: np.sqrt(np.sum(x * x, **how)),
}  # fmt: skip

IDEAL = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear")

TYPES = {DType.F16: np.float16, DType.F32: np.float32, DType.F64: np.float64}


def evaluate(graph: Graph, before: Mapping[str, Array] | None = None) -> dict[str, Array]:
    """All values of a graph; inputs and weights are random numbers that follow from their names.

    `before` are the values of the graph that this one was made of: what was computed there may be a constant now.
    """
    made = {o for op in graph.ops for o in op.outputs}
    known = {v.name: _given(v.name, v.shape) for v in graph.values if v.name not in made}
    known.update({name: value for name, value in (before or {}).items() if name in known})
    for op in graph.ops:
        if op.kind == "attention":
            shapes = [tuple(int(d) for d in graph.value[o].shape) if o else () for o in op.outputs]
            outs = attention(op, [known.get(n) for n in op.inputs], shapes)
        else:
            outs = _compute(graph, op, [known[n] for n in op.inputs if n])
        known.update(zip(op.outputs, outs, strict=True))
    return known


def is_evaluable(graph: Graph) -> bool:
    """Whether the oracle knows all ops of a graph, whose sizes must be numbers."""
    fixed = all(isinstance(d, int) for v in graph.values for d in v.shape)
    return fixed and all(_is_known(op) for op in graph.ops)


def _is_known(op: Op) -> bool:
    if op.attr("folded"):  # its weights are other numbers now
        return False
    if op.kind == "elementwise":
        return op.attr("fn") in (*FUNCTIONS, *GATES) or (op.attr("fn") == "rope" and len(op.inputs) == 3)
    if op.kind == "move":
        return op.attr("op_type") in ("Transpose", "Slice", "Expand", "Concat", "Split")
    if op.kind == "reduce":
        return op.attr("op_type") in REDUCTIONS
    if op.kind == "attention":
        return op.attr("scale") is not None
    if op.kind == "matmul":
        return op.attr("op_type") in ("MatMul", "MatMulInteger", "Gemm") and not op.attr("experts")
    return op.kind in ("view", "cast", "softmax", "norm") and op.attr("op_type") != "InstanceNormalization"


def _given(name: str, shape: tuple[int | str, ...]) -> Array:
    if name.startswith("const_"):
        return np.asarray(float(name.removeprefix("const_")))
    return np.random.default_rng(zlib.crc32(name.encode())).normal(size=[int(d) for d in shape])


def _compute(graph: Graph, op: Op, given: list[Array]) -> list[Array]:
    after = [tuple(int(d) for d in graph.value[o].shape) for o in op.outputs]
    match op.kind:
        case "view":
            return [given[0].reshape(after[0])]
        case "cast" if str(op.attr("op_type")) in IDEAL:  # as if numbers of few bits were exact
            return [given[0], np.asarray(1.0), np.asarray(0.0)][: len(op.outputs)]
        case "cast":
            return [given[0].astype(TYPES.get(graph.value[op.outputs[0]].dtype, float)).astype(float)]
        case "elementwise":
            if op.attr("fn") in GATES:
                return [_gate(op, *given)]
            if op.attr("approximate") == "quick":
                return [given[0] / (1 + np.exp(-1.702 * given[0]))]
            if op.attr("fn") == "rope":
                return [rope(op, *given)]
            return [FUNCTIONS[str(op.attr("fn"))](*given)]
        case "reduce":
            axes: Any = op.attr("axes")
            return [REDUCTIONS[str(op.attr("op_type"))](given[0], axis=axes, keepdims=bool(op.attr("keepdims", 1)))]
        case "softmax":
            along: Any = op.attr("axis", -1)
            grown = np.exp(given[0] - given[0].max(along, keepdims=True))
            shares = grown / grown.sum(along, keepdims=True)
            return [np.log(shares) if op.attr("op_type") == "LogSoftmax" else shares]
        case "norm":
            return [_norm(op, *given)]
        case "matmul" if op.attr("op_type") == "MatMulInteger":
            bias = [known for name, known in zip(filter(None, op.inputs), given, strict=True) if name == "bias"]
            scales = [
                known for name, known in zip(filter(None, op.inputs), given, strict=True) if name.endswith(".scale")
            ]
            return [_matmul(op, *given[:2]) * prod(scales) + sum(bias)]
        case "matmul":
            return [_matmul(op, *given)]
    return _move(op, given, after)


def _gate(op: Op, x: Array, *other: Array) -> Array:
    halves = (x[..., ::2], x[..., 1::2]) if op.attr("interleaved") else tuple(np.split(x, 2, -1)) if not other else ()
    gated, plain = (x, *other) if other else halves[:: -1 if op.attr("gate") else 1]
    if op.attr("approximate") == "quick":
        return np.asarray(gated / (1 + np.exp(-1.702 * gated)) * plain)
    return np.asarray(FUNCTIONS[GATES[str(op.attr("fn"))]](gated) * plain)


def _norm(op: Op, x: Array, *given: Array) -> Array:
    axes: Any = op.attr("axes", (-1,))
    skip = op.attr("skip", 0)
    x = x + given[0] if skip else x
    scale, bias = (*given[1 if skip else 0 :], *(1.0, 0.0)[len(given) - (1 if skip else 0) :])
    centre = x.mean(axes, keepdims=True) if op.attr("fn") == "layer" else 0.0
    return np.asarray((x - centre) / np.sqrt(((x - centre) ** 2).mean(axes, keepdims=True) + 1e-6) * scale + bias)


def _matmul(op: Op, a: Array, b: Array, bias: Array | float = 0.0) -> Array:
    a = np.swapaxes(a, -1, -2) if op.attr("trans_a", 0) else a
    b = np.swapaxes(b, -1, -2) if op.attr("trans_b", 0) else b
    return a @ b + bias


def _move(op: Op, given: list[Array], after: list[tuple[int, ...]]) -> list[Array]:
    axis: Any = op.attr("axis", 0)
    match op.attr("op_type"):
        case "Transpose":
            perm: Any = op.attr("perm")
            return [given[0].transpose(perm)]
        case "Expand":
            return [np.broadcast_to(given[0], after[0])]
        case "Concat":
            return [np.concatenate(given, axis)]
        case "Split":
            return np.split(given[0], np.cumsum([s[axis] for s in after])[:-1], axis)
    starts, ends, axes = (op.attr(n) for n in ("starts", "ends", "axes"))
    assert isinstance(starts, tuple)
    assert isinstance(ends, tuple)
    assert isinstance(axes, tuple)
    cut = [slice(None)] * given[0].ndim
    for start, end, where in zip(starts, ends, axes, strict=True):
        cut[int(where)] = slice(int(start), int(end))
    return [given[0][tuple(cut)]]
