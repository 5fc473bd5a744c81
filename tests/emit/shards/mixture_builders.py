"""Small mixtures of experts as exporters write them: gathered from stacks, or in one node of onnxruntime's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

ROWS, WIDTH, INNER, EXPERTS, PICKED = 12, 16, 24, 6, 2


def _saved(path: Path, nodes: list[onnx.NodeProto], weights: dict[str, NDArray[Any]], opset: int = 18) -> Path:
    info = onnx.helper.make_tensor_value_info
    real = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes,
        "mixture",
        [info("x", real, [ROWS, WIDTH])],
        [info("y", real, [ROWS, WIDTH])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    opsets = [onnx.helper.make_opsetid("", opset), onnx.helper.make_opsetid("com.microsoft", 1)]
    onnx.save(onnx.helper.make_model(graph, ir_version=8, opset_imports=opsets), str(path))
    return path


def _weights(**shapes: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    random = np.random.default_rng(0)
    return {n: (random.normal(size=s) / np.sqrt(s[-1])).astype(np.float32) for n, s in shapes.items()}


def stacked(path: Path, pick: str) -> Path:
    """Rows for each token and expert, matrices gathered by `pick` (Gather or GatherND), as torch's exporter has it."""
    node = onnx.helper.make_node
    nodes = [
        node("MatMul", ["x", "gate"], ["scores"], name="gate"),
        node("Softmax", ["scores"], ["weights"], name="softmax", axis=-1),
        node("TopK", ["weights", "picked"], ["shares", "experts"], name="top", axis=-1),
        node("Unsqueeze", ["x", "one"], ["x1"], name="unsqueeze"),
        node("Expand", ["x1", "each"], ["x2"], name="expand"),
        node("Reshape", ["x2", "flat"], ["rows"], name="rows"),
        node("Reshape", ["experts", "all"], ["ids"], name="ids"),
        node("Reshape", ["shares", "column"], ["share"], name="share"),
        node("Unsqueeze", ["rows", "one"], ["row"], name="row"),
    ]
    where = "ids"
    if pick == "GatherND":
        nodes.append(node("Unsqueeze", ["ids", "one"], ["places"], name="places"))
        where = "places"
    nodes += [
        node(pick, ["up", where], ["ups"], name="pick_up"),
        node("MatMul", ["row", "ups"], ["inner"], name="up"),
        node("Sigmoid", ["inner"], ["gated"], name="sigmoid"),
        node("Mul", ["inner", "gated"], ["silu"], name="silu"),
        node(pick, ["down", where], ["downs"], name="pick_down"),
        node("MatMul", ["silu", "downs"], ["back"], name="down"),
        node("Squeeze", ["back", "one"], ["out"], name="squeeze"),
        node("Mul", ["out", "share"], ["scaled"], name="scale"),
        node("Reshape", ["scaled", "tokens"], ["each_out"], name="tokens"),
        node("ReduceSum", ["each_out", "one"], ["y"], name="combine", keepdims=0),
    ]
    weights = _weights(gate=(WIDTH, EXPERTS), up=(EXPERTS, WIDTH, INNER), down=(EXPERTS, INNER, WIDTH))
    sizes = {"picked": [PICKED], "one": [1], "each": [ROWS, PICKED, WIDTH], "flat": [-1, WIDTH], "all": [-1]}
    sizes |= {"column": [-1, 1], "tokens": [ROWS, PICKED, WIDTH]}
    return _saved(path, nodes, weights | {n: np.array(s, np.int64) for n, s in sizes.items()})


def in_one_node(path: Path, *, normal: bool, quantised: bool = False) -> Path:
    """onnxruntime's MoE, or QMoE with four bits."""
    node = onnx.helper.make_node
    weights = _weights(gate=(WIDTH, EXPERTS))
    if quantised:
        random = np.random.default_rng(1)
        sizes = {"up": (EXPERTS, INNER, WIDTH // 2), "down": (EXPERTS, WIDTH, INNER // 2)}
        weights |= {n: random.integers(0, 256, s).astype(np.uint8) for n, s in sizes.items()}
        scales = {"up_scales": (EXPERTS, INNER), "down_scales": (EXPERTS, WIDTH)}
        weights |= {n: (0.02 + 0.02 * random.random(s)).astype(np.float32) for n, s in scales.items()}
        names = ["x", "scores", "up", "up_scales", "", "down", "down_scales"]
    else:
        weights |= _weights(up=(EXPERTS, INNER, WIDTH), up_bias=(EXPERTS, INNER), down=(EXPERTS, WIDTH, INNER))
        weights |= {"down_bias": _weights(b=(EXPERTS, WIDTH))["b"]}
        names = ["x", "scores", "up", "up_bias", "down", "down_bias"]
    more: dict[str, Any] = {"expert_weight_bits": 4} if quantised else {}
    kind = "QMoE" if quantised else "MoE"
    nodes = [
        node("MatMul", ["x", "gate"], ["scores"], name="gate"),
        node(kind, names, ["y"], name="mixture", domain="com.microsoft", k=PICKED, activation_type="silu",
             normalize_routing_weights=int(normal), **more),
    ]  # fmt: skip
    return _saved(path, nodes, weights)
