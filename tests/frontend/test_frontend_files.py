"""Files that are no models, hold what cannot be, or lie about it: each is refused in words that say what it is."""

from __future__ import annotations

import contextlib
import os
import random
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx_graphs import const, decode_block, node, save, typed, weight
from refusals import built, refused

from mapper.errors import MapperError
from mapper.frontend import load_model, parse_phase
from mapper.hw.work import Role


def relu(folder: Path, **changes: object) -> Path:
    return built(folder, [node("Relu", ["x"], ["y"])], {"x": [1]}, ["y"], **changes)


def weighted(folder: Path, *weights: TensorProto) -> Path:
    return built(folder, [node("Add", ["x", "w"], ["y"])], {"x": [1]}, ["y"], weights)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "cannot read" in refused(tmp_path / "no.onnx")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    assert "is a folder" in refused(tmp_path)


def test_an_empty_file_is_not_a_model(tmp_path: Path) -> None:
    path = tmp_path / "empty.onnx"
    path.touch()
    assert "0 bytes" in refused(path)


@pytest.mark.parametrize("content", [b"PK\x03\x04 a zip", b"hello world", b"{}", b"\x7fELF", b"\xff" * 100])
def test_other_files_are_not_onnx(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    message = refused(path)
    assert "not an ONNX file" in message
    assert f"{len(content)} bytes" in message


def test_a_pointer_of_git_lfs_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "pointer.onnx"
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    assert "git lfs pull" in refused(path)


def test_a_file_cut_short_is_truncated(tmp_path: Path) -> None:
    path = save(tmp_path, decode_block())
    path.write_bytes(path.read_bytes()[:-100])
    assert "truncated" in refused(path)


def test_no_cut_or_flipped_byte_shows_anything_but_an_error_message(tmp_path: Path) -> None:
    path = save(tmp_path, decode_block())
    whole = path.read_bytes()
    dice = random.Random(7)
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        path.write_bytes(damaged if dice.random() < 0.7 else whole[: dice.randrange(len(whole))])
        with contextlib.suppress(MapperError):  # anything else fails the test
            load_model(path, [parse_phase("r: batch=1 seq=1 past=3")])


def test_a_model_without_opset_is_refused(tmp_path: Path) -> None:
    broken = decode_block()
    del broken.opset_import[:]
    assert "states no opset" in refused(save(tmp_path, broken))


def test_an_opset_of_another_age_is_refused_with_its_number(tmp_path: Path) -> None:
    assert "opset 5" in refused(built(tmp_path, [node("Relu", ["x"], ["y"])], {"x": [1]}, ["y"], opset=5))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x18\x00\x00\x00ORTM" + b"\0" * 40, "an ORT-format model"),
        (b"\x1c\x00\x00\x00TFL3" + b"\0" * 40, "a TensorFlow Lite model"),
        (b"PK\x03\x04" + b"\0" * 40, "a zip archive, as PyTorch checkpoints are"),
        (b"\x80\x02}q\x00.", "a Python pickle, as old PyTorch checkpoints are"),
        (b"\x02\0\0\0\0\0\0\0{}", "a safetensors file: weights without a graph"),
        (b"GGUF\x03\0\0\0", "a GGUF model"),
        (b'ir_version: 8\ngraph {\n  name: "g"\n}\n', "ONNX in text format"),
        (b'<\n  ir_version: 8,\n  opset_import: ["" : 17]\n>\ng (float[n] x) => (y) {}', "ONNX in its readable syntax"),
        (b'{"irVersion": "8", "graph": {}}', "a JSON text"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b'<?xml version="1.0"?><net name="m"/>', "an XML text, as OpenVINO models are"),
    ],
)
def test_a_file_of_another_format_is_called_by_its_name(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    assert f"is {what}, not an ONNX file" in refused(path)


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert "no regular file" in refused(path)


def test_two_initializers_of_one_name_are_refused(tmp_path: Path) -> None:
    assert "two initializers are called 'w'" in refused(weighted(tmp_path, const("w", [1]), const("w", [2])))


def test_two_inputs_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = decode_block()
    twice.graph.input.append(twice.graph.input[0])
    assert "two graph inputs are called 'input_ids'" in refused(save(tmp_path, twice))


def test_a_constant_that_has_the_name_of_an_initializer_is_refused(tmp_path: Path) -> None:
    nodes = [node("Constant", [], ["w"], value=const("", 1)), node("Add", ["x", "w"], ["y"])]
    path = built(tmp_path, nodes, {"x": [1]}, ["y"], [const("w", [1])])
    assert "value 'w' is made twice, by its constants and by Constant -> 'w'" in refused(path)


def test_an_initializer_may_also_be_an_input(tmp_path: Path) -> None:
    path = built(
        tmp_path, [node("Add", ["x", "w"], ["y"])], {"x": [1], "w": [1]}, ["y"], [const("w", [1.0], np.float32)]
    )
    assert [v.name for v in load_model(path).graph.values if v.role is Role.INPUT] == ["x"]


def test_a_negative_dim_of_a_weight_is_refused(tmp_path: Path) -> None:
    assert "tensor 'w' has a dim of -3" in refused(weighted(tmp_path, weight("w", [2, -3])))


def test_a_weight_beyond_63_bits_is_refused(tmp_path: Path) -> None:
    assert f"{2**40} x {2**40} elements, more than 2^63" in refused(weighted(tmp_path, weight("w", [2**40, 2**40])))


def test_a_weight_of_a_million_dims_is_refused_at_once(tmp_path: Path) -> None:
    assert "has more than 64 dims" in refused(weighted(tmp_path, weight("w", [2**62] * 1_000_000)))


def test_a_weight_without_elements_is_legal(tmp_path: Path) -> None:
    path = built(tmp_path, [node("Concat", ["x", "w"], ["y"], axis=0)], {"x": [2]}, ["y"], [weight("w", [0])])
    assert load_model(path).graph.value["y"].shape == (2,)


@pytest.mark.parametrize("elem", [0, 99])
def test_an_element_type_that_does_not_exist_is_refused(tmp_path: Path, elem: int) -> None:
    assert "tensor 'w' has" in refused(weighted(tmp_path, weight("w", [1], elem)))
    path = built(tmp_path, [node("Relu", ["x"], ["y"])], {"x": typed([1], elem)}, ["y"])
    assert "input 'x' has" in refused(path)


@pytest.mark.parametrize("version", [0, -1, 5])
def test_an_opset_below_the_oldest_is_refused(tmp_path: Path, version: int) -> None:
    assert f"uses opset {version}; 6 is the oldest" in refused(relu(tmp_path, opset=version))


def test_an_opset_of_the_future_is_a_warning(tmp_path: Path) -> None:
    assert "opset 999 is newer than the installed onnx knows" in load_model(relu(tmp_path, opset=999)).warnings[0]


def test_two_opsets_for_one_domain_are_refused(tmp_path: Path) -> None:
    broken = decode_block()
    broken.opset_import.append(helper.make_opsetid("ai.onnx", 11))
    assert "states opsets 18 and 11 for one domain" in refused(save(tmp_path, broken))


def test_standard_operators_without_an_opset_are_refused(tmp_path: Path) -> None:
    broken = decode_block()
    broken.opset_import[0].domain = "acme"
    assert "states no opset for it" in refused(save(tmp_path, broken))


def test_a_custom_domain_without_an_opset_is_a_warning(tmp_path: Path) -> None:
    gelu = helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")
    warnings = load_model(built(tmp_path, [gelu], {"x": [1]}, ["y"])).warnings
    assert "no opset is stated for com.microsoft; its operators are taken as version 1" in warnings


@pytest.mark.parametrize("what", ["name", "input", "initializer", "opset", "branch"])
def test_names_that_are_no_text_are_refused(tmp_path: Path, what: str) -> None:
    inner = helper.make_graph(
        [node("Relu", ["x"], ["branch~"])], "g", [], [helper.make_tensor_value_info("branch~", 1, None)]
    )
    nodes = [
        node("Add", ["x", "initializer~"], ["h"], name="name~"),
        node("If", ["c"], ["y"], then_branch=inner, else_branch=inner),
    ]
    inputs = {"x": [1], "input~": [1], "c": typed([1], TensorProto.BOOL)}
    path = built(tmp_path, nodes, inputs, ["y"], [weight("initializer~", [1])], domains=["opset~"])
    path.write_bytes(path.read_bytes().replace(f"{what}~".encode(), what.encode() + b"\xff"))
    assert "names that are not UTF-8" in refused(path)


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("/etc/passwd", "an absolute path"),
        ("C:\\weights.bin", "an absolute path"),
        ("\\\\host\\share", "an absolute path"),
        ("../weights.bin", "outside the model's folder"),
        ("a/../../weights.bin", "outside the model's folder"),
        ("..\\weights.bin", "outside the model's folder"),
        ("", "names no file"),
        ("a\0b", "names no file"),
        ("a/..", "the model's folder itself"),
    ],
)
def test_external_data_outside_the_folder_is_refused_and_not_opened(tmp_path: Path, location: str, why: str) -> None:
    tensor = weight("w", [1])
    tensor.external_data[0].value = location
    message = refused(weighted(tmp_path, tensor))
    assert "tensor 'w' has its numbers in" in message
    assert why in message


@pytest.mark.parametrize("location", ["gone.bin", ""])
def test_an_attribute_with_its_numbers_in_another_file_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gone.bin").mkdir()
    tensor = weight("", [1])
    tensor.external_data[0].value = location
    nodes = [node("ConstantOfShape", ["size"], ["c"], value=tensor), node("Relu", ["c"], ["y"])]
    path = built(tmp_path, nodes, {"x": [1]}, ["y"], [const("size", [3])])
    assert load_model(path).graph.value["y"].shape == (3,)


def test_external_data_inside_the_folder_need_not_exist(tmp_path: Path) -> None:
    tensor = weight("w", [1])
    tensor.external_data[0].value = "parts/./../parts/weights.bin"
    load_model(weighted(tmp_path, tensor))


@pytest.mark.parametrize("value", ["-1", "many", "1.5", "", "٣", str(2**63)])
@pytest.mark.parametrize("key", ["offset", "length"])
def test_external_data_at_no_place_is_refused(tmp_path: Path, key: str, value: str) -> None:
    tensor = weight("w", [1])
    tensor.external_data.add(key=key, value=value)
    assert f"states the {key} of its external data as '{value}', not a count" in refused(weighted(tmp_path, tensor))
