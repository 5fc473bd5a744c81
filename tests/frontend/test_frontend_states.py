from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_graphs import IDS, Dims, const, model, node, save, typed, weight

from mapper.frontend import load_model, parse_phase
from mapper.hw.work import Role
from mapper.ir.graph import State

Inputs = Mapping[str, Dims | tuple[Dims | None, int]]


def states(
    folder: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Inputs,
    outputs: Sequence[str],
    weights: Sequence[TensorProto] = (),
    domains: Sequence[str] = (),
    **dims: int,
) -> set[tuple[str, str]]:
    path = save(folder, model(nodes, inputs, outputs, weights, domains=domains))
    found = load_model(path, dims=dims).graph
    for state in found.states:
        assert {found.value[n].role for n in (state.past, state.present) if n} == {Role.STATE}
    return {(s.past, s.present) for s in found.states}


def grows(past: str, new: str, present: str, read: str = "y", axis: int = 2) -> list[onnx.NodeProto]:
    """A cache that grows by `new`, and something that reads it."""
    return [node("Concat", [past, new], [present], axis=axis), node("ReduceSum", [present], [read], keepdims=1)]


CACHE: Dims = ["batch", 2, "past_len", 4]
NEW: Dims = ["batch", 2, 1, 4]


@pytest.mark.parametrize(
    ("past", "present"),
    [
        ("past_key_values.0.key", "present.0.key"),
        ("past_key_values.0.key", "present_key_values.0.key"),
        ("past_key_values.0.decoder.value", "present.0.decoder.value"),
        ("past_key_values_0_key", "present_key_values_0_key"),
        ("past_key_values.0", "present.0"),
        ("past_0", "present_0"),
        ("past_key_self_0", "present_key_self_0"),
        ("past_key_0", "present_key_0"),
        ("cache_key_1", "out_cache_key_1"),
        ("kv_cache_in", "kv_cache_out"),
        ("cached_key_0", "new_cached_key_0"),
        ("cache_last_channel", "cache_last_channel_next"),
        ("past_key_values_0_key", "cat_3"),
        ("key_cache_0", "getitem_12"),
        ("x.17", "1453"),
    ],
)
def test_a_cache_that_grows_is_a_state_whatever_its_names_are(tmp_path: Path, past: str, present: str) -> None:
    nodes = [node("Mul", ["x", "x"], ["new"]), *grows(past, "new", present)]
    found = states(tmp_path, nodes, {"x": NEW, past: CACHE}, ["y", present], batch=1, past=5)
    assert found == {(past, present)}


def test_each_cache_finds_its_own_present_though_all_look_alike(tmp_path: Path) -> None:
    nodes = [
        *(n for i in range(4) for n in grows(f"past_{i}", "x", f"cat_{3 - i}", f"y{i}")),
        node("Sum", [f"y{i}" for i in range(4)], ["y"]),
    ]
    inputs = {"x": NEW, **{f"past_{i}": CACHE for i in range(4)}}
    found = states(tmp_path, nodes, inputs, ["y", *(f"cat_{i}" for i in range(4))], batch=1, past=5)
    assert found == {(f"past_{i}", f"cat_{3 - i}") for i in range(4)}


def test_a_stack_of_caches_taken_apart_and_put_together_is_one_state(tmp_path: Path) -> None:
    nodes = [
        node("Split", ["past"], ["k", "v"], axis=0, num_outputs=2),
        *(node("Concat", [name, "x"], [f"{name}2"], axis=3) for name in "kv"),
        node("Concat", ["k2", "v2"], ["out"], axis=0),
        node("MatMul", ["k2", "w"], ["y"]),
    ]
    inputs = {"x": [1, "batch", 2, 1, 4], "past": [2, "batch", 2, "past_len", 4]}
    assert states(tmp_path, nodes, inputs, ["y", "out"], [weight("w", [4, 4])], batch=1, past=5) == {("past", "out")}


def test_a_sliding_window_keeps_its_size_and_is_a_state(tmp_path: Path) -> None:
    nodes = [
        node("Concat", ["left_context", "x"], ["long"], axis=1),
        node("Slice", ["long", "start", "end", "axis"], ["tail"]),
        node("ReduceSum", ["long"], ["y"], keepdims=1),
    ]
    constants = [const("start", [-6]), const("end", [2**31]), const("axis", [1])]
    inputs = {"x": ["batch", 16, 8], "left_context": ["batch", 6, 8]}
    found = states(tmp_path, nodes, inputs, ["y", "tail"], constants, batch=1)
    assert found == {("left_context", "tail")}


@pytest.mark.parametrize("writer", ["ScatterND", "ScatterElements", "Where"])
def test_a_static_cache_written_in_place_is_a_state_of_its_full_capacity(tmp_path: Path, writer: str) -> None:
    nodes = {
        "ScatterND": [node("ScatterND", ["key_cache_0", "cache_position", "x"], ["out"])],
        "ScatterElements": [node("ScatterElements", ["key_cache_0", "cache_position", "x"], ["out"], axis=2)],
        "Where": [node("Where", ["cache_position", "x", "key_cache_0"], ["out"])],
    }[writer]
    position = {
        "ScatterND": typed([1, 2, 1, 3], IDS),
        "ScatterElements": typed([1, 2, 1, 4], IDS),
        "Where": typed([64, 1], TensorProto.BOOL),
    }[writer]
    nodes.append(node("ReduceSum", ["out"], ["y"], keepdims=1))
    inputs = {"x": [1, 2, 1, 4], "cache_position": position, "key_cache_0": [1, 2, 64, 4]}
    path = save(tmp_path, model(nodes, inputs, ["y", "out"]))
    imported = load_model(path, [parse_phase("run: capacity=64")])
    assert imported.graph.states == (State("key_cache_0", "out"),)
    assert imported.graph.value["out"].shape == (1, 2, 64, 4)


@pytest.mark.parametrize(
    ("past", "present"), [("h0", "hn"), ("h_0", "h_n"), ("state", "stateN"), ("onnx::LSTM_5", "217")]
)
def test_the_states_of_a_recurrent_layer_are_found_by_its_operator(tmp_path: Path, past: str, present: str) -> None:
    lstm = node("LSTM", ["x", "w", "r", "", "", past, "c"], ["ys", present, "c_last"], hidden_size=8)
    weights = [weight("w", [1, 32, 4]), weight("r", [1, 32, 8])]
    inputs = {"x": ["seq_len", "n", 4], past: [1, "n", 8], "c": [1, "n", 8]}
    found = states(tmp_path, [lstm], inputs, ["ys", present, "c_last"], weights, seq=3, batch=1)
    assert found == {(past, present), ("c", "c_last")}


def test_a_state_space_update_is_found_by_its_names(tmp_path: Path) -> None:
    nodes = [
        node("Mul", ["ssm_state_0", "decay"], ["kept"]),
        node("Add", ["kept", "x"], ["ssm_state_out_0"]),
        node("MatMul", ["ssm_state_out_0", "w"], ["y"]),
    ]
    inputs = {"x": ["batch", 16, 4], "ssm_state_0": ["batch", 16, 4]}
    weights = [weight("decay", [16, 4]), weight("w", [4, 4])]
    found = states(tmp_path, nodes, inputs, ["y", "ssm_state_out_0"], weights, batch=1)
    assert found == {("ssm_state_0", "ssm_state_out_0")}


def test_a_gated_state_depends_on_itself_and_is_found_by_its_names(tmp_path: Path) -> None:
    nodes = [node("MatMul", ["h", "w"], ["g"]), node("Tanh", ["g"], ["t"]), node("Add", ["t", "x"], ["hn"])]
    found = states(tmp_path, nodes, {"x": [1, 8], "h": [1, 8]}, ["hn"], [weight("w", [8, 8])])
    assert found == {("h", "hn")}


def test_the_past_of_an_attention_operator_pairs_with_its_present(tmp_path: Path) -> None:
    names = ["q", "", "", "a", "b", "lengths", "total"]
    grouped = helper.make_node(
        "GroupQueryAttention", names, ["y", "p", "q2"], domain="com.microsoft", num_heads=8, kv_num_heads=2
    )
    scalar = typed([1], TensorProto.INT32)
    cache: Dims = ["batch", 2, "len", "width"]
    inputs = {"q": ["batch", 1, 384], "a": cache, "b": cache, "lengths": scalar, "total": scalar}
    found = states(tmp_path, [grouped], inputs, ["y", "p", "q2"], (), ["com.microsoft"], batch=1, past=7)
    assert found == {("a", "p"), ("b", "q2")}


def test_the_cross_cache_of_a_decoder_passes_through(tmp_path: Path) -> None:
    nodes = [
        *grows("past_key_values.0.decoder.key", "x", "present.0.decoder.key"),
        node("Identity", ["past_key_values.0.encoder.key"], ["present.0.encoder.key"]),
    ]
    inputs = {
        "x": NEW,
        "past_key_values.0.decoder.key": CACHE,
        "past_key_values.0.encoder.key": ["batch", 2, "encoder_len", 4],
    }
    outputs = ["y", "present.0.decoder.key", "present.0.encoder.key"]
    found = states(tmp_path, nodes, inputs, outputs, batch=1, past=5, enc_seq=9)
    assert found == {(f"past_key_values.0.{k}.key", f"present.0.{k}.key") for k in ("decoder", "encoder")}


def test_a_cross_cache_that_is_only_read_is_a_state_without_a_present(tmp_path: Path) -> None:
    nodes = [
        *grows("past_key_self_0", "x", "present_key_self_0", read="s"),
        node("ReduceSum", ["past_key_cross_0"], ["c"], keepdims=1),
        node("Add", ["s", "c"], ["y"]),
    ]
    inputs = {"x": NEW, "past_key_self_0": CACHE, "past_key_cross_0": ["batch", 2, "encoder_len", 4]}
    found = states(tmp_path, nodes, inputs, ["y", "present_key_self_0"], batch=1, past=5, enc_seq=9)
    assert found == {("past_key_self_0", "present_key_self_0"), ("past_key_cross_0", "")}


def test_a_prefill_export_creates_states(tmp_path: Path) -> None:
    nodes = [node("MatMul", ["x", "w"], ["present.0.key"]), node("ReduceSum", ["present.0.key"], ["y"])]
    found = states(tmp_path, nodes, {"x": [1, 2, 5, 4]}, ["y", "present.0.key"], [weight("w", [4, 4])])
    assert found == {("", "present.0.key")}


def test_unnamed_keys_and_values_of_a_prefill_are_created_states(tmp_path: Path) -> None:
    nodes = [
        *(node("MatMul", ["x", f"w{n}"], [f"getitem_{n}"]) for n in "qkv"),
        node("Transpose", ["getitem_k"], ["kt"], perm=[0, 1, 3, 2]),
        node("MatMul", ["getitem_q", "kt"], ["scores"]),
        node("MatMul", ["scores", "getitem_v"], ["y"]),
    ]
    weights = [weight(f"w{n}", [4, 4]) for n in "qkv"]
    found = states(tmp_path, nodes, {"x": [1, 2, 5, 4]}, ["y", "getitem_k", "getitem_v"], weights)
    assert found == {("", "getitem_k"), ("", "getitem_v")}


NO_STATES: dict[str, tuple[list[onnx.NodeProto], Inputs, list[str]]] = {
    "a residual block": ([node("Relu", ["x"], ["h"]), node("Add", ["x", "h"], ["y"])], {"x": [1, 8, 4, 4]}, ["y"]),
    "a dense block": (
        [node("Relu", ["x"], ["h"]), node("Concat", ["x", "h"], ["y"], axis=1), node("Neg", ["y"], ["z"])],
        {"x": [1, 8, 4, 4]},
        ["y", "z"],
    ),
    "hidden states of a stack of layers": (
        [node("Add", ["hidden_states", "b"], ["output_hidden_states"])],
        {"hidden_states": [1, 5, 8], "b": [8]},
        ["output_hidden_states"],
    ),
    "states of an encoder handed on": (
        [node("Identity", ["encoder_hidden_states"], ["encoder_last_hidden_state"])],
        {"encoder_hidden_states": [1, 5, 8]},
        ["encoder_last_hidden_state"],
    ),
    "an attention mask made longer": (
        [
            node("Concat", ["attention_mask", "one"], ["present_attention_mask"], axis=1),
            node("Neg", ["present_attention_mask"], ["y"]),
        ],
        {"attention_mask": typed([1, 5], IDS), "one": typed([1, 1], IDS)},
        ["y", "present_attention_mask"],
    ),
    "tokens with one more": (
        [node("Concat", ["input_ids", "t"], ["new_input_ids"], axis=1), node("Neg", ["new_input_ids"], ["y"])],
        {"input_ids": typed([1, 5], IDS), "t": typed([1, 1], IDS)},
        ["y", "new_input_ids"],
    ),
    "pictures put before words": (
        [node("Concat", ["image_features", "w"], ["embeds"], axis=1)],
        {"image_features": [1, 5, 8], "w": [1, 3, 8]},
        ["embeds"],
    ),
    "a picture made brighter": ([node("Mul", ["x", "s"], ["x_out"])], {"x": [1, 3, 8, 8], "s": []}, ["x_out"]),
}


@pytest.mark.parametrize("what", NO_STATES)
def test_ordinary_inputs_and_outputs_are_no_states(tmp_path: Path, what: str) -> None:
    assert states(tmp_path, *NO_STATES[what]) == set()


def test_a_type_that_changes_makes_no_state(tmp_path: Path) -> None:
    nodes = [node("Cast", ["state"], ["new_state"], to=TensorProto.FLOAT16)]
    assert states(tmp_path, nodes, {"state": [1, 8]}, ["new_state"]) == set()


def _merged() -> onnx.ModelProto:
    """The merged decoder of optimum: a branch with a cache and one without."""
    out = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("p", "e")]
    bare = [node("Identity", ["x"], ["p"]), node("Identity", ["encoded"], ["e"])]
    grown = [
        node("Concat", ["past_key_values.0.decoder.key", "x"], ["p"], axis=2),
        node("Identity", ["past_key_values.0.encoder.key"], ["e"]),
    ]
    branches = {
        "then_branch": helper.make_graph(grown, "with_past", [], out),
        "else_branch": helper.make_graph(bare, "without", [], out),
    }
    names = ["present.0.decoder.key", "present.0.encoder.key"]
    nodes = [
        node("If", ["use_cache_branch"], names, **branches),
        node("ReduceSum", [names[0]], ["y"]),
    ]
    inputs = {
        "x": ["batch", 2, "decoder_sequence_length", 4],
        "encoded": ["batch", 2, "encoder_sequence_length", 4],
        "past_key_values.0.decoder.key": ["batch", 2, "past_decoder_sequence_length", 4],
        "past_key_values.0.encoder.key": ["batch", 2, "encoder_sequence_length_out", 4],
        "use_cache_branch": typed([1], TensorProto.BOOL),
    }
    return model(nodes, inputs, ["y", *names])


@pytest.mark.parametrize(("branch", "length"), [(1, 10), (0, 1)])
def test_a_merged_decoder_has_its_states_in_either_branch(tmp_path: Path, branch: int, length: int) -> None:
    sizes = {"batch": 1, "decoder_sequence_length": 1, "encoder_sequence_length": 6, "enc_seq": 6, "past": 9}
    imported = load_model(save(tmp_path, _merged()), dims={**sizes, "use_cache_branch": branch})
    assert {s.present: s.past for s in imported.graph.states} == {
        f"present.0.{kind}.key": f"past_key_values.0.{kind}.key" for kind in ("decoder", "encoder")
    }
    assert imported.graph.value["present.0.decoder.key"].shape == (1, 2, length, 4)


def test_zero_dim_inputs_are_no_trouble(tmp_path: Path) -> None:
    nodes = [node("Add", ["x", "past_bias"], ["present_bias"])]
    assert states(tmp_path, nodes, {"x": [], "past_bias": []}, ["present_bias"]) <= {("past_bias", "present_bias")}


def test_constants_among_the_outputs_are_no_states(tmp_path: Path) -> None:
    nodes = [node("Identity", ["c"], ["y"]), node("Relu", ["x"], ["z"])]
    assert states(tmp_path, nodes, {"x": [2]}, ["y", "z"], [const("c", [1.0, 2.0], np.float32)]) == set()


def test_a_cache_is_a_state_though_positions_are_counted_from_its_length(tmp_path: Path) -> None:
    nodes = [
        node("Shape", ["a"], ["s"]),
        node("Gather", ["s", "two"], ["length"]),
        node("Cast", ["length"], ["position"], to=TensorProto.FLOAT),
        node("Add", ["x", "position"], ["new"]),
        *grows("a", "new", "cat_3"),
    ]
    assert states(tmp_path, nodes, {"x": NEW, "a": CACHE}, ["y", "cat_3"], [const("two", 2)], batch=1, past=5) == {
        ("a", "cat_3")
    }
