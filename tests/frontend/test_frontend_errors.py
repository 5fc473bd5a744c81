"""Graphs that contradict themselves, or the sizes they are given: refused with the op, the numbers, the next step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx_graphs import IDS, const, decode_block, node, save, typed
from refusals import built, refused

from benchmarks.probe_attributes import run
from mapper.frontend import load_model


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


@pytest.mark.parametrize("count", [-(2**31), -9, -1, 1, 2**31])
def test_batch_dims_that_the_inputs_lack_are_refused_before_onnx_reads_beyond_them(tmp_path: Path, count: int) -> None:
    picked = node("GatherND", ["x", "at"], ["y"], batch_dims=count)
    path = built(tmp_path, [picked], {"x": [4, 4], "at": typed([2], IDS)}, ["y"])
    assert f"batch_dims {count} of GatherND does not fit inputs of rank 1" in refused(path)


def test_an_axis_behind_new_ones_is_no_extreme(tmp_path: Path) -> None:
    path = built(tmp_path, [node("Unsqueeze", ["x"], ["y"], axes=[0, 3, 4])], {"x": [2, 3]}, ["y"], opset=11)
    assert load_model(path).graph.value["y"].shape == (1, 2, 3, 1, 1)


@pytest.mark.slow
def test_no_extreme_attribute_kills_shape_inference() -> None:
    assert run(["GatherND", "LayerNormalization", "Split"]) == {}


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


def test_nodes_of_one_name_are_legal(tmp_path: Path) -> None:
    nodes = [node("Relu", ["x"], ["h"], name="n"), node("Neg", ["h"], ["y"], name="n")]
    assert len(load_model(built(tmp_path, nodes, {"x": [1]}, ["y"])).graph.ops) == 2


@pytest.mark.parametrize("count", [float("nan"), float("inf"), 1.5])
def test_a_count_that_is_no_whole_number_is_refused(tmp_path: Path, count: float) -> None:
    nodes = [node("TopK", ["x", "k"], ["y", "i"])]
    path = built(tmp_path, nodes, {"x": [6, 4]}, ["y", "i"], [const("k", [count], np.float32)])
    assert "TopK" in refused(path)


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
