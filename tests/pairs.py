"""Small files that belong together: a prefill and a decode step of one decoder layer, an encoder and its decoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH, HEADS, HEAD = 8, 2, 4
Node = onnx.NodeProto


def save(
    path: Path,
    nodes: Sequence[Node],
    inputs: dict[str, list[int | str]],
    outputs: dict[str, list[int | str]],
    weights: dict[str, np.ndarray],
) -> Path:
    """Write a model; ids are integers, everything else is float."""

    def info(name: str, dims: list[int | str]) -> onnx.ValueInfoProto:
        kind = TensorProto.INT64 if name.endswith("ids") else TensorProto.FLOAT
        return helper.make_tensor_value_info(name, kind, dims)

    graph = helper.make_graph(
        list(nodes),
        path.stem,
        [info(n, d) for n, d in inputs.items()],
        [info(n, d) for n, d in outputs.items()],
        [numpy_helper.from_array(a, n) for n, a in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def matrices(names: Sequence[str], *, width: int = WIDTH, seed: int = 0, filled: bool = True) -> dict[str, np.ndarray]:
    """Square weights by name, of numbers by their place in the list; zeros where they are not filled."""
    numbers = np.random.default_rng(seed)
    made = [numbers.standard_normal((width, width)).astype(np.float32) for _ in names]
    return {n: a if filled else np.zeros_like(a) for n, a in zip(names, made, strict=True)}


def decoder(path: Path, names: Sequence[str], *, cached: bool, width: int = WIDTH, **fill: bool) -> Path:
    """One layer of attention with weights q, k, v, o of these names; `cached` reads and grows a cache."""
    q, k, v, o = names
    nodes = [
        helper.make_node("MatMul", ["x", w], [f"{t}0"], name=f"{t}_proj") for w, t in ((q, "q"), (k, "k"), (v, "v"))
    ]
    shape = np.array([1, -1, HEADS, width // HEADS])
    for t in "qkv":
        nodes.append(helper.make_node("Reshape", [f"{t}0", "heads"], [f"{t}1"], name=f"{t}_split"))
        nodes.append(helper.make_node("Transpose", [f"{t}1"], [f"{t}2"], name=f"{t}_turn", perm=[0, 2, 1, 3]))
    for t, word in (("k", "key"), ("v", "value")):
        present = f"present.0.{word}"
        if cached:
            nodes.append(helper.make_node("Concat", [f"past_key_values.0.{word}", f"{t}2"], [present], axis=2))
        else:
            nodes[[n.output[0] for n in nodes].index(f"{t}2")].output[0] = present
    nodes += [
        helper.make_node("Transpose", ["present.0.key"], ["kt"], perm=[0, 1, 3, 2]),
        helper.make_node("MatMul", ["q2", "kt"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["shares"], axis=-1),
        helper.make_node("MatMul", ["shares", "present.0.value"], ["context"]),
        helper.make_node("Transpose", ["context"], ["turned"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["turned", "flat"], ["joined"]),
        helper.make_node("MatMul", ["joined", o], ["y"], name="o_proj"),
    ]
    inputs: dict[str, list[int | str]] = {"x": [1, "seq", width]}
    cache: list[int | str] = [1, HEADS, "past", width // HEADS]
    if cached:
        inputs |= {f"past_key_values.0.{word}": cache for word in ("key", "value")}
    outputs: dict[str, list[int | str]] = {"y": [1, "seq", width]}
    outputs |= {f"present.0.{word}": [1, HEADS, "total", width // HEADS] for word in ("key", "value")}
    weights = matrices(names, width=width, **fill)
    shapes = {"heads": shape.astype(np.int64), "flat": np.array([1, -1, width], dtype=np.int64)}
    return save(path, nodes, inputs, outputs, {**weights, **shapes})


def encoder_decoder(folder: Path) -> tuple[Path, Path]:
    """Two files: one leaves `last_hidden_state`, the other reads it as `encoder_hidden_states`."""
    encoder = save(
        folder / "encoder.onnx",
        [helper.make_node("MatMul", ["features", "enc.w"], ["last_hidden_state"], name="enc")],
        {"features": [1, 16, WIDTH]},
        {"last_hidden_state": [1, 16, WIDTH]},
        matrices(["enc.w"]),
    )
    nodes = [
        helper.make_node("MatMul", ["encoder_hidden_states", "dec.k"], ["keys"], name="keys"),
        helper.make_node("Transpose", ["keys"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["x", "turned"], ["y"], name="look"),
    ]
    inputs: dict[str, list[int | str]] = {"x": [1, "seq", WIDTH], "encoder_hidden_states": [1, 16, WIDTH]}
    decoder_ = save(folder / "decoder.onnx", nodes, inputs, {"y": [1, "seq", 16]}, matrices(["dec.k"], seed=1))
    return encoder, decoder_
