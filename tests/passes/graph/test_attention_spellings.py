"""Each way in which exporters spell attention becomes one op that computes the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from builders import tiny_target
from onnx.reference import ReferenceEvaluator
from passes_graph_oracle import evaluate
from passes_graph_sketch import check, kinds

from mapper.frontend import load_model
from mapper.ir.graph import Graph, Op
from mapper.ir.plan import Plan
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pass_ import Context
from passes.pipelines import GRAPH

B, S, H, D = 2, 6, 4, 8
W = H * D

HEADS = """
 hs = Constant <value_ints = [2, -1, 4, 8]> () merged = Constant <value_ints = [2, -1, 32]> ()
 q4 = Reshape (q, hs) qh = Transpose <perm = [0, 2, 1, 3]> (q4)
 k4 = Reshape (k, hs) kh = Transpose <perm = [0, 2, 1, 3]> (k4) kt = Transpose <perm = [0, 1, 3, 2]> (kh)
 v4 = Reshape (v, hs) vh = Transpose <perm = [0, 2, 1, 3]> (v4)
"""
MERGE = "ct = Transpose <perm = [0, 2, 1, 3]> (context) y = Reshape (ct, merged)"
SCALE = "r = Constant <value_float = 2.8284271> ()"
SCORES = f"{SCALE} p = MatMul (qh, kt) s = Div (p, r)"
ATTEND = "w = Softmax <axis = -1> (s2) context = MatMul (w, vh)"
INPUTS = "float[2, 6, 32] q, float[2, 6, 32] k, float[2, 6, 32] v"
TRIANGLE = """
 six = Constant <value_int = 6> () zero = Constant <value_int = 0> () one = Constant <value_int = 1> ()
 places = Range (zero, six, one) a0 = Constant <value_ints = [0]> () a1 = Constant <value_ints = [1]> ()
 keys = Unsqueeze (places, a0) queries = Unsqueeze (places, a1) low = Constant <value_float = -10000.0> ()
 ahead = Sub (keys, queries)
"""

SPELLINGS: dict[str, tuple[str, str, dict[str, object]]] = {
    # name -> inputs, body from HEADS to the merged heads, attributes that follow
    "scaled after": (INPUTS, f"{SCORES} s2 = Identity (s) {ATTEND}", {"causal": 0}),
    "scaled by a computed root, half on each side": (
        INPUTS,
        """ shape = Shape <start = 3> (qh) width = Cast <to = 1> (shape) root = Sqrt (width) half = Sqrt (root)
        ql = Div (qh, half) kr = Div (kt, half) s2 = MatMul (ql, kr) w = Softmax <axis = -1> (s2)
        context = MatMul (w, vh)""",
        {"scale": pytest.approx(D**-0.5)},
    ),
    "causal by Trilu and Where": (
        INPUTS,
        f"""{SCORES} ones = ConstantOfShape <value = float[1] {{1.0}}> (square) low = Constant <value_float = -1e30> ()
        t = Trilu <upper = 0> (ones) seen = Cast <to = 9> (t) s2 = Where (seen, s, low) {ATTEND}""",
        {"causal": 1},
    ),
    "causal by -inf above the diagonal": (
        INPUTS,
        f"""{SCORES} fill = ConstantOfShape <value = float[1] {{-inf}}> (square) one = Constant <value_int = 1> ()
        mask = Trilu <upper = 1> (fill, one) s2 = Add (s, mask) {ATTEND}""",
        {"causal": 1},
    ),
    "a window of three by comparing positions": (
        INPUTS,
        f"""{SCORES} {TRIANGLE} reach = Constant <value_int = -3> () late = Greater (ahead, zero)
        early = LessOrEqual (ahead, reach) hidden = Or (late, early) s2 = Where (hidden, low, s) {ATTEND}""",
        {"causal": 1, "window": 3},
    ),
    "both neighbours": (
        INPUTS,
        f"""{SCORES} {TRIANGLE} far = Abs (ahead) hidden = Greater (far, one) s2 = Where (hidden, low, s) {ATTEND}""",
        {"causal": 0, "window": 3},
    ),
    "causal and a penalty by distance": (
        INPUTS,
        f"""{SCORES} {TRIANGLE} distance = Cast <to = 1> (ahead) slope = Constant <value_float = 0.5> ()
        penalty = Mul (distance, slope) late = Greater (ahead, zero) mask = Where (late, low, penalty)
        s2 = Add (s, mask) {ATTEND}""",
        {"causal": 1},
    ),
    "a soft cap": (
        INPUTS,
        f"""{SCORES} cap = Constant <value_float = 3.0> () small = Div (s, cap) bent = Tanh (small)
        s2 = Mul (bent, cap) {ATTEND}""",
        {"softcap": pytest.approx(3.0)},
    ),
    "a sink beside the keys": (
        f"{INPUTS}, float[1, 4, 1, 1] logit",
        f"""{SCORES} shape = Constant <value_ints = [2, 4, 6, 1]> () sink = Expand (logit, shape)
        both = Concat <axis = -1> (s, sink) last = Constant <value_ints = [-1]> ()
        most = ReduceMax <keepdims = 1> (both, last) s2 = Sub (both, most) w2 = Softmax <axis = -1> (s2)
        start = Constant <value_ints = [0]> () end = Constant <value_ints = [6]> () w = Slice (w2, start, end, last)
        context = MatMul (w, vh)""",
        {"sink": 1},
    ),
    "a softmax in pieces": (
        INPUTS,
        f"""{SCORES} last = Constant <value_ints = [-1]> () most = ReduceMax <keepdims = 1> (s, last)
        low = Sub (s, most) grown = Exp (low) total = ReduceSum <keepdims = 1> (grown, last) w = Div (grown, total)
        context = MatMul (w, vh)""",
        {"causal": 0},
    ),
    "rows without keys guarded": (
        f"{INPUTS}, bool[2, 1, 6, 6] mask",
        f"""{SCORES} low = Constant <value_float = -inf> () s2 = Where (mask, s, low) w2 = Softmax <axis = -1> (s2)
        bad = IsNaN (w2) none = Constant <value_float = 0.0> () w = Where (bad, none, w2) context = MatMul (w, vh)""",
        {"masks": ("keep",)},
    ),
    "weights dropped after the softmax": (
        f"{INPUTS}, float[1, 4, 1, 1] keep",
        f"{SCORES} w2 = Softmax <axis = -1> (s) w = Mul (w2, keep) context = MatMul (w, vh)",
        {"masks": ("weights",)},
    ),
    "batch and heads in one dim": (
        INPUTS,
        f"""{SCALE} rows = Constant <value_ints = [8, 6, 8]> () ql = Div (qh, r) qb = Reshape (ql, rows)
        kb = Reshape (kh, rows) kx = Transpose <perm = [0, 2, 1]> (kb) vb = Reshape (vh, rows) s2 = MatMul (qb, kx)
        w = Softmax <axis = -1> (s2) cb = MatMul (w, vb) by = Constant <value_ints = [2, 4, 6, 8]> ()
        context = Reshape (cb, by)""",
        {"batch": B, "heads": H},
    ),
    "one head of keys for all queries": (
        "float[2, 6, 32] q, float[2, 6, 8] k1, float[2, 6, 8] v1",
        f"""{SCALE} at = Constant <value_ints = [1]> () kx = Unsqueeze (k1, at) vx = Unsqueeze (v1, at)
        ky = Transpose <perm = [0, 1, 3, 2]> (kx) p = MatMul (qh, ky) s = Div (p, r) w = Softmax <axis = -1> (s)
        context = MatMul (w, vx)""",
        {"heads": H, "kv_heads": 1},
    ),
}
for _name, _repeat in {
    "Tile": "times = Constant <value_ints = [1, 1, 2, 1, 1]> () {o}5 = Tile ({o}u, times)",
    "Expand": "times = Constant <value_ints = [2, 2, 2, 6, 8]> () {o}5 = Expand ({o}u, times)",
    "Concat": "{o}5 = Concat <axis = 2> ({o}u, {o}u)",
}.items():
    _both = " ".join(
        f"""{o}4x = Reshape ({o}2, few) {o}hx = Transpose <perm = [0, 2, 1, 3]> ({o}4x) {o}u = Unsqueeze ({o}hx, two)
        {_repeat.format(o=o).replace("times", f"times{o}")} {o}full = Reshape ({o}5, all)"""
        for o in ("k", "v")
    )
    SPELLINGS[f"two heads of keys, repeated by {_name}"] = (
        "float[2, 6, 32] q, float[2, 6, 16] k2, float[2, 6, 16] v2",
        f"""{SCALE} few = Constant <value_ints = [2, 6, 2, 8]> () all = Constant <value_ints = [2, 4, 6, 8]> ()
        two = Constant <value_ints = [2]> () {_both} kz = Transpose <perm = [0, 1, 3, 2]> (kfull) p = MatMul (qh, kz)
        s = Div (p, r) w = Softmax <axis = -1> (s) context = MatMul (w, vfull)""",
        {"heads": H, "kv_heads": 2},
    )


def attention_of(graph: Graph) -> Op:
    (op,) = (op for op in graph.ops if op.kind == "attention")
    return op


def fused(folder: Path, inputs: str, body: str) -> Graph:
    """The graph of a body between the splitting and the merging of heads, after all graph passes."""
    heads = HEADS if "float[2, 6, 32] k" in inputs else "\n".join(HEADS.splitlines()[:3])
    square = "square = Constant <value_ints = [6, 6]> ()"
    text = f"""<ir_version: 9, opset_import: ["" : 18]> g ({inputs}) => (float[2, 6, 32] y)
        {{ {heads} {square} {body} {MERGE} }}"""
    return rewritten(folder, onnx.parser.parse_model(text))


def rewritten(folder: Path, built: onnx.ModelProto) -> Graph:
    """The model's graph after all graph passes, checked against what the reference implementation computes."""
    onnx.save(built, folder / "model.onnx")
    model = load_model(folder / "model.onnx")
    after = pipeline_of(GRAPH).run(Plan(tiny_target(), model.graph, model.phases), Context()).graph
    check(after, model.phases)
    known = reference(built)
    found = evaluate(after, known)
    for name in after.outputs:
        np.testing.assert_allclose(found[name], known[name], rtol=1e-4, atol=1e-4)
    return after


def reference(built: onnx.ModelProto) -> dict[str, Any]:
    """All values of the model on random numbers; whole masks let everything through."""
    random = np.random.default_rng(0)
    given: dict[str, Any] = {}
    for value in built.graph.input:
        shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
        logical = value.type.tensor_type.elem_type == onnx.TensorProto.BOOL
        given[value.name] = np.ones(shape, bool) if logical else random.normal(size=shape).astype(np.float32)
    every = onnx.ModelProto()
    every.CopyFrom(built)
    made = [name for node in built.graph.node for name in node.output]
    del every.graph.output[:]
    every.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made)
    results = ReferenceEvaluator(every).run(None, given)
    assert isinstance(results, list)
    return {**given, **dict(zip(made, results, strict=True))}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_spelling_is_recognised_and_computes_the_same(name: str, tmp_path: Path) -> None:
    inputs, body, wanted = SPELLINGS[name]
    graph = fused(tmp_path, inputs, body)
    assert kinds(graph)["softmax"] == kinds(graph)["matmul"] == 0
    op = attention_of(graph)
    assert {key: op.attr(key) for key in wanted} == wanted
    assert op.attr("scale") == pytest.approx(D**-0.5)


ROTATIONS: dict[str, str] = {
    # name -> how x [2, 4, 6, 8] becomes y with tables c and s [1, 1, 6, 8], or their first halves ch and sh
    "halves": """e = Slice (x, zero, four, last) f = Slice (x, four, eight, last) g = Neg (f)
        t = Concat <axis = -1> (g, e) a = Mul (x, c) b = Mul (t, s) y = Add (a, b)""",
    "halves by Split": """e, f = Split <axis = -1, num_outputs = 2> (x) g = Neg (f) t = Concat <axis = -1> (g, e)
        a = Mul (c, x) b = Mul (s, t) y = Add (b, a)""",
    "neighbours": """e = Slice (x, zero, eight, last, two) f = Slice (x, one, eight, last, two) g = Neg (f)
        gu = Unsqueeze (g, last) eu = Unsqueeze (e, last) pairs = Concat <axis = -1> (gu, eu) t = Reshape (pairs, whole)
        a = Mul (x, c) b = Mul (t, s) y = Add (a, b)""",
    "each half by itself": """e, f = Split <axis = -1, num_outputs = 2> (x) a = Mul (e, ch) b = Mul (f, sh)
        re = Sub (a, b) d = Mul (f, ch) g = Mul (e, sh) im = Add (d, g) y = Concat <axis = -1> (re, im)""",
    "complex numbers": """pairs = Reshape (x, paired) i0 = Constant <value_int = 0> () i1 = Constant <value_int = 1> ()
        e = Gather <axis = 4> (pairs, i0) f = Gather <axis = 4> (pairs, i1) a = Mul (e, ch) b = Mul (f, sh)
        re = Sub (a, b) d = Mul (e, sh) g = Mul (f, ch) im = Add (d, g) ru = Unsqueeze (re, last)
        iu = Unsqueeze (im, last) both = Concat <axis = -1> (ru, iu) y = Reshape (both, whole)""",
    "the first half of each row": """n = Slice (x, zero, four, last) o = Slice (x, four, eight, last)
        e, f = Split <axis = -1, num_outputs = 2> (n) g = Neg (f) t = Concat <axis = -1> (g, e) a = Mul (n, ch)
        b = Mul (t, sh) r = Add (a, b) y = Concat <axis = -1> (r, o)""",
    "all rows but the first": """row = Constant <value_ints = [2]> () n = Slice (x, zero, one, row)
        o = Slice (x, one, six, row) co = Slice (c, one, six, row) so = Slice (s, one, six, row)
        e, f = Split <axis = -1, num_outputs = 2> (o) g = Neg (f)
        t = Concat <axis = -1> (g, e) a = Mul (o, co) b = Mul (t, so) r = Add (a, b)
        y = Concat <axis = 2> (n, r)""",
}


@pytest.mark.parametrize("name", ROTATIONS)
def test_a_rotation_is_recognised_and_computes_the_same(name: str, tmp_path: Path) -> None:
    numbers = {"zero": 0, "one": 1, "two": 2, "four": 4, "six": 6, "eight": 8, "last": -1}
    constants = " ".join(f"{word} = Constant <value_ints = [{number}]> ()" for word, number in numbers.items())
    text = f"""<ir_version: 9, opset_import: ["" : 18]> g (float[2, 4, 6, 8] x, float[1, 1, 6, 8] c,
        float[1, 1, 6, 8] s, float[1, 1, 6, 4] ch, float[1, 1, 6, 4] sh) => (float[2, 4, 6, 8] y) {{ {constants}
        whole = Constant <value_ints = [2, 4, 6, 8]> () paired = Constant <value_ints = [2, 4, 6, 4, 2]> ()
        {ROTATIONS[name]} }}"""
    graph = rewritten(tmp_path, onnx.parser.parse_model(text))
    found = kinds(graph)
    assert found["rope"] == 1
    assert found.total() == (3 if "first" in name and "rows" in name else 1)  # the tables' own slices


def test_scores_that_leave_the_graph_are_not_hidden(tmp_path: Path) -> None:
    body = f"{SCORES} s2 = Identity (s) {ATTEND}"
    text = f"""<ir_version: 9, opset_import: ["" : 18]> g ({INPUTS}) => (float[2, 6, 32] y, float[2, 4, 6, 6] w)
        {{ {HEADS} {body} {MERGE} }}"""
    graph = rewritten(tmp_path, onnx.parser.parse_model(text))
    assert kinds(graph)["attention"] == 0
    assert set(graph.outputs) == {"y", "w"}


def test_linear_attention_is_none(tmp_path: Path) -> None:
    text = f"""<ir_version: 9, opset_import: ["" : 18]> g ({INPUTS}) => (float[2, 6, 32] y) {{ {HEADS}
        qs = Softmax <axis = -1> (qh) ks = Softmax <axis = 2> (kh) kx = Transpose <perm = [0, 1, 3, 2]> (ks)
        sums = MatMul (kx, vh) context = MatMul (qs, sums) {MERGE} }}"""
    graph = rewritten(tmp_path, onnx.parser.parse_model(text))
    assert kinds(graph)["attention"] == 0
