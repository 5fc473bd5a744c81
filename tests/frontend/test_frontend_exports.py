"""Quirks of files that tools write: old schemas, attributes of another opset, weights handed on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx_graphs import const, model, node, save, weight

from mapper.frontend import load_model
from mapper.ir.graph import Graph
from mapper.ir.op_work import work


def load(folder: Path, nodes: list[object], *weights: object, opset: int = 18) -> Graph:
    return load_model(save(folder, model(nodes, {"x": [4, 8]}, ["y"], weights, opset=opset))).graph  # type: ignore[arg-type]


@pytest.mark.parametrize("opset", [12, 13, 15, 16])
def test_a_comparison_has_a_shape_in_opsets_whose_schema_does_not_infer_it(tmp_path: Path, opset: int) -> None:
    nodes = [node("GreaterOrEqual", ["x", "zero"], ["c"]), node("Where", ["c", "x", "zero"], ["y"])]
    graph = load(tmp_path, nodes, const("zero", 0, np.float32), opset=opset)
    assert graph.value["c"].shape == (4, 8)


def test_an_attribute_of_an_older_version_is_obeyed_after_a_tool_raised_the_opset(tmp_path: Path) -> None:
    graph = load(tmp_path, [node("ReduceMean", ["x"], ["y"], axes=[1])], opset=21)
    assert graph.value["y"].shape == (4, 1)


def test_a_product_of_two_weights_is_work_of_each_call(tmp_path: Path) -> None:
    nodes = [node("MatMul", ["positions", "w"], ["p"]), node("MatMul", ["x", "p"], ["y"])]
    graph = load(tmp_path, nodes, weight("positions", [8, 64]), weight("w", [64, 16]))
    assert [work(graph, op, {}).macs for op in graph.ops] == [8 * 64 * 16, 4 * 8 * 16]


def test_a_weight_that_is_handed_on_is_stored_once(tmp_path: Path) -> None:
    nodes = [
        node("Identity", ["w"], ["again"]),
        node("MatMul", ["x", "w"], ["h"]),
        node("MatMul", ["h", "again"], ["y"]),
    ]
    assert load(tmp_path, nodes, weight("w", [8, 8])).parameters == 64


def test_a_product_with_a_transposed_activation_keeps_the_transpose(tmp_path: Path) -> None:
    nodes = [node("Transpose", ["x"], ["t"], perm=[1, 0]), node("MatMul", ["x", "t"], ["y"])]
    graph = load(tmp_path, nodes)
    assert [(op.kind, op.attr("trans_b", 0)) for op in graph.ops] == [("move", 0), ("matmul", 0)]


def test_a_convolution_of_a_runtime_that_adds_a_tensor_has_the_shape_of_its_convolution(tmp_path: Path) -> None:
    nodes = [node("Conv", ["x", "w", "bias", "sum"], ["y"], domain="com.microsoft.nchwc")]
    weights = [weight("w", [16, 8, 1, 1]), weight("bias", [16]), weight("sum", [1, 16, 4, 4])]
    built = model(nodes, {"x": [1, 8, 4, 4]}, ["y"], weights, domains=["com.microsoft.nchwc"])
    graph = load_model(save(tmp_path, built)).graph
    assert graph.value["y"].shape == (1, 16, 4, 4)


def test_scales_of_a_resize_may_be_half_floats(tmp_path: Path) -> None:
    nodes = [node("Resize", ["x", "", "scales"], ["y"], mode="nearest")]
    assert load(tmp_path, nodes, const("scales", [1, 2], np.float16)).value["y"].shape == (4, 16)
