"""A norm that adds a residual costs what a sum and a norm cost."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from builders import tiny_target

from mapper.frontend import load_model
from mapper.ir.graph import Graph
from mapper.ir.op_work import work
from mapper.ir.plan import Plan
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pass_ import Context
from passes.pipelines import GRAPH

FUSED = {
    "SkipLayerNormalization": "n, m, i, t = com.microsoft.SkipLayerNormalization (p, r, g, c, b)",
    "SkipSimplifiedLayerNormalization": "n, m, i, t = com.microsoft.SkipSimplifiedLayerNormalization (p, r, g, b)",
}
SPELLED = {
    "SkipLayerNormalization": "n = LayerNormalization (t, g, c)",
    "SkipSimplifiedLayerNormalization": """last = Constant <value_ints = [-1]> () two = Constant <value_float = 2.0> ()
        low = Constant <value_float = 1e-5> () sq = Pow (t, two) mean = ReduceMean (sq, last) safe = Add (mean, low)
        root = Sqrt (safe) scaled = Div (t, root) n = Mul (scaled, g)""",
}


def understood(body: str, folder: Path) -> Graph:
    vectors = ", ".join(f"float[8] {name} = {{ 1, 2, 3, 4, 5, 6, 7, 8 }}" for name in "gcb")
    text = f"""<ir_version: 8, opset_import: ["" : 18, "com.microsoft" : 1]>
        m (float[2, 4, 8] x, float[2, 4, 8] r) => (float[2, 4, 8] y, float[2, 4, 8] z)
        <float[8, 8] w = {{ {", ".join(["1"] * 64)} }}, {vectors}>
        {{ p = MatMul (x, w) {body} y = Relu (n) z = Neg (t) }}"""
    onnx.save(onnx.parser.parse_model(text), folder / "m.onnx")
    imported = load_model(folder / "m.onnx")
    return pipeline_of(GRAPH).run(Plan(tiny_target(), imported.graph, imported.phases), Context()).graph


def cost(graph: Graph) -> tuple[int, int]:
    every = [work(graph, op, {}) for op in graph.ops]
    return sum(w.macs for w in every), sum(o.bytes for w in every for o in (*w.inputs, *w.outputs))


@pytest.mark.parametrize("name", FUSED)
def test_a_norm_with_a_residual_costs_what_its_pieces_cost(name: str, tmp_path: Path) -> None:
    fused = understood(FUSED[name], tmp_path)
    spelled = understood(f"pb = Add (p, b) t = Add (pb, r) {SPELLED[name]}", tmp_path)
    assert [op.kind for op in fused.ops] == [op.kind for op in spelled.ops]
    assert cost(fused) == cost(spelled)
    assert {n for op in fused.ops if op.kind == "norm" for n in op.origin}
