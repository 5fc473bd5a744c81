from __future__ import annotations

import contextlib
import os
import random
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx_graphs import IDS, const, decode_block, model, node, save, typed, weight

from mapper.errors import MapperError, ModelError
from mapper.frontend import load_model, parse_phase
from mapper.hw.work import Role


def refused(path: Path, *phases: str, **dims: int) -> str:
    with pytest.raises(ModelError) as caught:
        load_model(path, [parse_phase(p) for p in phases], dims)
    return str(caught.value)


def built(folder: Path, *args: object, **kwargs: object) -> Path:
    return save(folder, model(*args, **kwargs))  # type: ignore[arg-type]


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


def test_an_empty_graph_is_refused(tmp_path: Path) -> None:
    assert "has no nodes" in refused(built(tmp_path, [], {"x": [1]}, ["x"]))


def test_a_value_made_twice_is_refused(tmp_path: Path) -> None:
    nodes = [node("Relu", ["x"], ["y"], name="one"), node("Neg", ["x"], ["y"], name="two")]
    message = refused(built(tmp_path, nodes, {"x": [1]}, ["y"]))
    assert "'y' is made twice, by Relu 'one' and by Neg 'two'" in message


def test_a_value_never_made_is_refused(tmp_path: Path) -> None:
    message = refused(built(tmp_path, [node("Add", ["x", "ghost"], ["y"])], {"x": [1]}, ["y"]))
    assert "'ghost', read by Add" in message


def test_an_output_never_made_is_refused(tmp_path: Path) -> None:
    assert "'z', a graph output" in refused(built(tmp_path, [node("Relu", ["x"], ["y"])], {"x": [1]}, ["y", "z"]))


def test_a_cycle_is_refused(tmp_path: Path) -> None:
    nodes = [node("Add", ["x", "b"], ["a"]), node("Neg", ["a"], ["b"])]
    assert "cycle" in refused(built(tmp_path, nodes, {"x": [1]}, ["b"]))


def test_an_unbound_dim_is_named_with_the_flag_to_add(tmp_path: Path) -> None:
    message = refused(save(tmp_path, decode_block()), "decode: batch=1 seq=1")
    assert "past: dim 2 of input 'past_key_values.0.key', called 'past_len' in the file" in message
    assert '--dim past=512, or --phase "decode: ... past=512"' in message


def test_an_unknown_dim_is_refused_with_near_ones(tmp_path: Path) -> None:
    assert "did you mean 'past_len'" in refused(save(tmp_path, decode_block()), batch=1, seq=1, past_lenn=3)


def test_a_size_that_the_file_fixes_cannot_be_changed(tmp_path: Path) -> None:
    message = refused(save(tmp_path, decode_block(seq=1)), "d: batch=1 seq=512 past=3")
    assert "512 (given)" in message
    assert "1 (fixed by dim 1 of input 'input_ids')" in message


def test_a_total_that_is_not_past_and_seq_is_refused_with_the_numbers(tmp_path: Path) -> None:
    message = refused(save(tmp_path, decode_block()), "d: batch=1 seq=1 past=3 total=9")
    assert "9 (given)" in message
    assert "past 3 + seq 1" in message


def test_a_dim_of_nothing_is_refused(tmp_path: Path) -> None:
    assert "would be 0; the least is 1" in refused(save(tmp_path, decode_block()), batch=0, seq=1, past=0)


def test_a_tensor_beyond_63_bits_is_refused(tmp_path: Path) -> None:
    assert "2^63" in refused(save(tmp_path, decode_block()), batch=2**40, seq=2**40, past=0)


def test_values_beyond_63_bits_inside_the_graph_are_refused(tmp_path: Path) -> None:
    nodes = [node("MatMul", ["x", "w"], ["y"])]
    path = built(tmp_path, nodes, {"x": ["n", 1], "w": [1, "m"]}, ["y"])
    assert "2^63" in refused(path, n=2**40, m=2**40)


def test_an_input_without_a_rank_is_refused(tmp_path: Path) -> None:
    path = built(tmp_path, [node("Relu", ["x"], ["y"])], {"x": typed(None, TensorProto.FLOAT)}, ["y"])
    assert "input 'x' states no shape" in refused(path)


def test_sizes_that_do_not_fit_the_model_are_refused_with_the_shapes(tmp_path: Path) -> None:
    path = built(tmp_path, [node("Add", ["x", "z"], ["y"], name="sum")], {"x": ["n"], "z": [4]}, ["y"])
    message = refused(path, n=3)
    assert "Add 'sum' of [3], [4]" in message


@pytest.mark.parametrize("axis", [2**31, -(2**31), 3, -4])
def test_an_axis_outside_its_input_is_refused_before_onnx_reads_beyond_it(tmp_path: Path, axis: int) -> None:
    normed = node("LayerNormalization", ["x", "scale"], ["y", "mean"], axis=axis)
    path = built(tmp_path, [normed, node("Add", ["y", "mean"], ["z"])], {"x": [2, 3, 4], "scale": [4]}, ["z"])
    assert f"axis {axis} of LayerNormalization lies outside its input of rank 3" in refused(path)


def test_a_value_without_a_shape_is_listed_with_its_op(tmp_path: Path) -> None:
    message = refused(built(tmp_path, [node("MatMul", ["x", "z"], ["y"], name="m")], {"x": [2], "z": [3]}, ["y"]))
    assert "'y', made by MatMul 'm' of [2], [3]: " in message


def test_a_loop_whose_body_does_not_fit_is_refused_not_crashed(tmp_path: Path) -> None:
    body = helper.make_graph(
        [node("Identity", ["c"], ["c2"]), node("MatMul", ["a", "z"], ["a2"])],
        "body",
        [
            helper.make_tensor_value_info("i", IDS, []),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            helper.make_tensor_value_info("a", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("c2", TensorProto.BOOL, []),
            helper.make_tensor_value_info("a2", TensorProto.FLOAT, None),
        ],
    )
    path = built(
        tmp_path,
        [node("Loop", ["trips", "", "x"], ["y"], body=body)],
        {"x": [2], "z": [3], "trips": typed([], IDS)},
        ["y"],
    )
    assert "made by MatMul" in refused(path)


def test_a_stated_shape_does_not_hide_sizes_that_do_not_fit(tmp_path: Path) -> None:
    names = ["q", "", "", "past_key_values.0.key", "past_key_values.0.value", "lengths", "total"]
    outputs = ["y", "present.0.key", "present.0.value"]
    grouped = helper.make_node(
        "GroupQueryAttention", names, outputs, domain="com.microsoft", num_heads=8, kv_num_heads=2
    )
    cache = ["batch", 2, "past", "width"]
    scalar = typed([1], TensorProto.INT32)
    inputs = {"q": ["batch", 1, 384], names[3]: cache, names[4]: cache, "lengths": scalar, "total": scalar}
    stated = {"y": ["batch", 1, 256], "present.0.key": cache, "present.0.value": cache}
    path = built(tmp_path, [grouped], inputs, stated, domains=["com.microsoft"])
    assert "the cache has head width 16, the query 32" in refused(path, batch=1, past=7, width=16)
    load_model(path, dims={"batch": 1, "past": 7, "width": 32})


def test_an_operator_that_refuses_its_inputs_is_not_covered_by_a_stated_shape(tmp_path: Path) -> None:
    path = built(tmp_path, [node("Add", ["x", "z"], ["y"])], {"x": ["n"], "z": [4]}, {"y": [4]})
    assert "of [3], [4]" in refused(path, n=3)


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


def relu(folder: Path, **changes: object) -> Path:
    return built(folder, [node("Relu", ["x"], ["y"])], {"x": [1]}, ["y"], **changes)


def weighted(folder: Path, *weights: TensorProto) -> Path:
    return built(folder, [node("Add", ["x", "w"], ["y"])], {"x": [1]}, ["y"], weights)


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


def test_nodes_of_one_name_are_legal(tmp_path: Path) -> None:
    nodes = [node("Relu", ["x"], ["h"], name="n"), node("Neg", ["h"], ["y"], name="n")]
    assert len(load_model(built(tmp_path, nodes, {"x": [1]}, ["y"])).graph.ops) == 2


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


@pytest.mark.parametrize("count", [float("nan"), float("inf"), 1.5])
def test_a_count_that_is_no_whole_number_is_refused(tmp_path: Path, count: float) -> None:
    nodes = [node("TopK", ["x", "k"], ["y", "i"])]
    path = built(tmp_path, nodes, {"x": [6, 4]}, ["y", "i"], [const("k", [count], np.float32)])
    assert "TopK" in refused(path)


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


def test_a_node_without_outputs_is_left_out(tmp_path: Path) -> None:
    nodes = [node("Relu", ["x"], ["y"]), node("Neg", ["x"], []), node("Neg", ["x"], [""])]
    assert len(load_model(built(tmp_path, nodes, {"x": [1]}, ["y"])).graph.ops) == 1


def test_a_node_that_lacks_an_input_is_refused(tmp_path: Path) -> None:
    assert "MatMul lacks its input 'A'" in refused(
        built(tmp_path, [node("MatMul", ["", "x"], ["y"])], {"x": [1]}, ["y"])
    )


def test_an_attribute_of_a_wrong_type_is_refused(tmp_path: Path) -> None:
    path = built(tmp_path, [node("Softmax", ["x"], ["y"], axis=[1])], {"x": [1]}, ["y"])
    assert "Softmax 'y': attribute 'axis' is of type INTS, not INT" in refused(path)


def test_an_attribute_stated_twice_is_refused(tmp_path: Path) -> None:
    softmax = node("Softmax", ["x"], ["y"], axis=0)
    softmax.attribute.append(softmax.attribute[0])
    assert "Softmax 'y': an attribute is stated twice" in refused(built(tmp_path, [softmax], {"x": [1]}, ["y"]))


def test_a_function_that_calls_itself_is_refused(tmp_path: Path) -> None:
    again = helper.make_function(
        "acme",
        "F",
        ["a"],
        ["b"],
        [helper.make_node("F", ["a"], ["b"], domain="acme")],
        [helper.make_opsetid("acme", 1)],
    )
    call = helper.make_node("F", ["x"], ["y"], domain="acme")
    assert "functions" in refused(built(tmp_path, [call], {"x": [1]}, ["y"], functions=[again], domains=["acme"]))


def test_a_name_of_a_megabyte_is_a_name(tmp_path: Path) -> None:
    name = "n" * 1_000_000
    path = built(tmp_path, [node("Relu", ["x"], [name]), node("Neg", [name], ["y"])], {"x": [1]}, ["y"])
    assert load_model(path).graph.value[name].shape == (1,)


@pytest.mark.slow
def test_a_hundred_thousand_nodes_are_read(tmp_path: Path) -> None:
    count = 100_000
    nodes = [node("Relu", [f"h{i}"], [f"h{i + 1}"]) for i in range(count)]
    path = built(tmp_path, nodes, {"h0": ["n"]}, [f"h{count}"])
    assert len(load_model(path, dims={"n": 3}).graph.ops) == count
