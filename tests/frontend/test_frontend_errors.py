from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest
from onnx import TensorProto, helper
from onnx_graphs import IDS, decode_block, model, node, save, typed

from mapper.errors import MapperError, ModelError
from mapper.frontend import load_model, parse_phase


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
    assert "opset 6" in refused(built(tmp_path, [node("Relu", ["x"], ["y"])], {"x": [1]}, ["y"], opset=6))


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


def test_a_value_without_a_shape_is_listed_with_its_op(tmp_path: Path) -> None:
    magic = helper.make_node("Magic", ["x"], ["y"], domain="acme", name="m")
    message = refused(built(tmp_path, [magic], {"x": [2]}, ["y"], domains=["acme"]))
    assert "'y', made by acme::Magic 'm' of [2]: operator Magic of domain 'acme' is not known" in message


def test_a_loop_whose_shapes_do_not_follow_is_refused_not_crashed(tmp_path: Path) -> None:
    body = helper.make_graph(
        [node("Identity", ["c"], ["c2"]), node("Add", ["a", "x"], ["a2"])],
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
        tmp_path, [node("Loop", ["trips", "", "x"], ["y"], body=body)], {"x": [2], "trips": typed([], IDS)}, ["y"]
    )
    assert "Loop" in refused(path)


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
