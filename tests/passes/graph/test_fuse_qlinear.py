"""Functions in quantised pieces, as onnxruntime's QOperator format has them, are still those functions."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from builders import tiny_target
from passes_graph_sketch import Sketch, kinds, rewrite

from mapper.frontend import load_model
from mapper.hw.work import DType
from mapper.ir.graph import Graph
from mapper.ir.plan import Plan
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pass_ import Context
from passes.graph.fuse_activation import FuseActivation
from passes.pipelines import GRAPH

GELU = """<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]> m (float[2, 8] x) => (float[2, 8] y)
 <float s = {{0.05}}, uint8 z = {{128}}, float one_s = {{0.00392156886}}, uint8 one = {{255}}, uint8 zero = {{0}},
 float half_s = {{{half}}}, float root = {{1.41421354}}> {{
 q = QuantizeLinear (x, s, z) f = DequantizeLinear (q, s, z) d = Div (f, root) e = Erf (d) eq = QuantizeLinear (e, s, z)
 a = com.microsoft.QLinearAdd (eq, s, z, one, one_s, zero, s, z)
 b = com.microsoft.QLinearMul (q, s, z, a, s, z, s, z)
 c = com.microsoft.QLinearMul (b, s, z, one, half_s, zero, s, z) y = DequantizeLinear (c, s, z)
}}"""


def understood(text: str, folder: Path) -> Graph:
    onnx.save(onnx.parser.parse_model(text), folder / "m.onnx")
    imported = load_model(folder / "m.onnx")
    return pipeline_of(GRAPH).run(Plan(tiny_target(), imported.graph, imported.phases), Context()).graph


@pytest.mark.parametrize(("half", "found"), [(0.5 / 255, 1), (0.7 / 255, 0)])
def test_a_gelu_in_quantised_pieces_is_found_by_its_constants(half: float, found: int, tmp_path: Path) -> None:
    assert kinds(understood(GELU.format(half=half), tmp_path))["gelu"] == found


def quantized(s: Sketch, x: str, *, channels: int) -> str:
    shape = (channels,) if channels > 1 else ()
    out = s.op("cast", "QuantizeLinear", (x, s.weight(f"s{len(s.ops)}", *shape)), s.shape(x))
    return s.value(out, s.shape(x), s.values[out].role, DType.U8)


@pytest.mark.parametrize(("channels", "found"), [(1, 1), (8, 0)])
def test_a_quantisation_within_a_function_counts_as_nothing_if_it_is_one_for_all(channels: int, found: int) -> None:
    s = Sketch()
    x = s.input("x", 2, 8)
    graph = s.graph(s.fn("Neg", s.fn("Mul", x, quantized(s, s.fn("Sigmoid", x), channels=channels))))
    assert kinds(rewrite(graph, FuseActivation()))["silu"] == found
