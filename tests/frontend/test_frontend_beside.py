"""Sizes whose numbers lie beside the model: as good as those inside it."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mapper.frontend import Imported, Together, load_models, parse_phase
from mapper.frontend.anatomy import anatomies
from mapper.frontend.file.beside import put_sizes_inside
from mapper.ir.graph import Phase


def written(path: Path) -> Path:
    """x reshaped to [-1, 4] and halved, with all numbers in a file beside the model."""
    nodes = [helper.make_node("Reshape", ["x", "size"], ["rows"]), helper.make_node("Mul", ["rows", "half"], ["y"])]
    weights = [
        numpy_helper.from_array(np.array([-1, 4], np.int64), "size"),
        numpy_helper.from_array(np.array([0.5], np.float32), "half"),
    ]
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, d) for n, d in (("x", [2, 6]), ("y", None))]
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path, save_as_external_data=True, location="beside.bin", size_threshold=0)
    return path


def loaded(path: Path) -> Imported:
    return load_models([path], [parse_phase("run:")], Together())


def test_a_size_beside_the_model_is_known(tmp_path):
    found = loaded(written(tmp_path / "m.onnx"))
    assert found.graph.value["y"].shape == (3, 4)
    assert not found.warnings


@pytest.mark.parametrize("bytes_left", [None, 0, 5])
def test_a_size_that_is_missing_or_cut_short_is_told_to_be_assumed(tmp_path, bytes_left):
    path, beside = written(tmp_path / "m.onnx"), tmp_path / "beside.bin"
    if bytes_left is None:
        beside.unlink()
    else:
        beside.write_bytes(beside.read_bytes()[:bytes_left])
    assert any("'size' depends on data" in warning for warning in loaded(path).warnings)


def test_a_link_out_of_the_folder_is_not_opened(tmp_path):
    (tmp_path / "models").mkdir()
    path = written(tmp_path / "models" / "m.onnx")
    (tmp_path / "models" / "beside.bin").rename(tmp_path / "elsewhere.bin")
    (tmp_path / "models" / "beside.bin").symlink_to(tmp_path / "elsewhere.bin")
    assert any("'size' depends on data" in warning for warning in loaded(path).warnings)
    found = anatomies([path], [Phase("run", (), 1)], {})[0]
    assert found.initializers["size"].data_location == TensorProto.EXTERNAL


def test_a_link_within_the_folder_is_followed(tmp_path):
    path = written(tmp_path / "m.onnx")
    (tmp_path / "beside.bin").rename(tmp_path / "data.bin")
    (tmp_path / "beside.bin").symlink_to("data.bin")
    assert loaded(path).graph.value["y"].shape == (3, 4)


def test_numbers_without_a_stated_length_are_as_long_as_their_shape_says(tmp_path):
    path = written(tmp_path / "m.onnx")
    model = onnx.load(str(path), load_external_data=False)
    for tensor in model.graph.initializer:
        kept = [e for e in tensor.external_data if e.key != "length"]
        del tensor.external_data[:]
        tensor.external_data.extend(kept)
    path.write_bytes(model.SerializeToString())
    assert loaded(path).graph.value["y"].shape == (3, 4)


def test_pieces_have_sizes_inside_and_weights_beside(tmp_path):
    path = written(tmp_path / "m.onnx")
    found = anatomies([path], [Phase("run", (), 1)], {})[0]
    assert {name: t.data_location for name, t in found.initializers.items()} == {"size": 0, "half": 1}
    assert numpy_helper.to_array(found.initializers["size"]).tolist() == [-1, 4]


def test_sizes_beside_the_model_are_known_in_constants_and_in_bodies(tmp_path):
    """Saved with convert_attribute, where nothing else says how long the results are."""
    info = helper.make_tensor_value_info
    branches = [
        helper.make_graph(
            [helper.make_node("Reshape", ["x", f"size {k}"], [f"rows {k}"])],
            f"branch {k}",
            [],
            [info(f"rows {k}", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(np.array([-1, 3], np.int64), f"size {k}")],
        )
        for k in range(2)
    ]
    turned = numpy_helper.from_array(np.array([3, -1], np.int64), "turned")
    nodes = [
        helper.make_node("If", ["flag"], ["rows"], then_branch=branches[0], else_branch=branches[1]),
        helper.make_node("Constant", [], ["turned"], value=turned),
        helper.make_node("Reshape", ["rows", "turned"], ["y"]),
    ]
    ports = [info("x", TensorProto.FLOAT, [2, 6]), info("flag", TensorProto.BOOL, [])]
    graph = helper.make_graph(nodes, "g", ports, [info("y", TensorProto.FLOAT, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    words = {"location": "beside.bin", "size_threshold": 0, "convert_attribute": True}
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, **words)
    assert (tmp_path / "beside.bin").stat().st_size >= 6 * 8
    found = loaded(tmp_path / "m.onnx")
    assert [v.shape for n, v in found.graph.value.items() if "rows" in n] == [(4, 3)]
    assert found.graph.value["y"].shape == (3, 4)
    assert not any("size" in warning or "turned" in warning for warning in found.warnings)
    whole = anatomies([tmp_path / "m.onnx"], [Phase("run", (), 1)], {})[0].model.graph
    assert whole.node[1].attribute[0].t.data_location == TensorProto.DEFAULT
    assert {t.data_location for a in whole.node[0].attribute for t in a.g.initializer} == {TensorProto.DEFAULT}


@pytest.mark.parametrize(("dims", "location"), [([-1], "beside.bin"), ([2], "../up.bin"), ([2], "a\0b"), ([2], "")])
def test_a_constant_that_is_damaged_or_lies_elsewhere_is_not_read(tmp_path, dims, location):
    (tmp_path / "models").mkdir()
    for file in ("up.bin", "models/beside.bin"):
        (tmp_path / file).write_bytes(np.array([3, 4], np.int64).tobytes())
    tensor = TensorProto(name="size", data_type=TensorProto.INT64, dims=dims, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    graph = onnx.GraphProto()
    graph.node.append(helper.make_node("Constant", [], ["size"], value=tensor))
    put_sizes_inside(tmp_path / "models", graph)
    assert graph.node[0].attribute[0].t == tensor
