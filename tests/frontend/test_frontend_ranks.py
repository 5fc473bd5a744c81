"""How many ranks share a model: what the file says, what its other exchanges say, what the user says."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from mapper.frontend import load_model

MS = "com.microsoft"


def model(folder: Path, *nodes: onnx.NodeProto) -> Path:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (4, 8))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(list(nodes), "ranks", [x], [y])
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(MS, 1)]
    path = folder / "ranks.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path


def reduce(source: str, result: str, **attrs: int) -> onnx.NodeProto:
    return helper.make_node("AllReduce", [source], [result], domain=MS, **attrs)


def ranks(path: Path, **expect: int) -> dict[str, object]:
    found = load_model(path, expect=expect)
    return {op.kind: op.attr("ranks") for op in found.graph.ops}


def test_the_group_size_of_a_node_counts(tmp_path: Path) -> None:
    assert ranks(model(tmp_path, reduce("x", "y", group_size=8))) == {"all_reduce": 8}


def test_a_silent_all_reduce_has_the_ranks_of_the_other_exchanges(tmp_path: Path) -> None:
    gather = helper.make_node("AllGather", ["h"], ["y"], domain=MS, group_size=4, axis=1)
    assert ranks(model(tmp_path, reduce("x", "h"), gather)) == {"all_reduce": 4, "all_gather": 4}


def test_a_file_that_says_nothing_is_taken_for_one_of_two_ranks_with_a_warning(tmp_path: Path) -> None:
    found = load_model(model(tmp_path, reduce("x", "y")))
    assert found.graph.ops[0].attr("ranks") == 2
    assert any("'ranks'" in w and "--expect ranks=N" in w for w in found.warnings)


@pytest.mark.parametrize("count", [2, 16])
def test_the_user_says_how_many_ranks_there_are(tmp_path: Path, count: int) -> None:
    assert ranks(model(tmp_path, reduce("x", "y")), ranks=count) == {"all_reduce": count}
