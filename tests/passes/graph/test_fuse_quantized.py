"""Quantised arithmetic becomes one op with narrow operands, and nothing around it converts twice."""

from __future__ import annotations

import pytest
from passes_graph_sketch import Sketch, kinds, rewrite

from mapper.hw.work import DType, Role
from mapper.ir.graph import Graph, Op
from mapper.ir.op_work import work
from passes.graph.fuse_bias import FuseBias
from passes.graph.fuse_norm import FuseNorm
from passes.graph.fuse_quantized import FuseQuantized
from passes.graph.simplify import Simplify


def typed(s: Sketch, name: str, dtype: DType) -> str:
    return s.value(name, s.shape(name), s.values[name].role, dtype)


def quantize(s: Sketch, x: str, dtype: DType = DType.U8) -> str:
    out = s.op("cast", "QuantizeLinear", (x, s.weight(f"qs{len(s.ops)}"), s.weight(f"qz{len(s.ops)}")), s.shape(x))
    return typed(s, out, dtype)


def dequantize(s: Sketch, x: str) -> str:
    operands = (x, s.weight(f"ds{len(s.ops)}"), s.weight(f"dz{len(s.ops)}"))
    return typed(s, s.op("cast", "DequantizeLinear", operands, s.shape(x)), DType.F32)


def fake_quantize(s: Sketch, x: str) -> str:
    return dequantize(s, quantize(s, x))


def narrow_weight(s: Sketch, *shape: int) -> str:
    return s.value(f"w{len(s.ops)}", shape, Role.WEIGHT, DType.I8)


def types(graph: Graph, op: Op) -> list[DType]:
    return [graph.value[n].dtype for n in (*op.inputs[:2], *op.outputs)]


def dynamic_product(s: Sketch, quantized: str, scale: str, zero: str, out: int) -> str:
    """What onnxruntime's dynamic quantisation makes of a linear layer."""
    weight = narrow_weight(s, 8, out)
    weight_scale = s.weight(f"{weight}.scale")
    shape = (*s.shape(quantized)[:-1], out)
    operands = (quantized, weight, zero, s.weight(f"{weight}.zero"))
    product = typed(s, s.op("matmul", "MatMulInteger", operands, shape), DType.I32)
    real = typed(s, s.op("cast", "Cast", (product,), shape), DType.F32)
    return s.fn("Mul", real, s.fn("Mul", scale, weight_scale))


def dynamic_quantize(s: Sketch, x: str) -> tuple[str, str, str]:
    name = f"DynamicQuantizeLinear_{len(s.ops)}"
    shapes = (s.shape(x), (), ())
    outs = [
        s.value(f"{name}:{i}", shape, Role.ACTIVATION, dtype)
        for i, (shape, dtype) in enumerate(zip(shapes, (DType.U8, DType.F32, DType.U8), strict=True))
    ]
    s.ops.append(Op(name, "cast", (x,), tuple(outs), (("op_type", "DynamicQuantizeLinear"),), (name,)))
    return outs[0], outs[1], outs[2]


def test_a_dynamically_quantised_layer_is_one_product() -> None:
    s = Sketch()
    x = s.fn("Relu", s.input("x", 4, 8))
    y = s.fn("Tanh", s.fn("Add", dynamic_product(s, *dynamic_quantize(s, x), 16), s.weight("bias", 16)))
    graph = rewrite(s.graph(y), FuseQuantized(), FuseBias())
    assert kinds(graph) == {"relu": 1, "matmul": 1, "tanh": 1}
    op = graph.ops[1]
    assert types(graph, op) == [DType.F32, DType.I8, DType.F32]
    assert op.inputs[2] == "bias"
    assert (op.attr("quantised"), op.attr("arithmetic")) == ("operands", "i8")
    assert set(op.origin) == {o.name for o in s.ops[1:-1]}


def test_layers_that_share_a_quantisation_read_its_narrow_result() -> None:
    s = Sketch()
    narrow = dynamic_quantize(s, s.fn("Relu", s.input("x", 4, 8)))
    graph = rewrite(s.graph(dynamic_product(s, *narrow, 16), dynamic_product(s, *narrow, 8)), FuseQuantized())
    assert kinds(graph) == {"relu": 1, "cast": 1, "matmul": 2}
    assert graph.ops[1].outputs == (narrow[0],)
    assert all(types(graph, op)[0] is DType.U8 for op in graph.ops if op.kind == "matmul")


def test_a_product_between_conversions_reads_and_writes_narrow_numbers() -> None:
    s = Sketch()
    x = fake_quantize(s, s.fn("Relu", s.input("x", 4, 8)))
    y = fake_quantize(s, s.matmul(x, narrow_weight(s, 8, 16)))
    graph = rewrite(s.graph(s.fn("Tanh", y)), FuseQuantized())
    assert kinds(graph) == {"relu": 1, "matmul": 1, "tanh": 1}
    assert types(graph, graph.ops[1]) == [DType.U8, DType.I8, DType.U8]
    assert work(graph, graph.ops[1], {}).dtype is DType.I8


def test_rearranged_values_stay_narrow() -> None:
    s = Sketch()
    x = fake_quantize(s, s.fn("Relu", s.input("x", 2, 3, 8)))
    turned = fake_quantize(s, s.transpose(s.reshape(x, 6, 8), 1, 0))
    graph = rewrite(s.graph(s.fn("Tanh", turned)), FuseQuantized())
    assert kinds(graph) == {"relu": 1, "view": 1, "move": 1, "tanh": 1}
    assert all(graph.value[n].dtype is DType.U8 for op in graph.ops[1:3] for n in (*op.inputs, *op.outputs))


def test_a_result_that_leaves_the_graph_is_written_wide() -> None:
    s = Sketch()
    x = fake_quantize(s, s.fn("Relu", s.input("x", 4, 8)))
    graph = rewrite(s.graph(fake_quantize(s, s.matmul(x, narrow_weight(s, 8, 16)))), FuseQuantized())
    assert kinds(graph) == {"relu": 1, "matmul": 1}
    assert types(graph, graph.ops[1])[2] is DType.F32


def test_a_norm_in_quantised_pieces_is_still_a_norm() -> None:
    s = Sketch()
    x = fake_quantize(s, s.fn("Relu", s.input("x", 4, 8)))
    root = s.fn("Sqrt", s.fn("Add", fake_quantize(s, s.mean(fake_quantize(s, s.fn("Mul", x, x)))), 1e-6))
    y = fake_quantize(s, s.fn("Div", x, fake_quantize(s, root)))
    graph = rewrite(s.graph(s.fn("Tanh", y)), FuseQuantized(), FuseNorm())
    assert kinds(graph) == {"relu": 1, "norm": 1, "tanh": 1}
    assert work(graph, graph.ops[1], {}).dtype is DType.F32


def test_a_narrow_weight_beside_wide_data_says_so() -> None:
    s = Sketch()
    (op,) = rewrite(s.graph(s.matmul(s.input("x", 4, 8), narrow_weight(s, 8, 16))), FuseQuantized()).ops
    assert (op.attr("quantised"), op.attr("arithmetic")) == ("weights", None)


@pytest.mark.parametrize(
    ("op_type", "count", "wanted"),
    [
        ("QLinearMatMul", 8, ("o0", "o1", "", "o4", "o5")),
        ("MatMulIntegerToFloat", 7, ("o0", "o1", "o6", "o3", "o5")),
        ("DynamicQuantizeMatMul", 5, ("o0", "o1", "o4", "o2", "o3")),
        ("MatMulNBits", 3, ("o0", "o1", "", "o2")),
    ],
)
def test_operators_of_onnxruntime_have_their_operands_in_one_order(
    op_type: str, count: int, wanted: tuple[str, ...]
) -> None:
    s = Sketch()
    s.value("o0", (4, 8), Role.INPUT, DType.F32 if op_type in ("DynamicQuantizeMatMul", "MatMulNBits") else DType.U8)
    s.value("o1", (8, 16), Role.WEIGHT, DType.I8)
    for i in range(2, count):
        s.weight(f"o{i}", 16)
    operands = tuple(f"o{i}" for i in range(count))
    y = typed(s, s.op("matmul", op_type, operands, (4, 16)), DType.F32)
    once = rewrite(s.graph(y), FuseQuantized())
    assert once.ops[0].inputs == wanted
    assert rewrite(once, FuseQuantized()) == once


def test_casts_between_floats_belong_to_the_kernels_beside_them() -> None:
    s = Sketch()
    x = s.cast(s.fn("Relu", s.value("x", (4, 8), Role.INPUT, DType.F16)), DType.F32)
    y = s.fn("Tanh", s.cast(s.fn("Exp", x), DType.F16))
    graph = rewrite(s.graph(y), FuseQuantized(), Simplify())
    assert kinds(graph) == {"relu": 1, "exp": 1, "tanh": 1}
    assert types(graph, graph.ops[1]) == [DType.F16, DType.F16]
