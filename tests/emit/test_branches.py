from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info
from onnx.numpy_helper import from_array

import mapper
from mapper.emit.emit import emit


def branching(folder: Path) -> Path:
    """A product, and behind it a branch that is taken, with two products inside one node of the file."""
    weights = [from_array(np.ones((64, 64), np.float32), name) for name in ("before", "first", "second")]
    taken = make_graph(
        [
            make_node("MatMul", ["x", "first"], ["a"], name="one"),
            make_node("Softmax", ["a"], ["b"], name="between"),
            make_node("MatMul", ["b", "second"], ["c"], name="two"),
        ],
        "taken",
        [],
        [make_tensor_value_info("c", TensorProto.FLOAT, None)],
    )
    other = make_graph(
        [make_node("Neg", ["x"], ["d"], name="other")],
        "other",
        [],
        [make_tensor_value_info("d", TensorProto.FLOAT, None)],
    )
    nodes = [
        make_node("MatMul", ["given", "before"], ["x"], name="head"),
        make_node("If", ["yes"], ["y"], name="branch", then_branch=taken, else_branch=other),
    ]
    graph = make_graph(
        nodes,
        "branching",
        [make_tensor_value_info("given", TensorProto.FLOAT, ["batch", 64])],
        [make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 64])],
        [*weights, from_array(np.array(True), "yes")],
    )
    path = folder / "branching.onnx"
    onnx.save(make_model(graph, opset_imports=[make_opsetid("", 17)], ir_version=8), path)
    return path


def test_tasks_inside_a_branch_are_those_of_the_step_that_runs_its_node(tmp_path: Path) -> None:
    path = branching(tmp_path)
    plan = mapper.compile(path, "superhet", ["run: batch=4"], pipeline="round-robin", effort="quick").plan
    manifest = emit(plan, [path], tmp_path / "out").manifest
    inside = {t.name for t in plan.tasks or () for op in plan.cluster[t.cluster].ops if op != "head"}
    (step,) = [s for s in manifest.phases[0].steps if any(port.name == "y" for port in s.outputs)]
    assert len(inside) > 1
    assert inside <= set(step.tasks)
    assert 0 < step.start_s < step.end_s
