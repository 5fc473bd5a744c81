from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_graphs import IDS, const, decode_block, model, node, save, typed, weight

from mapper.errors import UsageError
from mapper.frontend import Imported, load_model, parse_phase
from mapper.hw.work import DType, Role
from mapper.ir.graph import Graph, Op, State
from mapper.ir.op_work import work


def load(folder: Path, built: onnx.ModelProto, *phases: str, **dims: int) -> Imported:
    return load_model(save(folder, built), [parse_phase(p) for p in phases], dims)


def only(graph: Graph, kind: str) -> Op:
    found = [op for op in graph.ops if op.kind == kind]
    assert len(found) == 1, [op.name for op in found]
    return found[0]


def macs(imported: Imported, phase: int = 0, sample: int = 0) -> int:
    binding = imported.phases[phase].bindings()[sample]
    return sum(work(imported.graph, op, binding).macs for op in imported.graph.ops)


def test_an_attention_block_keeps_its_arithmetic_and_loses_its_shape_arithmetic(tmp_path: Path) -> None:
    graph = load(tmp_path, decode_block(), "run: batch=1 seq=3 past=5").graph
    kinds = [op.kind for op in graph.ops]
    assert kinds == [
        "embedding", "matmul", "matmul", "matmul", "view", "move", "view", "move", "view", "move",
        "move", "move", "move", "matmul", "elementwise", "softmax", "matmul", "move", "view", "matmul",
    ]  # fmt: skip
    assert graph.value["y"].shape == (1, 3, 8)
    assert all(isinstance(d, int) for v in graph.values for d in v.shape)


def test_macs_of_a_block_follow_its_sizes(tmp_path: Path) -> None:
    batch, seq, past = 2, 3, 5
    imported = load(tmp_path, decode_block(), f"run: batch={batch} seq={seq} past={past}")
    assert macs(imported) == batch * seq * (4 * 8 * 8 + 2 * 2 * 4 * (seq + past))


def test_caches_are_states_and_the_rest_has_its_role(tmp_path: Path) -> None:
    graph = load(tmp_path, decode_block(), "run: batch=1 seq=1 past=5").graph
    assert graph.states == (
        State("past_key_values.0.key", "present.0.key"),
        State("past_key_values.0.value", "present.0.value"),
    )
    roles = {name: graph.value[name].role for name in ("input_ids", "y", "wq", "scores", "present.0.key")}
    assert list(roles.values()) == [Role.INPUT, Role.OUTPUT, Role.WEIGHT, Role.ACTIVATION, Role.STATE]
    assert graph.parameters == 100 * 8 + 4 * 64 + 1


def test_dims_that_vary_over_phases_get_one_name_by_role(tmp_path: Path) -> None:
    imported = load(tmp_path, decode_block(), "prefill: seq=16 past=0", "decode: seq=1 past=16..31", batch=1)
    assert imported.graph.value["present.0.key"].shape == (1, 2, "past+seq", 4)
    assert imported.graph.value["scores"].shape == (1, 2, "seq", "past+seq")
    prefill, decode = imported.phases
    assert dict(prefill.dims) == {"seq": (16,), "past": (0,), "past+seq": (16,)}
    assert dict(decode.dims) == {"seq": (1, 1, 1), "past": (16, 23, 31), "past+seq": (17, 24, 32)}
    assert decode.calls == 16
    assert decode.given == (("batch", "1"), ("seq", "1"), ("past", "16..31"))


def test_every_phase_and_sample_can_be_priced(tmp_path: Path) -> None:
    imported = load(tmp_path, decode_block(), "prefill: seq=16 past=0", "decode: seq=1 past=16..31", batch=1)
    assert macs(imported, 0) == 16 * (256 + 16 * 16)
    assert [macs(imported, 1, i) for i in range(3)] == [256 + 16 * n for n in (17, 24, 32)]


def test_without_phases_there_is_one_run(tmp_path: Path) -> None:
    imported = load(tmp_path, decode_block(), batch=1, seq=1, past=4)
    assert [(p.name, p.calls, p.shares) for p in imported.phases] == [("run", 1, (1.0,))]


def test_a_file_s_own_dim_names_bind_as_well_as_roles(tmp_path: Path) -> None:
    imported = load(tmp_path, decode_block(), batch=1, seq=1, past_len=4)
    assert imported.graph.value["past_key_values.0.key"].shape == (1, 2, 4, 4)


def test_past_follows_from_total_and_seq(tmp_path: Path) -> None:
    imported = load(tmp_path, decode_block(seq=1), batch=1, total=10)
    assert imported.graph.value["past_key_values.0.key"].shape == (1, 2, 9, 4)


def test_unnamed_dims_are_bound_by_role_or_by_place(tmp_path: Path) -> None:
    built = model([node("Relu", ["x"], ["y"])], {"x": [None, 3, None]}, ["y"])
    assert load(tmp_path, built, **{"batch": 2, "x.2": 7}).graph.value["y"].shape == (2, 3, 7)


def test_a_scalar_constant_is_visible_on_its_op(tmp_path: Path) -> None:
    graph = load(tmp_path, decode_block(), "run: batch=1 seq=1 past=5").graph
    op = only(graph, "elementwise")
    assert (op.attr("fn"), op.attr("scalar"), op.attr("op_type")) == ("div", 2.0, "Div")


def test_ops_are_named_by_their_nodes_or_by_place(tmp_path: Path) -> None:
    graph = load(tmp_path, decode_block(), "run: batch=1 seq=1 past=5").graph
    assert graph.ops[1].name == "q_proj"
    assert graph.ops[1].origin == ("q_proj",)
    assert len({op.name for op in graph.ops}) == len(graph.ops)


def test_names_are_kept_verbatim_whatever_they_are(tmp_path: Path) -> None:
    strange = ["a/b:c", "x = 1; y", "%s {0} é\n"]
    nodes = [
        node("Relu", [strange[0]], [strange[1]], name="n\t1"),
        node("Neg", [strange[1]], [strange[2]], name="n\t1"),
    ]
    built = model(nodes, {strange[0]: ["d0", "no - name"]}, [strange[2]])
    graph = load(tmp_path, built, **{"d0": 2, "no - name": 4}).graph
    assert set(strange) == set(graph.value)
    assert graph.value[strange[2]].shape == (2, 4)


def test_dead_nodes_are_dropped(tmp_path: Path) -> None:
    built = model([node("Relu", ["x"], ["y"]), node("Exp", ["x"], ["unused"])], {"x": [2, 2]}, ["y"])
    assert [op.attr("op_type") for op in load(tmp_path, built).graph.ops] == ["Relu"]


def test_a_weight_that_is_only_transposed_for_a_matmul_is_read_in_place(tmp_path: Path) -> None:
    built = model(
        [node("Transpose", ["table"], ["t"], perm=[1, 0]), node("MatMul", ["x", "t"], ["y"])],
        {"x": [3, 8]},
        ["y"],
        [weight("table", [100, 8])],
    )
    op = only(load(tmp_path, built).graph, "matmul")
    assert (op.inputs, op.attr("trans_b")) == (("x", "table"), 1)


def test_a_dequantised_weight_keeps_the_width_it_is_stored_in(tmp_path: Path) -> None:
    built = model(
        [node("DequantizeLinear", ["w8", "scale"], ["w"]), node("MatMul", ["x", "w"], ["y"])],
        {"x": [3, 8]},
        ["y"],
        [weight("w8", [8, 4], TensorProto.INT8), const("scale", 0.1, np.float32)],
    )
    graph = load(tmp_path, built).graph
    assert graph.value[only(graph, "matmul").inputs[1]].dtype is DType.I8


def test_folding_does_not_turn_a_large_mask_into_a_weight(tmp_path: Path) -> None:
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["n"]),
        node("Range", ["zero", "n", "one"], ["r"]),
        node("Unsqueeze", ["r", "axes"], ["column"]),
        node("Less", ["r", "column"], ["mask"]),
        node("Where", ["mask", "x", "x"], ["y"]),
    ]
    constants = [const("zero", 0), const("one", 1), const("axes", [1])]
    built = model(nodes, {"x": ["n", "n"]}, ["y"], constants)
    small, large = load(tmp_path, built, n=8).graph, load(tmp_path, built, n=1000).graph
    assert [op.attr("op_type") for op in small.ops] == ["Where"]
    assert [op.attr("op_type") for op in large.ops] == ["Less", "Where"]
    assert max(prod(v.shape) for v in large.values if v.role is Role.WEIGHT) == 1000


def test_a_model_local_function_is_inlined(tmp_path: Path) -> None:
    twice = helper.make_function(
        "local", "Twice", ["a"], ["c"], [node("Add", ["a", "a"], ["c"])], [helper.make_opsetid("", 18)]
    )
    built = model(
        [helper.make_node("Twice", ["x"], ["y"], domain="local")],
        {"x": [2]},
        ["y"],
        functions=[twice],
        domains=["local"],
    )
    assert [op.attr("op_type") for op in load(tmp_path, built).graph.ops] == ["Add"]


def _if_model(condition: list[onnx.NodeProto], inputs: dict[str, object]) -> onnx.ModelProto:
    out = helper.make_tensor_value_info("r", TensorProto.FLOAT, None)
    then = helper.make_graph([node("Relu", ["x"], ["r"])], "then", [], [out])
    other = helper.make_graph([node("Exp", ["x"], ["h"]), node("Neg", ["h"], ["r"])], "else", [], [out])
    nodes = [*condition, node("If", ["cond"], ["y"], then_branch=then, else_branch=other)]
    return model(nodes, {"x": [2, 3], **inputs}, ["y"], [const("rate", 16000)])  # type: ignore[dict-item]


def test_the_branch_of_a_known_condition_is_taken(tmp_path: Path) -> None:
    built = _if_model([node("Equal", ["sr", "rate"], ["cond"])], {"sr": typed([], IDS)})
    kinds = {sr: [op.attr("op_type") for op in load(tmp_path, built, sr=sr).graph.ops] for sr in (16000, 8000)}
    assert kinds == {16000: ["Relu", "Identity"], 8000: ["Exp", "Neg", "Identity"]}


def test_nodes_in_any_order_are_sorted(tmp_path: Path) -> None:
    built = model([node("Neg", ["h"], ["y"]), node("Relu", ["x"], ["h"])], {"x": [2]}, ["y"])
    assert [op.attr("op_type") for op in load(tmp_path, built).graph.ops] == ["Relu", "Neg"]


def test_an_unknown_operator_with_a_stated_output_is_opaque_and_warned_of_once(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Magic", ["x"], ["h"], domain="acme"),
        helper.make_node("Magic", ["h"], ["y"], domain="acme"),
    ]
    built = model(nodes, {"x": ["n", 4]}, {"y": ["n", 4]}, domains=["acme"])
    built.graph.value_info.append(helper.make_tensor_value_info("h", TensorProto.FLOAT, ["n", 4]))
    imported = load(tmp_path, built, n=3)
    assert [op.kind for op in imported.graph.ops] == ["opaque", "opaque"]
    assert len(imported.warnings) == 1
    assert "2 x acme::Magic" in imported.warnings[0]


def test_a_softmax_before_opset_13_runs_over_all_dims_from_its_axis(tmp_path: Path) -> None:
    built = model([node("Softmax", ["x"], ["y"])], {"x": [2, 3, 5]}, ["y"], opset=11)
    assert only(load(tmp_path, built).graph, "softmax").attr("width") == 15


def test_four_bit_weights_have_their_logical_shape(tmp_path: Path) -> None:
    bits = helper.make_node(
        "MatMulNBits", ["x", "w", "s"], ["y"], domain="com.microsoft", K=64, N=8, bits=4, block_size=32
    )
    weights = [weight("w", [8, 2, 16], TensorProto.UINT8), weight("s", [16])]
    imported = load(tmp_path, model([bits], {"x": [3, 64]}, ["y"], weights, domains=["com.microsoft"]))
    stored = imported.graph.value["w"]
    assert (stored.shape, stored.dtype) == ((8, 64), DType.I4)
    assert macs(imported) == 3 * 64 * 8


def test_attention_with_its_projection_becomes_a_matmul_and_an_attention(tmp_path: Path) -> None:
    attention = helper.make_node("Attention", ["x", "w", "b"], ["y"], domain="com.microsoft", num_heads=2)
    weights = [weight("w", [8, 24]), weight("b", [24])]
    imported = load(tmp_path, model([attention], {"x": [1, 5, 8]}, ["y"], weights, domains=["com.microsoft"]))
    assert [op.kind for op in imported.graph.ops] == ["matmul", "attention"]
    assert macs(imported) == 5 * 8 * 24 + 2 * 5 * 5 * 8


def test_grouped_attention_reads_its_cache_and_its_length(tmp_path: Path) -> None:
    inputs = ["q", "k", "v", "past_key_values.0.key", "past_key_values.0.value", "lengths", "total"]
    outputs = ["y", "present.0.key", "present.0.value"]
    grouped = helper.make_node(
        "GroupQueryAttention", inputs, outputs, domain="com.microsoft", num_heads=4, kv_num_heads=2
    )
    nodes = [
        node("Shape", ["attention_mask"], ["m"]),
        node("Gather", ["m", "one"], ["t"]),
        node("Cast", ["t"], ["total"], to=TensorProto.INT32),
        grouped,
    ]
    cache = ["batch", 2, "past", 8]
    ins = {
        "q": ["batch", 1, 32], "k": ["batch", 1, 16], "v": ["batch", 1, 16], "past_key_values.0.key": cache,
        "past_key_values.0.value": cache, "lengths": typed(["batch"], TensorProto.INT32),
        "attention_mask": typed(["batch", "total"], IDS),
    }  # fmt: skip
    built = model(nodes, ins, outputs, [const("one", 1)], domains=["com.microsoft"])
    imported = load(tmp_path, built, "d: batch=1 past=7 total=8")
    op = only(imported.graph, "attention")
    sizes = [op.attr(n) for n in ("heads", "kv_heads", "q", "kv", "head_dim", "causal")]
    assert sizes == [4, 2, 1, 8, 8, 1]
    assert imported.graph.value["present.0.key"].shape == (1, 2, 8, 8)
    assert len(imported.graph.states) == 2


def test_standard_attention_has_its_sizes(tmp_path: Path) -> None:
    built = model([node("Attention", ["q", "k", "v"], ["y"])], {n: [1, 4, 6, 8] for n in "qkv"}, ["y"], opset=23)
    op = only(load(tmp_path, built).graph, "attention")
    assert [op.attr(n) for n in ("heads", "q", "kv", "head_dim", "v_dim")] == [4, 6, 6, 8, 8]


def test_a_recurrent_layer_has_its_state_and_its_macs(tmp_path: Path) -> None:
    lstm = node("LSTM", ["x", "w", "r", "", "", "h", "c"], ["", "hn", "cn"], hidden_size=6)
    weights = [weight("w", [1, 24, 5]), weight("r", [1, 24, 6])]
    inputs = {"x": ["steps", 2, 5], "h": [1, 2, 6], "c": [1, 2, 6]}
    imported = load(tmp_path, model([lstm], inputs, ["hn", "cn"], weights), steps=7)
    assert macs(imported) == 7 * 2 * 24 * 11
    assert imported.graph.states == (State("h", "hn"), State("c", "cn"))


def test_an_unread_optional_output_needs_no_shape(tmp_path: Path) -> None:
    built = model([node("Dropout", ["x"], ["y", "mask"])], {"x": [2, 3]}, ["y"], opset=9)
    op = load(tmp_path, built).graph.ops[0]
    assert (op.kind, op.outputs) == ("view", ("y", ""))


def test_data_dependent_sizes_take_their_largest_and_are_warned_of(tmp_path: Path) -> None:
    imported = load(tmp_path, model([node("NonZero", ["x"], ["y"])], {"x": [3, 4]}, ["y"]))
    assert imported.graph.value["y"].shape == (2, 12)
    assert "depends on data" in imported.warnings[0]


def test_phases_need_different_names(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two phases are called 'd'"):
        load(tmp_path, decode_block(), "d: seq=1", "d: seq=2")


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    import hashlib

    path = save(tmp_path, decode_block())
    imported = load_model(path, [parse_phase("r: batch=1 seq=1 past=1")])
    assert imported.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert imported.opset == 18
