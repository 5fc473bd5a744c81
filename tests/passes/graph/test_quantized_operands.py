"""Operands of quantised products, as the frontend hands them over, fall into one order."""

from __future__ import annotations

from passes_graph_sketch import Sketch

from passes.graph.draft import Draft
from passes.graph.quantized_operands import tidied


def test_a_quantised_gemm_multiplies_with_its_weight_and_keeps_its_bias() -> None:
    s = Sketch()
    scales = [s.weight(name, 1) for name in ("a_scale", "a_zero", "b_scale", "b_zero")]
    ends = [s.weight(name, 1) for name in ("y_scale", "y_zero")]
    operands = (s.input("x", 16, 8), s.weight("w", 8, 4), *scales, s.weight("bias", 4), *ends)
    graph = s.graph(s.op("matmul", "QGemm", operands, (16, 4)))
    assert tidied(Draft(graph), graph.ops[0]).inputs == ("x", "w", "bias", "b_scale", "b_zero")
