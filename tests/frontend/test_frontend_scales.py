"""Scales of weights kept in few bits, and tables that a model reads twice."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto
from onnx_graphs import model, node, save, typed, weight

from mapper.frontend import load_model
from mapper.hw.work import Role
from mapper.ir.graph import Graph, static_elements
from mapper.ir.op_work import work

ROWS, WIDTH, BLOCK = 512, 64, 32


def load(folder: Path, built: onnx.ModelProto) -> Graph:
    return load_model(save(folder, built), [], {}).graph


def weight_bytes(graph: Graph) -> int:
    held = [v for v in graph.values if v.role is Role.WEIGHT and graph.users[v.name]]
    return sum(v.dtype.bytes_for(static_elements(v)) for v in held)


def blocks(*, zero: bool) -> tuple[onnx.NodeProto, list[TensorProto]]:
    """A matrix [ROWS, WIDTH] of 4 bits with a scale, and maybe a zero point, for each BLOCK numbers of a row."""
    names = ["table", "scales", "zeros"] if zero else ["table", "scales"]
    shape = (ROWS, WIDTH // BLOCK)
    held = [weight("table", (ROWS, WIDTH), TensorProto.UINT4), weight("scales", shape)]
    held += [weight("zeros", shape, TensorProto.UINT4)] if zero else []
    return node("DequantizeLinear", names, ["wide"], axis=1, block_size=BLOCK), held


@pytest.mark.parametrize("zero", [False, True])
def test_a_dequantised_matrix_takes_as_much_storage_as_the_same_matrix_of_a_quantised_product(
    tmp_path: Path, zero: bool
) -> None:
    widen, held = blocks(zero=zero)
    turn = node("Transpose", ["wide"], ["turned"], perm=[1, 0])
    apart = load(
        tmp_path,
        model([widen, turn, node("MatMul", ["x", "turned"], ["y"])], {"x": [4, WIDTH]}, ["y"], held, opset=21),
    )
    packed = [
        weight("table", (ROWS, WIDTH // BLOCK, BLOCK // 2), TensorProto.UINT8),
        weight("scales", (ROWS * WIDTH // BLOCK,)),
        *([weight("zeros", (ROWS * WIDTH // BLOCK // 2,), TensorProto.UINT8)] if zero else []),
    ]
    product = node(
        "MatMulNBits", ["x", *(t.name for t in packed)], ["y"],
        domain="com.microsoft", N=ROWS, K=WIDTH, bits=4, block_size=BLOCK,
    )  # fmt: skip
    whole = load(tmp_path, model([product], {"x": [4, WIDTH]}, ["y"], packed, opset=21, domains=["com.microsoft"]))
    assert apart.ops[0].inputs == ("x", "table", "", *(t.name for t in held[1:]))
    assert weight_bytes(apart) == weight_bytes(whole)


def test_scales_of_a_convolution_stand_behind_its_bias(tmp_path: Path) -> None:
    held = [weight("w8", (16, 8, 3, 3), TensorProto.INT8), weight("scales", (16,)), weight("bias", (16,))]
    nodes = [node("DequantizeLinear", ["w8", "scales"], ["w"], axis=0), node("Conv", ["x", "w", "bias"], ["y"])]
    graph = load(tmp_path, model(nodes, {"x": [1, 8, 12, 12]}, ["y"], held, opset=21))
    assert [op.inputs for op in graph.ops] == [("x", "w8", "bias", "scales")]


def test_one_scale_for_a_whole_matrix_is_no_operand(tmp_path: Path) -> None:
    held = [weight("w8", (WIDTH, ROWS), TensorProto.INT8), weight("scale", ())]
    nodes = [node("DequantizeLinear", ["w8", "scale"], ["w"]), node("MatMul", ["x", "w"], ["y"])]
    graph = load(tmp_path, model(nodes, {"x": [4, WIDTH]}, ["y"], held, opset=21))
    assert [op.inputs for op in graph.ops] == [("x", "w8")]


def test_a_look_up_reads_the_scales_of_the_rows_it_picks(tmp_path: Path) -> None:
    widen, held = blocks(zero=False)
    nodes = [widen, node("Gather", ["wide", "ids"], ["y"])]
    graph = load(tmp_path, model(nodes, {"ids": typed([8], TensorProto.INT64)}, ["y"], held, opset=21))
    (look_up,) = graph.ops
    assert (look_up.kind, look_up.inputs) == ("embedding", ("table", "ids", "scales"))
    assert work(graph, look_up, {}).bytes(Role.WEIGHT) == 8 * WIDTH // 2 + 8 * WIDTH // BLOCK * 4
    assert weight_bytes(graph) == ROWS * WIDTH // 2 + ROWS * WIDTH // BLOCK * 4


CAST = {"to": TensorProto.FLOAT16}
TURN = {"perm": [1, 0]}


@pytest.mark.parametrize(
    "head",
    [
        [node("Cast", ["wide"], ["half"], **CAST), node("Transpose", ["half"], ["right"], **TURN)],
        [node("Transpose", ["wide"], ["turned"], **TURN), node("Cast", ["turned"], ["right"], **CAST)],
    ],
    ids=["cast then turned", "turned then cast"],
)
@pytest.mark.parametrize("quantised", [False, True])
def test_a_table_that_is_also_the_last_matrix_counts_once(
    tmp_path: Path, head: list[onnx.NodeProto], quantised: bool
) -> None:
    widen, held = blocks(zero=False) if quantised else (node("Identity", ["table"], ["wide"]), [])
    held = held or [weight("table", (ROWS, WIDTH))]
    nodes = [
        widen, node("Gather", ["wide", "ids"], ["rows"]), node("Cast", ["rows"], ["x"], **CAST), *head,
        node("MatMul", ["x", "right"], ["y"]),
    ]  # fmt: skip
    graph = load(tmp_path, model(nodes, {"ids": typed([8], TensorProto.INT64)}, ["y"], held, opset=21))
    assert [v.name for v in graph.values if v.role is Role.WEIGHT] == [t.name for t in held]
    product = graph.ops[-1]
    assert (product.inputs[1], product.attr("trans_b")) == ("table", 1)
    assert work(graph, product, {}).macs == 8 * ROWS * WIDTH


def test_a_turned_matrix_in_fewer_bits_keeps_those(tmp_path: Path) -> None:
    nodes = [
        node("Transpose", ["table"], ["turned"], **TURN), node("Cast", ["turned"], ["right"], **CAST),
        node("MatMul", ["x", "right"], ["y"]),
    ]  # fmt: skip
    inputs = {"x": typed([4, WIDTH], TensorProto.FLOAT16)}
    graph = load(tmp_path, model(nodes, inputs, ["y"], [weight("table", (ROWS, WIDTH))]))
    assert weight_bytes(graph) == ROWS * WIDTH * 2
    assert work(graph, graph.ops[0], {}).macs == 4 * ROWS * WIDTH


def test_a_turned_matrix_whose_cast_something_else_reads_stays_turned(tmp_path: Path) -> None:
    nodes = [
        node("Transpose", ["table"], ["turned"], **TURN), node("Cast", ["turned"], ["right"], **CAST),
        node("MatMul", ["x", "right"], ["product"]), node("Mul", ["right", "factor"], ["z"]),
    ]  # fmt: skip
    inputs = {"x": typed([4, WIDTH], TensorProto.FLOAT16), "factor": typed([WIDTH, 1], TensorProto.FLOAT16)}
    graph = load(tmp_path, model(nodes, inputs, ["product", "z"], [weight("table", (ROWS, WIDTH))]))
    assert graph.value["right"].shape == (WIDTH, ROWS)
    assert not graph.ops[0].attr("trans_b", 0)
