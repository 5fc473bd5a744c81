"""Small models that the fuzz run damages: blocks of transformers and one graph for each construct that ONNX has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from samples.models.build import MODELS


@dataclass(frozen=True)
class Seed:
    """An undamaged model and the dims with which it loads."""

    name: str
    blob: bytes
    dims: Mapping[str, int] = field(default_factory=dict)


def built() -> list[Seed]:
    """Seeds that need no file."""
    found = [
        Seed("bert-tiny", MODELS["bert-tiny"](None, None).SerializeToString(), {"batch": 1, "seq": 4}),
        Seed("gpt2-tiny", MODELS["gpt2-tiny"](1, 0).SerializeToString(), {"batch": 1, "seq": 2, "past": 3}),
    ]
    return found + [Seed(make.__name__.strip("_"), make().SerializeToString(), {"n": 3}) for make in _BUILDERS]


def _info(name: str, dims: list[int | str] | None, elem: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, elem, dims)


def _const(name: str, value: object, dtype: type = np.int64) -> TensorProto:
    return numpy_helper.from_array(np.array(value, dtype=dtype), name)


def _weight(name: str, *dims: int, elem: int = TensorProto.FLOAT) -> TensorProto:
    tensor = TensorProto(name=name, data_type=elem, dims=dims, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="gone.bin")
    return tensor


def _model(
    nodes: list[NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[str],
    weights: list[TensorProto],
    **more: object,
) -> ModelProto:
    graph = helper.make_graph(nodes, "seed", inputs, [_info(o, None) for o in outputs], weights)
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1), helper.make_opsetid("acme", 1)]
    return helper.make_model(graph, opset_imports=imports, **more)


def _branches() -> ModelProto:
    then = helper.make_graph([helper.make_node("Relu", ["x"], ["t"])], "then", [], [_info("t", None)])
    other = helper.make_graph([helper.make_node("Neg", ["x"], ["e"])], "else", [], [_info("e", None)])
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["rows"]),
        helper.make_node("Equal", ["rows", "three"], ["same"]),
        helper.make_node("If", ["same"], ["y"], then_branch=then, else_branch=other),
    ]
    return _model(nodes, [_info("x", ["n", 4])], ["y"], [_const("zero", 0), _const("three", 3)])


def _loop() -> ModelProto:
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["on"]),
            helper.make_node("MatMul", ["a", "w"], ["b"]),
            helper.make_node("Identity", ["b"], ["row"]),
        ],
        "body",
        [_info("i", [], 7), _info("go", [], 9), _info("a", None)],
        [_info("on", [], 9), _info("b", None), _info("row", None)],
    )
    nodes = [helper.make_node("Loop", ["trips", "", "x"], ["y", "rows"], body=body)]
    return _model(nodes, [_info("x", ["n", 4])], ["y", "rows"], [_const("trips", 5), _weight("w", 4, 4)])


def _scan() -> ModelProto:
    body = helper.make_graph(
        [helper.make_node("Add", ["sum", "row"], ["next"]), helper.make_node("Identity", ["next"], ["out"])],
        "body",
        [_info("sum", [4]), _info("row", [4])],
        [_info("next", [4]), _info("out", [4])],
    )
    nodes = [helper.make_node("Scan", ["start", "x"], ["last", "all"], body=body, num_scan_inputs=1)]
    return _model(nodes, [_info("start", [4]), _info("x", ["n", 4])], ["last", "all"], [])


def _recurrent() -> ModelProto:
    nodes = [
        helper.make_node("LSTM", ["x", "w", "r", "", "", "h0", "c0"], ["seq", "hn", "cn"], hidden_size=8),
        helper.make_node("Squeeze", ["seq", "one"], ["flat"]),
        helper.make_node("GRU", ["flat", "gw", "gr"], ["y", ""], hidden_size=4),
    ]
    inputs = [_info("x", ["n", 2, 6]), _info("h0", [1, 2, 8]), _info("c0", [1, 2, 8])]
    weights = [_weight("w", 1, 32, 6), _weight("r", 1, 32, 8), _weight("gw", 1, 12, 8), _weight("gr", 1, 12, 4)]
    return _model(nodes, inputs, ["y", "hn", "cn"], [*weights, _const("one", [1])])


def _vision() -> ModelProto:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("BatchNormalization", ["c", "s", "s", "s", "s"], ["b"]),
        helper.make_node("MaxPool", ["b"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Resize", ["p", "", "scales"], ["r"], mode="nearest"),
        helper.make_node("ConvTranspose", ["r", "t"], ["u"], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["u"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("TopK", ["f", "k"], ["y", "at"]),
    ]
    weights = [_weight("w", 8, 3, 3, 3), _weight("s", 8), _weight("t", 8, 4, 2, 2), _const("k", [2])]
    return _model(
        nodes, [_info("x", ["n", 3, 16, 16])], ["y", "at"], [*weights, _const("scales", [1, 1, 2, 2], np.float32)]
    )


def _quantised() -> ModelProto:
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "qs", "qz"]),
        helper.make_node("MatMulInteger", ["q", "w8", "qz"], ["i"]),
        helper.make_node("Cast", ["i"], ["f"], to=1),
        helper.make_node("Mul", ["f", "qs"], ["m"]),
        helper.make_node("DequantizeLinear", ["w8", "scale"], ["w"]),
        helper.make_node("MatMul", ["m", "w"], ["d"]),
        helper.make_node(
            "MatMulNBits", ["d", "b4", "bs"], ["y"], domain="com.microsoft", K=32, N=16, bits=4, block_size=32
        ),
    ]
    weights = [
        _weight("w8", 32, 32, elem=3),
        _const("scale", 0.5, np.float32),
        _weight("b4", 16, 1, 16, elem=2),
        _weight("bs", 16),
    ]
    return _model(nodes, [_info("x", ["n", 32])], ["y"], weights)


def _generative() -> ModelProto:
    ms = "com.microsoft"
    pasts = ["past_key_values.0.key", "past_key_values.0.value"]
    presents = ["present.0.key", "present.0.value"]
    nodes = [
        helper.make_node("SimplifiedLayerNormalization", ["x", "g"], ["a"], epsilon=1e-6),
        helper.make_node("MatMul", ["a", "wqkv"], ["qkv"]),
        helper.make_node("GroupQueryAttention", ["qkv", "", "", *pasts, "len", "total"], ["o", *presents], domain=ms,
                         num_heads=4, kv_num_heads=2),
        helper.make_node("SkipSimplifiedLayerNormalization", ["x", "o", "g"], ["h", "", "", "r"], domain=ms),
        helper.make_node("Einsum", ["h", "wo"], ["e"], equation="bij,jk->bik"),
        helper.make_node("FastGelu", ["e"], ["u"], domain=ms),
        helper.make_node("NonZero", ["u"], ["nz"]),
        helper.make_node("Block", ["u"], ["y"], domain="acme"),
    ]  # fmt: skip
    body = [helper.make_node("Sigmoid", ["a"], ["s"]), helper.make_node("Mul", ["a", "s"], ["b"])]
    block = helper.make_function("acme", "Block", ["a"], ["b"], body, [helper.make_opsetid("", 18)])
    cache: list[int | str] = ["n", 2, 8, 4]
    inputs = [
        _info("x", ["n", 1, 16]),
        *(_info(p, cache) for p in pasts),
        _info("len", ["n", 1], 6),
        _info("total", [], 6),
    ]
    weights = [_weight("g", 16), _weight("wqkv", 16, 32), _weight("wo", 16, 16)]
    return _model(nodes, inputs, ["y", "nz", *presents], weights, functions=[block])


def _sequences() -> ModelProto:
    nodes = [
        helper.make_node("SplitToSequence", ["x", "one"], ["parts"], axis=1),
        helper.make_node("SequenceAt", ["parts", "zero"], ["part"]),
        helper.make_node("SequenceInsert", ["parts", "part"], ["more"]),
        helper.make_node("ConcatFromSequence", ["more"], ["y"], axis=1),
    ]
    return _model(nodes, [_info("x", ["n", 4])], ["y"], [_const("one", 1), _const("zero", 0)])


_BUILDERS: tuple[Callable[[], ModelProto], ...] = (
    _branches, _loop, _scan, _recurrent, _vision, _quantised, _generative, _sequences,
)  # fmt: skip
