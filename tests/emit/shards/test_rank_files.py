from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from rank_builders import as_megatron, divided, emitted, first_call

from mapper.ir.plan import Task


def test_ranks_read_sparse_weights_and_some_rank_makes_a_constant_result(tmp_path: Path) -> None:
    make, info, random = onnx.helper.make_node, onnx.helper.make_tensor_value_info, np.random.default_rng(0)
    kind, path = onnx.TensorProto.FLOAT, tmp_path / "small.onnx"
    weights = [
        numpy_helper.from_array(random.normal(size=(64, 64)).astype(np.float32), name) for name in ("up/w", "down/w")
    ]
    sparse = onnx.helper.make_sparse_tensor(
        numpy_helper.from_array(np.array([2, 3], np.float32), "s"), numpy_helper.from_array(np.array([1, 7])), [64]
    )
    graph = onnx.helper.make_graph(
        [
            make("Constant", [], ["c"], "c", value=numpy_helper.from_array(np.ones((2, 2), np.float32))),
            make("MatMul", ["x", "up/w"], ["a"], "up/product"),
            make("Add", ["a", "s"], ["b"], "up/bias"),
            make("MatMul", ["b", "down/w"], ["y"], "down/product"),
        ],
        "small",
        [info("x", kind, [8, 64])],
        [info("y", kind, [8, 64]), info("c", kind, [2, 2])],
        weights,
        sparse_initializer=[sparse],
    )
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=10), path)
    manifest = emitted(divided(path, ["run:"], 2, as_megatron), path, tmp_path / "out")
    part = manifest.phases[0]
    assert {step.rank for step in part.steps} == {0, 1}
    assert first_call(tmp_path / "out", part, path).error < 2e-6
    assert {line.value for line in part.inputs} == {"x"}


def _old(path: Path) -> Path:
    """Filters, a cut along channels and two products, spelled as opset 9 has it."""
    make, info, random = onnx.helper.make_node, onnx.helper.make_tensor_value_info, np.random.default_rng(0)
    sizes = {"filters": (16, 3, 3, 3), "up/w": (12 * 16, 32), "up/b": (32,), "down/w": (32, 8), "down/b": (8,)}
    graph = onnx.helper.make_graph(
        [
            make("Conv", ["x", "filters"], ["a"], "conv", pads=[0, 0, 0, 0]),
            make("Slice", ["a"], ["cut"], "cut", starts=[2], ends=[14], axes=[1]),
            make("Relu", ["cut"], ["r"], "relu"),
            make("Flatten", ["r"], ["f"], "flatten"),
            make("Gemm", ["f", "up/w", "up/b"], ["u"], "up/product"),
            make("Gemm", ["u", "down/w", "down/b"], ["y"], "down/product", beta=0.5),
        ],
        "old",
        [info("x", onnx.TensorProto.FLOAT, [2, 3, 6, 6])],
        [info("y", onnx.TensorProto.FLOAT, [2, 8])],
        [numpy_helper.from_array(random.normal(size=s).astype(np.float32) / 8, n) for n, s in sizes.items()],
    )
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 9)], ir_version=8), path)
    return path


@pytest.mark.parametrize("ranks", [2, 4])
def test_files_of_opset_9_are_divided_with_attributes_for_bounds(tmp_path: Path, ranks: int) -> None:
    path = _old(tmp_path / "old.onnx")

    def by_columns_and_rows(task: Task, ways: list[str]) -> str:
        return next((way for word in ("row", "column", "features") for way in ways if way == word), "copy")

    manifest = emitted(divided(path, ["run:"], ranks, by_columns_and_rows), path, tmp_path / "out")
    assert {s.collective for s in manifest.phases[0].steps if s.role != "compute"} >= {"all_reduce"}
    assert first_call(tmp_path / "out", manifest.phases[0], path).error < 2e-6
    assert not manifest.moved
