"""Attention whose products are Einsum equations becomes one op as any other, and no equation is misread."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from builders import tiny_target
from onnx.reference import ReferenceEvaluator
from passes_graph_oracle import evaluate
from passes_graph_sketch import check

from mapper.frontend import load_model
from mapper.ir.graph import Graph
from mapper.ir.op_work import work
from mapper.ir.plan import Plan
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pass_ import Context
from passes.pipelines import GRAPH

HEADS = """hs = Constant <value_ints = [2, -1, 4, 8]> () r = Constant <value_float = 2.8284271> ()
 ql = Div (q, r) q4 = Reshape (ql, hs) k4 = Reshape (k, hs) v4 = Reshape (v, hs)
 merged = Constant <value_ints = [2, -1, 32]> ()"""
INPUTS = "float[2, 6, 32] q, float[2, 5, 32] k, float[2, 5, 32] v"
FEW = "float[2, 6, 32] q, float[2, 5, 8] k, float[2, 5, 8] v"

EQUATIONS: dict[str, tuple[str, str, dict[str, object]]] = {
    "positions before heads": (
        INPUTS,
        f"""{HEADS} s = Einsum <equation = "bqhd,bkhd->bhqk"> (q4, k4) w = Softmax <axis = -1> (s)
        c = Einsum <equation = "bhqk,bkhd->bqhd"> (w, v4) y = Reshape (c, merged)""",
        {"heads": 4, "kv_heads": 4},
    ),
    "keys on the left, as Keras writes it": (
        INPUTS,
        f"""{HEADS} s = Einsum <equation = "BTNH,BFNH->BNFT"> (k4, q4) w = Softmax <axis = -1> (s)
        c = Einsum <equation = "BNFT,BTNH->BFNH"> (w, v4) y = Reshape (c, merged)""",
        {"heads": 4, "kv_heads": 4},
    ),
    "one head of keys for all": (
        FEW,
        """hs = Constant <value_ints = [2, -1, 4, 8]> () r = Constant <value_float = 2.8284271> ()
        ql = Div (q, r) q4 = Reshape (ql, hs) merged = Constant <value_ints = [2, -1, 32]> ()
        s = Einsum <equation = "bqhd,bkd->bhqk"> (q4, k) w = Softmax <axis = -1> (s)
        c = Einsum <equation = "bhqk,bkd->bqhd"> (w, v) y = Reshape (c, merged)""",
        {"heads": 4, "kv_heads": 1},
    ),
    "groups of heads share keys": (
        "float[2, 6, 32] q, float[2, 5, 16] k, float[2, 5, 16] v",
        """hs = Constant <value_ints = [2, -1, 2, 2, 8]> () ks = Constant <value_ints = [2, -1, 2, 8]> ()
        r = Constant <value_float = 2.8284271> () ql = Div (q, r) q5 = Reshape (ql, hs) k4 = Reshape (k, ks)
        v4 = Reshape (v, ks) s = Einsum <equation = "bqghd,bkgd->bghqk"> (q5, k4) w = Softmax <axis = -1> (s)
        c = Einsum <equation = "bghqk,bkgd->bqghd"> (w, v4) merged = Constant <value_ints = [2, -1, 32]> ()
        y = Reshape (c, merged)""",
        {"heads": 4, "kv_heads": 2},
    ),
}


def understood(inputs: str, body: str, folder: Any) -> tuple[onnx.ModelProto, Graph, Graph]:
    text = f'<ir_version: 8, opset_import: ["" : 17]> m ({inputs}) => (float[b, s, w] y) {{ {body} }}'
    model = onnx.parser.parse_model(text)
    path = folder / "m.onnx"
    onnx.save(model, path)
    imported = load_model(path)
    plan = pipeline_of(GRAPH).run(Plan(tiny_target(), imported.graph, imported.phases), Context(), [])
    check(plan.graph, imported.phases)
    return model, imported.graph, plan.graph


def total(graph: Graph) -> int:
    return sum(work(graph, op, {}).macs for op in graph.ops)


@pytest.mark.parametrize("name", EQUATIONS)
def test_an_equation_around_a_softmax_is_attention(name: str, tmp_path: Any) -> None:
    inputs, body, attrs = EQUATIONS[name]
    model, before, after = understood(inputs, body, tmp_path)
    (op,) = (o for o in after.ops if o.kind == "attention")
    sizes = {"batch": 2, "q": 6, "kv": 5, "head_dim": 8, "v_dim": 8, "scale": pytest.approx(8**-0.5), **attrs}
    assert {k: op.attr(k) for k in sizes} == sizes
    assert not any(o.kind in ("matmul", "move") for o in after.ops)
    assert total(after) == total(before)
    found = evaluate(after)
    given = {i.name: found[i.name].astype(np.float32) for i in model.graph.input}
    results: Any = ReferenceEvaluator(model).run(None, given)
    np.testing.assert_allclose(found["y"], results[0], rtol=1e-3, atol=1e-3)


ELSEWHERE = {
    "no softmax": 's = Einsum <equation = "bqhd,bkhd->bhqk"> (q4, k4) y = Identity (s)',
    "summed over heads too": (
        's = Einsum <equation = "bqhd,bkhd->bqk"> (q4, k4) w = Softmax <axis = -1> (s)'
        ' y = Einsum <equation = "bqk,bkhd->bqhd"> (w, v4)'
    ),
    "a softmax over queries": (
        's = Einsum <equation = "bqhd,bkhd->bhkq"> (q4, k4) w = Softmax <axis = -1> (s)'
        ' c = Einsum <equation = "bhkq,bkhd->bqhd"> (w, v4) y = Reshape (c, merged)'
    ),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_another_equation_stays_as_it_is_written(name: str, tmp_path: Any) -> None:
    _, before, after = understood(INPUTS, f"{HEADS} {ELSEWHERE[name]}", tmp_path)
    assert not any(o.kind in ("attention", "move") for o in after.ops)
    equations = [o.attr("equation") for o in before.ops if o.kind == "matmul" and o.attr("equation")]
    assert [o.attr("equation") for o in after.ops if o.attr("equation")] == equations
    assert total(after) == total(before)


def test_a_transposed_operand_of_an_equation_stays_transposed(tmp_path: Any) -> None:
    body = f"""{HEADS} kt = Transpose <perm = [0, 1, 3, 2]> (k4) s = Einsum <equation = "bqhd,bkdh->bhqk"> (q4, kt)
    y = Identity (s)"""
    _, before, after = understood(INPUTS, body, tmp_path)
    assert [o.kind for o in after.ops].count("move") == 1
    assert total(after) == total(before)
