from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mapper.emit.fills import fill_of
from mapper.frontend.anatomy import Anatomy, anatomies
from mapper.ir.graph import Phase


def table(name: str, *sizes: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.zeros(sizes, np.float32), name)


def anatomy(
    path: Path, nodes: list[onnx.NodeProto], inputs: list[str], dims: list[int | str], tables: list[onnx.TensorProto]
) -> Anatomy:
    """A file whose inputs look words up in tables."""
    info, kinds = onnx.helper.make_tensor_value_info, onnx.TensorProto
    graph = onnx.helper.make_graph(
        nodes,
        "words",
        [info(name, kinds.INT32, dims) for name in inputs],
        [info("y", kinds.FLOAT, None)],
        tables,
    )
    sets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("com.microsoft", 1)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=sets, ir_version=10), path)
    given = tuple((dim, "4") for dim in dims if isinstance(dim, str))
    return anatomies([path], [Phase("run", given, 1)], {})[0]


@pytest.mark.parametrize(("axis", "below"), [(0, 7), (1, 5), (-1, 5)])
def test_words_are_below_the_size_of_the_axis_that_they_look_up(tmp_path: Path, axis: int, below: int) -> None:
    node = onnx.helper.make_node("Gather", ["t", "words"], ["y"], axis=axis)
    found = anatomy(tmp_path / "m.onnx", [node], ["words"], [2], [table("t", 7, 5)])
    assert (fill_of(found, "words").fill, fill_of(found, "words").below) == ("ids", below)


def test_words_and_segments_of_a_fused_embedding_are_below_the_rows_of_their_own_tables(tmp_path: Path) -> None:
    reads = ["words", "segments", "word_table", "place_table", "segment_table", "scale", "shift"]
    node = onnx.helper.make_node("EmbedLayerNormalization", reads, ["y", "mask"], domain="com.microsoft")
    tables = [table("word_table", 100, 8), table("place_table", 50, 8), table("segment_table", 2, 8)]
    found = anatomy(
        tmp_path / "m.onnx", [node], ["words", "segments"], [1, 4], [*tables, table("scale", 8), table("shift", 8)]
    )
    assert [fill_of(found, name).below for name in ("words", "segments")] == [100, 2]


def test_dims_of_a_plans_phases_may_have_any_name(tmp_path: Path) -> None:
    node = onnx.helper.make_node("Gather", ["t", "words"], ["y"])
    found = anatomy(tmp_path / "m.onnx", [node], ["words"], ["past + new"], [table("t", 7, 5)])
    result = found.fact("y")
    assert result is not None
    assert result.shape == (4, 5)


def test_a_number_that_the_plan_was_made_for_is_what_requests_bring(tmp_path: Path) -> None:
    """A Range up to an input has as many numbers as the phase says."""
    info, kinds = onnx.helper.make_tensor_value_info, onnx.TensorProto
    nodes = [
        onnx.helper.make_node("Range", ["zero", "steps", "one"], ["ramp"]),
        onnx.helper.make_node("Add", ["ramp", "more"], ["y"]),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "ramp",
        [info("steps", kinds.INT64, []), info("more", kinds.INT64, [1])],
        [info("y", kinds.INT64, None)],
        [numpy_helper.from_array(np.array(k), name) for k, name in enumerate(["zero", "one"])],
    )
    path = tmp_path / "m.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=10), path)
    phases = [Phase("short", (("steps", "3"),), 1), Phase("long", (("steps", "5"),), 1)]
    found = anatomies([path], phases, {})[0]
    assert (found.numbers("short"), found.numbers("long")) == ({"steps": (3,)}, {"steps": (5,)})
    assert [fill_of(found, name, found.numbers("long")).fill for name in found.inputs] == ["given", "ones"]
