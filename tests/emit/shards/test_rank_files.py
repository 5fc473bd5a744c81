from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from rank_builders import as_megatron, divided, emitted, first_call


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
