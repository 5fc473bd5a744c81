"""Tiny ONNX files for the frontend's tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Dims = Sequence[int | str | None]


def node(op_type: str, inputs: Sequence[str], outputs: Sequence[str], **attrs: object) -> onnx.NodeProto:
    return helper.make_node(op_type, inputs, outputs, **attrs)


def typed(dims: Dims | None, elem: int) -> tuple[Dims | None, int]:
    return dims, elem


def weight(name: str, dims: Sequence[int], elem: int = TensorProto.FLOAT) -> TensorProto:
    """A weight whose numbers are in a file that is not there."""
    tensor = TensorProto(name=name, data_type=elem, dims=dims, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="gone.bin")
    return tensor


def const(name: str, value: object, dtype: type = np.int64) -> TensorProto:
    return numpy_helper.from_array(np.array(value, dtype=dtype), name)


def _info(name: str, dims: Dims | None, elem: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, elem, dims)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Dims | tuple[Dims | None, int]],
    outputs: Mapping[str, Dims] | Sequence[str],
    weights: Sequence[TensorProto] = (),
    *,
    opset: int = 18,
    functions: Sequence[onnx.FunctionProto] = (),
    domains: Sequence[str] = (),
) -> onnx.ModelProto:
    ins = [_info(n, *d) if isinstance(d, tuple) else _info(n, d) for n, d in inputs.items()]
    stated = outputs if isinstance(outputs, Mapping) else dict.fromkeys(outputs)
    graph = helper.make_graph(nodes, "tiny", ins, [_info(n, d) for n, d in stated.items()], weights)
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(graph, opset_imports=imports, functions=functions)


def save(folder: Path, built: onnx.ModelProto) -> Path:
    path = folder / "tiny.onnx"
    path.write_bytes(built.SerializeToString())
    return path


IDS = TensorProto.INT64


def decode_block(batch: int | str = "batch", seq: int | str = "seq") -> onnx.ModelProto:
    """One attention block with a KV cache, its reshapes computed from Shape as an exporter writes them."""
    nodes = [
        node("Gather", ["table", "input_ids"], ["x"]),
        node("MatMul", ["x", "wq"], ["q2"], name="q_proj"),
        node("MatMul", ["x", "wk"], ["k2"]),
        node("MatMul", ["x", "wv"], ["v2"]),
        node("Shape", ["input_ids"], ["ids_shape"]),
        node("Gather", ["ids_shape", "zero"], ["b"]),
        node("Gather", ["ids_shape", "one"], ["s"]),
        node("Unsqueeze", ["b", "axis0"], ["b1"]),
        node("Unsqueeze", ["s", "axis0"], ["s1"]),
        node("Concat", ["b1", "s1", "heads", "width"], ["split"], axis=0),
    ]
    for name in "qkv":
        nodes += [
            node("Reshape", [f"{name}2", "split"], [f"{name}4"]),
            node("Transpose", [f"{name}4"], [f"{name}h"], perm=[0, 2, 1, 3]),
        ]
    nodes += [
        node("Concat", ["past_key_values.0.key", "kh"], ["present.0.key"], axis=2),
        node("Concat", ["past_key_values.0.value", "vh"], ["present.0.value"], axis=2),
        node("Transpose", ["present.0.key"], ["kt"], perm=[0, 1, 3, 2]),
        node("MatMul", ["qh", "kt"], ["scores"]),
        node("Div", ["scores", "root"], ["scaled"]),
        node("Softmax", ["scaled"], ["probs"], axis=-1),
        node("MatMul", ["probs", "present.0.value"], ["mixed"]),
        node("Transpose", ["mixed"], ["back"], perm=[0, 2, 1, 3]),
        node("Concat", ["b1", "s1", "minus"], ["join"], axis=0),
        node("Reshape", ["back", "join"], ["joined"]),
        node("Identity", ["joined"], ["same"]),
        node("MatMul", ["same", "wo"], ["y"]),
    ]
    cache = [batch, 2, "past_len", 4]
    ids = typed([batch, seq], IDS)
    return model(
        nodes,
        {"input_ids": ids, "past_key_values.0.key": cache, "past_key_values.0.value": cache},
        ["y", "present.0.key", "present.0.value"],
        [
            weight("table", [100, 8]),
            *(weight(f"w{n}", [8, 8]) for n in "qkvo"),
            const("zero", 0),
            const("one", 1),
            const("axis0", [0]),
            const("heads", [2]),
            const("width", [4]),
            const("minus", [-1]),
            const("root", 2.0, np.float32),
        ],
    )
