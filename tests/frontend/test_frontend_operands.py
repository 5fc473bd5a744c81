"""Shapes that are made of data: expected values with a warning, or those that the user gives."""

from __future__ import annotations

from pathlib import Path

import pytest
from onnx import TensorProto

from mapper.errors import UsageError
from mapper.frontend import load_model
from tests.frontend.onnx_graphs import IDS, model, node, save, typed

CASES = [
    ("Reshape", {"x": [2, 3, 4], "shape": typed([2], IDS)}, {}, (2, 12)),
    ("Reshape", {"x": [6], "shape": typed([3], IDS)}, {}, (1, 1, 6)),
    ("Tile", {"x": [2, 3], "repeats": typed([2], IDS)}, {}, (2, 3)),
    ("Pad", {"x": [2, 3], "pads": typed([4], IDS)}, {}, (2, 3)),
    ("Squeeze", {"x": [2, 1, 3], "axes": typed([1], IDS)}, {}, (2, 3)),
    ("Unsqueeze", {"x": [2, 3], "axes": typed([1], IDS)}, {}, (1, 2, 3)),
    ("ReduceSum", {"x": [2, 3], "axes": typed([1], IDS)}, {"keepdims": 0}, (2,)),
    ("ConstantOfShape", {"shape": typed([2], IDS)}, {}, (1, 1)),
    ("OneHot", {"x": typed([2], IDS), "depth": typed([], IDS), "values": [2]}, {}, (2, 2)),
    ("CenterCropPad", {"x": [2, 3], "shape": typed([2], IDS)}, {}, (2, 3)),
    ("Resize", {"x": [1, 1, 2, 2], "none": [0], "scales": [4]}, {"mode": "nearest"}, (1, 1, 2, 2)),
]


@pytest.mark.parametrize(("op_type", "inputs", "attrs", "shape"), CASES)
def test_a_shape_made_of_data_is_expected_to_be_the_plainest(
    tmp_path: Path, op_type: str, inputs: dict[str, object], attrs: dict[str, object], shape: tuple[int, ...]
) -> None:
    path = save(tmp_path, model([node(op_type, list(inputs), ["y"], **attrs)], inputs, ["y"]))  # type: ignore[arg-type]
    imported = load_model(path)
    assert imported.graph.value["y"].shape == shape
    assert "--expect" in imported.warnings[0]


def reshaped(folder: Path) -> Path:
    inputs = {"x": [2, 3, 4], "shape": typed([2], IDS)}
    return save(folder, model([node("Reshape", ["x", "shape"], ["y"])], inputs, ["y"]))


def test_the_numbers_of_a_shape_can_be_given_one_by_one(tmp_path: Path) -> None:
    imported = load_model(reshaped(tmp_path), expect={"shape[0]": 6, "shape[1]": 4})
    assert imported.graph.value["y"].shape == (6, 4)
    assert imported.warnings == ()


def test_numbers_that_are_not_given_are_expected(tmp_path: Path) -> None:
    imported = load_model(reshaped(tmp_path), expect={"shape[1]": 12})
    assert imported.graph.value["y"].shape == (2, 12)


def test_a_number_of_another_input_is_refused_by_naming_near_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"shape\[0\]"):
        load_model(reshaped(tmp_path), expect={"shap[0]": 6})


def test_two_ops_read_the_same_expected_shape(tmp_path: Path) -> None:
    inputs = {"x": [2, 3, 4], "z": [24], "shape": typed([2], IDS)}
    nodes = [
        node("Reshape", ["x", "shape"], ["a"]),
        node("Reshape", ["z", "shape"], ["b"]),
        node("Add", ["a", "b"], ["y"]),
    ]
    imported = load_model(save(tmp_path, model(nodes, inputs, ["y"])))
    assert imported.graph.value["y"].shape == (2, 12)


def test_what_the_file_states_goes_before_what_is_expected(tmp_path: Path) -> None:
    inputs = {"x": [2, 3, 4], "shape": typed([2], IDS)}
    imported = load_model(save(tmp_path, model([node("Reshape", ["x", "shape"], ["y"])], inputs, {"y": [8, 3]})))
    assert imported.graph.value["y"].shape == (8, 3)
    assert imported.warnings == ()


def test_a_generation_loop_is_one_opaque_op_with_a_length(tmp_path: Path) -> None:
    inner = model([node("Identity", ["logits"], ["scores"])], {"logits": [1, 1, 9]}, {"scores": [1, 1, 9]}).graph
    inputs = {"ids": typed([2, 5], TensorProto.INT32), "longest": typed([1], TensorProto.INT32)}
    search = node(
        "GreedySearch", ["ids", "longest"], ["y"], domain="com.microsoft", decoder=inner, eos_token_id=1, pad_token_id=0
    )
    imported = load_model(
        save(tmp_path, model([search], inputs, ["y"], domains=["com.microsoft"])), expect={"longest": 20}
    )
    assert [op.kind for op in imported.graph.ops] == ["opaque"]
    assert imported.graph.value["y"].shape == (2, 20)
    assert "generation loop" in imported.warnings[0]


@pytest.mark.parametrize(
    ("op_type", "domain", "why"),
    [
        ("EPContext", "com.microsoft", "compiled for another device"),
        ("ATen", "org.pytorch.aten", "operator of PyTorch"),
        ("Conv", "com.acme", "domain 'com.acme'"),
    ],
)
def test_an_op_of_no_kind_keeps_the_shape_that_the_file_states(
    tmp_path: Path, op_type: str, domain: str, why: str
) -> None:
    built = model([node(op_type, ["x"], ["y"], domain=domain)], {"x": [2, 3]}, {"y": [4, 5]}, domains=[domain])
    imported = load_model(save(tmp_path, built))
    assert [(op.kind, imported.graph.value["y"].shape) for op in imported.graph.ops] == [("opaque", (4, 5))]
    assert why in imported.warnings[0]
