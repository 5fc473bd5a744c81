"""What a file says before any shape is found: parameters as stored, nodes with those of branches, dims by name."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from onnx import TensorProto, helper
from onnx_graphs import const, model, node, save, weight

from mapper.frontend.survey import survey

LEFT_OUT = {
    # The table leaves out Constant nodes of few elements; here each counts that is no index: norms and small filters.
    "rapidocr_onnxruntime.models_ch_ppocr_mobile_v2.0_cls_infer": 133_700,
}


@pytest.mark.slow
def test_real_files_store_the_parameters_that_the_table_counts(models_folder: Path) -> None:
    with (models_folder / "models.csv").open(newline="") as rows:
        counted = {row["name"]: int(row["params"]) for row in csv.DictReader(rows)}
    for name, expected in counted.items():
        found = survey(models_folder / f"{name}.onnx").parameters
        if name in LEFT_OUT:
            assert found == LEFT_OUT[name]
        else:
            assert found == pytest.approx(expected, rel=0.01), name


def test_index_constants_are_no_parameters(tmp_path: Path) -> None:
    nodes = [node("MatMul", ["x", "w"], ["a"]), node("Reshape", ["a", "shape"], ["y"])]
    path = save(tmp_path, model(nodes, {"x": ["n", 8]}, ["y"], [weight("w", [8, 4]), const("shape", [-1, 2])]))
    assert survey(path).parameters == 32


def test_weights_and_nodes_of_both_branches_count(tmp_path: Path) -> None:
    branches = []
    for size in (4, 6):
        y = helper.make_tensor_value_info(f"y{size}", TensorProto.FLOAT, None)
        inner = [
            node("Constant", [], [f"w{size}"], value=helper.make_tensor("w", 1, [8, size], bytes(32 * size), True))
        ]
        inner.append(node("MatMul", ["x", f"w{size}"], [f"y{size}"]))
        branches.append(helper.make_graph(inner, f"b{size}", [], [y]))
    nodes = [node("If", ["flag"], ["y"], then_branch=branches[0], else_branch=branches[1])]
    path = save(tmp_path, model(nodes, {"x": ["n", 8], "flag": ([], TensorProto.BOOL)}, ["y"]))
    found = survey(path)
    assert (found.parameters, found.nodes) == (8 * 4 + 8 * 6, 5)


def test_a_dim_is_called_by_its_role_then_by_its_own_name_then_by_its_place(tmp_path: Path) -> None:
    inputs = {"input_ids": (["b", "s"], TensorProto.INT64), "extra": ["width", None]}
    nodes = [node("Cast", ["input_ids"], ["y"], to=1), node("Relu", ["extra"], ["z"])]
    dims = {
        name: [d.name for d in dims]
        for name, _, dims in survey(save(tmp_path, model(nodes, inputs, ["y", "z"]))).inputs()
    }
    assert dims["input_ids"] == ["batch", "seq"]
    assert dims["extra"][1] == "extra.1"
