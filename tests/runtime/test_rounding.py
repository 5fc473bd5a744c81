from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from folders import OPSET
from onnx import ModelProto, TensorProto, helper

from mapper.runtime.compare import difference
from mapper.runtime.rounding import WIDEST, has_short_floats, longest_sum, rounding_bound


def test_the_bound_of_reordered_sums_grows_with_their_length_and_holds_for_a_product(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    bounds = []
    for k in (64, 1024):
        weight = helper.make_tensor("w", TensorProto.FLOAT, (k, k), np.zeros((k, k), np.float32).tobytes(), raw=True)
        ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [4, k]) for n in "xy"]
        graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", ports[:1], ports[1:], [weight])
        path = tmp_path / f"{k}.onnx"
        path.write_bytes(helper.make_model(graph, opset_imports=OPSET).SerializeToString())
        bounds.append(rounding_bound([path]))
        a, b = random.standard_normal((8, k), np.float32), random.standard_normal((k, 8), np.float32)
        halves = a[:, : k // 2] @ b[: k // 2] + a[:, k // 2 :] @ b[k // 2 :]
        assert difference(halves, a @ b)[2] <= bounds[-1] < 1e-4
    assert bounds[0] < bounds[1]


def test_products_that_round_what_they_read_to_eight_bits_inside_count_as_nodes_that_quantise(tmp_path: Path) -> None:
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [4, 32]) for n in "xy"]
    bounds = {}
    for level in (0, 4):
        node = helper.make_node("MatMulNBits", ["x", "w", "s"], ["y"], K=32, N=32, block_size=32, accuracy_level=level)
        node.domain = "com.microsoft"
        graph = helper.make_graph([node], "g", ports[:1], ports[1:])
        path = tmp_path / f"{level}.onnx"
        path.write_bytes(helper.make_model(graph, opset_imports=OPSET).SerializeToString())
        bounds[level] = rounding_bound([path])
    assert bounds[0] < 1e-5
    assert bounds[4] == pytest.approx(4 / 256, rel=1e-3)


def test_no_bound_is_so_wide_that_it_tells_nothing(tmp_path: Path) -> None:
    ports = [helper.make_tensor_value_info(n, TensorProto.BFLOAT16, [4]) for n in ("x0", "x999")]
    nodes = [helper.make_node("Neg", [f"x{k}"], [f"x{k + 1}"]) for k in range(999)]
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:])
    (tmp_path / "m.onnx").write_bytes(helper.make_model(graph, opset_imports=OPSET).SerializeToString())
    assert rounding_bound([tmp_path / "m.onnx"]) == WIDEST


def with_weight(operators: list[tuple[str, dict[str, Any]]], dims: tuple[int, ...], place: int = 1) -> ModelProto:
    """A weight through operators in a row; the last one reads it at a place."""
    weight = helper.make_tensor("w0", TensorProto.FLOAT, dims, bytes(4 * int(np.prod(dims))), raw=True)
    nodes = [helper.make_node(op, [f"w{k}"], [f"w{k + 1}"], **a) for k, (op, a) in enumerate(operators[:-1])]
    op, attributes = operators[-1]
    inputs = ["x", f"w{len(nodes)}"] if place else [f"w{len(nodes)}", "x"]
    graph = helper.make_graph([*nodes, helper.make_node(op, inputs, ["y"], **attributes)], "g", [], [], [weight])
    return helper.make_model(graph, opset_imports=OPSET)


@pytest.mark.parametrize(
    ("operators", "dims", "place", "products"),
    [
        ([("MatMul", {})], (7, 3), 1, 7),
        ([("MatMul", {})], (3, 7), 1, 3),
        ([("MatMul", {})], (3, 7), 0, 7),
        ([("Gemm", {"transB": 1})], (3, 7), 1, 7),
        ([("Transpose", {"perm": [1, 0]}), ("MatMul", {})], (3, 7), 1, 7),
        ([("Cast", {"to": 1}), ("MatMul", {})], (7, 3), 1, 7),
        ([("Gather", {})], (1000, 3), 0, 1),
        ([("Conv", {})], (8, 4, 3, 3), 1, 36),
        ([("ConvTranspose", {})], (8, 4, 3, 3), 1, 72),
        ([("LayerNormalization", {})], (9,), 1, 1),
    ],
)
def test_the_longest_sum_is_over_the_side_that_is_contracted(
    operators: list[tuple[str, dict[str, Any]]], dims: tuple[int, ...], place: int, products: int
) -> None:
    assert longest_sum(with_weight(operators, dims, place)) == products


@pytest.mark.parametrize(("kind", "short"), [(TensorProto.FLOAT, False), (TensorProto.FLOAT16, True)])
def test_floats_of_16_bits_are_met_among_inputs(tmp_path: Path, kind: int, short: bool) -> None:
    ports = [helper.make_tensor_value_info(n, kind, [4]) for n in "xy"]
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", ports[:1], ports[1:])
    (tmp_path / "m.onnx").write_bytes(helper.make_model(graph, opset_imports=OPSET).SerializeToString())
    assert has_short_floats([tmp_path / "m.onnx"]) is short
