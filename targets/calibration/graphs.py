"""ONNX graphs of a few equal nodes, and random inputs for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from targets.calibration.samples import Sample

Arrays = Mapping[str, NDArray[Any]]

OPSET = 20
"""The first with a Gelu of its own."""

IR_VERSION = 9
"""What onnxruntime 1.22 reads."""

TABLE_BYTES = 2**25
"""A table of embeddings; rows are picked anywhere in it."""

HEAD = 64
"""Width of a head, of which transposes bring each one's rows together."""

CHAINED = ("attention", "norm", "softmax", "gelu", "add", "tanh", "mul", "move")
"""Families whose nodes stand one after the other."""

_TYPES = {"float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8, "int64": TensorProto.INT64}
_FUNCTIONS = {"gelu": "Gelu", "add": "Add", "tanh": "Tanh", "mul": "Mul"}
_MICROSOFT = "com.microsoft"


def graph_of(sample: Sample, random: np.random.Generator) -> tuple[bytes, Arrays]:
    """A serialised model with `copies` nodes of the sample's op, and its inputs."""
    match sample.family:
        case "f32" | "i8":
            return _product(sample, random)
        case "batched":
            batch, m, n, k = sample.sizes
            return _model(sample, "MatMul", {"a": _floats(random, batch, m, k), "b": _floats(random, batch, k, n)}, {})
        case "attention" | "decode":
            return _attention(sample, random)
        case "embedding":
            rows, width = sample.sizes
            entries = TABLE_BYTES // (4 * width)
            picked = random.integers(0, entries, rows)
            return _model(sample, "Gather", {"rows": picked}, {"table": _floats(random, entries, width)})
    return _over_rows(sample, random)


def _product(sample: Sample, random: np.random.Generator) -> tuple[bytes, Arrays]:
    m, n, k = sample.sizes
    if sample.family == "f32":
        return _model(sample, "MatMul", {"x": _floats(random, m, k)}, {"w": _floats(random, k, n)})
    x = random.integers(0, 255, (m, k), dtype=np.uint8)
    weight = random.integers(-127, 127, (k, n), dtype=np.int8)
    return _model(sample, "MatMulInteger", {"x": x}, {"w": weight}, out=TensorProto.INT32)


def _attention(sample: Sample, random: np.random.Generator) -> tuple[bytes, Arrays]:
    batch, heads, positions, width = sample.sizes
    decoding = sample.family == "decode"
    q = _floats(random, batch, 1 if decoding else positions, heads * width)
    if decoding:  # keys and values as a cache holds them
        cache = {f"{name}": _floats(random, batch, heads, positions + 1, width) for name in "kv"}
        return _model(sample, "MultiHeadAttention", {"q": q}, cache, domain=_MICROSOFT, num_heads=heads)
    k, v = (_floats(random, batch, positions, heads * width) for _ in range(2))
    fresh = {"q": q, "k": k, "v": v}
    return _model(sample, "MultiHeadAttention", fresh, {}, domain=_MICROSOFT, num_heads=heads, unidirectional=1)


def empty() -> bytes:
    """A model that does next to nothing: what one run costs."""
    one = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "empty", one[:1], one[1:])
    model: onnx.ModelProto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    return bytes(model.SerializeToString())


def _over_rows(sample: Sample, random: np.random.Generator) -> tuple[bytes, Arrays]:
    rows, width = sample.sizes
    x = {"x": _floats(random, rows, width)}
    if sample.family == "norm":
        scale = {name: _floats(random, width) for name in ("scale", "shift")}
        return _model(sample, "LayerNormalization", x, scale, axis=-1)
    if sample.family == "softmax":
        return _model(sample, "Softmax", x, {}, axis=-1)
    if sample.family == "move":
        heads = {"x": _floats(random, rows, width // HEAD, HEAD)}
        return _model(sample, "Transpose", heads, {}, perm=[1, 0, 2])
    both = x | ({"y": _floats(random, rows, width)} if sample.family in ("add", "mul") else {})
    return _model(sample, _FUNCTIONS[sample.family], both, {})


def _floats(random: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return random.standard_normal(shape, dtype=np.float32)


def _model(
    sample: Sample,
    op: str,
    inputs: Arrays,
    weights: Arrays,
    out: int = TensorProto.FLOAT,
    domain: str = "",
    **attributes: Any,
) -> tuple[bytes, Arrays]:
    """Nodes that each have weights of their own. Where the result has the shape of the first operand each node takes
    the one before's, as in a model, so that buffers are used again; else only the last node's result is kept."""
    chained = sample.family in CHAINED
    nodes, tensors = [], []
    for i in range(sample.copies):
        own = [f"{name}{i}" for name in weights]
        for values, name in zip(weights.values(), own, strict=True):
            values.flat[0] = i  # onnxruntime keeps equal weights once, in the cache
            tensors.append(numpy_helper.from_array(values, name))
        operands = [*inputs, *own] if sample.family != "embedding" else [*own, *inputs]
        if chained and i:
            operands[0] = f"out{i - 1}"
        nodes.append(helper.make_node(op, operands, [f"out{i}"], domain=domain, **attributes))
    graph = helper.make_graph(
        nodes,
        sample.op.replace(" ", "-"),
        [helper.make_tensor_value_info(name, _TYPES[x.dtype.name], x.shape) for name, x in inputs.items()],
        [helper.make_tensor_value_info(f"out{sample.copies - 1}", out, None)],
        tensors,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(_MICROSOFT, 1)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    return model.SerializeToString(), inputs
