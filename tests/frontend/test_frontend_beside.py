"""Sizes whose numbers lie beside the model: as good as those inside it."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mapper.frontend import Imported, Together, load_models, parse_phase
from mapper.frontend.anatomy import anatomies
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
