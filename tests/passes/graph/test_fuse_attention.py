"""Attention is recognised with its scale, masks, cache, head layout and repeated heads."""

from __future__ import annotations

from dataclasses import replace

import pytest
from passes_graph_sketch import ONCE, Sketch, kinds, rewrite
from real_plans import run, unplaced

from mapper.hw.work import DType, Role
from mapper.ir.graph import Graph, Op, Phase
from mapper.ir.op_work import work
from passes.graph.fuse_attention import FuseAttention
from passes.graph.simplify import Simplify

B, S, H, D = 2, 7, 4, 16
WIDTH = H * D

DECODE = (Phase("decode", (), 1, (("past", (5,)), ("total", (12,)))),)


def heads(s: Sketch, x: str, count: int = H, perm: tuple[int, ...] = (0, 2, 1, 3)) -> str:
    return s.transpose(s.reshape(x, B, S, count, D), *perm)


def merge(s: Sketch, context: str) -> str:
    return s.reshape(s.transpose(context, 0, 2, 1, 3), B, S, WIDTH)


def projected(s: Sketch) -> tuple[str, str, str]:
    x = s.input("x", B, S, WIDTH)
    return s.linear(x, WIDTH), s.linear(x, WIDTH), s.linear(x, WIDTH)


def the_attention(graph: Graph) -> Op:
    (op,) = (op for op in graph.ops if op.kind == "attention")
    return op


SIZES = {"batch": B, "heads": H, "kv_heads": H, "q": S, "kv": S, "head_dim": D, "v_dim": D, "causal": 0}


def scaled_after(s: Sketch, q: str, k: str) -> str:
    return s.fn("Div", s.matmul(heads(s, q), s.transpose(heads(s, k), 0, 1, 3, 2)), D**0.5)


def scaled_before(s: Sketch, q: str, k: str) -> str:
    return s.matmul(heads(s, s.fn("Mul", q, D**-0.5)), heads(s, k, perm=(0, 2, 3, 1)))


def scaled_both(s: Sketch, q: str, k: str) -> str:
    left, right = s.fn("Mul", heads(s, q), D**-0.25), s.fn("Mul", heads(s, k, perm=(0, 2, 3, 1)), D**-0.25)
    return s.matmul(left, right)


def soft_capped(s: Sketch, q: str, k: str) -> str:
    return s.fn("Mul", s.fn("Tanh", s.fn("Div", scaled_after(s, q, k), 50.0)), 50.0)


@pytest.mark.parametrize("scores", [scaled_after, scaled_before, scaled_both, soft_capped])
def test_attention_is_recognised_wherever_it_is_scaled(scores) -> None:  # type: ignore[no-untyped-def]
    s = Sketch()
    q, k, v = projected(s)
    y = merge(s, s.matmul(s.softmax(scores(s, q, k)), heads(s, v)))
    graph = rewrite(s.graph(s.fn("Relu", y)), FuseAttention())
    assert kinds(graph) == {"matmul": 3, "attention": 1, "relu": 1}
    op = the_attention(graph)
    assert op.inputs == (q, k, v)
    assert op.outputs == (y,)
    cap = {"softcap": 50.0} if scores is soft_capped else {}
    assert dict(op.attrs) == {**SIZES, "scale": pytest.approx(D**-0.5), **cap}
    assert len(op.origin) == len(s.ops) - 4


def test_masks_are_read_and_what_the_softmax_knows_of_them_is_kept() -> None:
    s = Sketch()
    q, k, v = projected(s)
    causal = s.fn("LessOrEqual", s.input("keys", 1, S), s.input("queries", S, 1))
    scores = s.fn("Where", causal, scaled_after(s, q, k), -1e9)
    scores = s.fn("Add", scores, s.input("padding", B, 1, 1, S))
    y = merge(s, s.matmul(s.softmax(scores, causal=1, window=4), heads(s, v)))
    op = the_attention(rewrite(s.graph(y), FuseAttention()))
    assert op.inputs == (q, k, v, "", "", causal, "padding")
    assert (op.attr("causal"), op.attr("window")) == (1, 4)


def test_a_padding_mask_is_not_causal() -> None:
    s = Sketch()
    q, k, v = projected(s)
    scores = s.fn("Add", scaled_after(s, q, k), s.input("padding", B, 1, 1, S))
    op = the_attention(rewrite(s.graph(merge(s, s.matmul(s.softmax(scores), heads(s, v)))), FuseAttention()))
    assert op.inputs[5:] == ("padding",)
    assert op.attr("causal") == 0


def test_casts_around_the_softmax_are_taken_over() -> None:
    s = Sketch()
    q, k, v = projected(s)
    weights = s.cast(s.softmax(s.cast(scaled_after(s, q, k), DType.F64)), DType.F32)
    graph = rewrite(s.graph(merge(s, s.matmul(weights, heads(s, v)))), FuseAttention())
    assert kinds(graph) == {"matmul": 3, "attention": 1}


def test_a_guard_against_rows_without_keys_is_taken_over() -> None:
    s = Sketch()
    q, k, v = projected(s)
    weights = s.softmax(scaled_after(s, q, k))
    weights = s.fn("Where", s.fn("IsNaN", weights), 0.0, weights)
    graph = rewrite(s.graph(merge(s, s.matmul(weights, heads(s, v)))), FuseAttention())
    assert kinds(graph) == {"matmul": 3, "attention": 1}


def with_cache(s: Sketch, name: str, new: str, count: int = H) -> str:
    past = s.input(f"past.{name}", B, count, "past", D)
    present = s.concat(past, new, 2, "total")
    s.state(past, present)
    return present


def test_the_cache_is_read_and_grown_by_the_attention() -> None:
    s = Sketch()
    q, k, v = projected(s)
    key, value = with_cache(s, "key", heads(s, k)), with_cache(s, "value", heads(s, v))
    scores = s.fn("Div", s.matmul(heads(s, q), s.transpose(key, 0, 1, 3, 2)), D**0.5)
    y = merge(s, s.matmul(s.softmax(scores), value))
    graph = rewrite(s.graph(y), FuseAttention(), phases=DECODE)
    assert kinds(graph) == {"matmul": 3, "attention": 1}
    op = the_attention(graph)
    assert op.inputs == (q, k, v, "past.key", "past.value")
    assert op.outputs == (y, key, value)
    assert op.attr("kv") == "total"


def test_a_prefill_hands_out_the_cache_in_its_own_layout() -> None:
    s = Sketch()
    q, k, v = projected(s)
    key, value = heads(s, k), heads(s, v)
    s.state("", key)
    s.state("", value)
    y = merge(s, s.matmul(s.softmax(s.matmul(heads(s, q), s.transpose(key, 0, 1, 3, 2))), value))
    op = the_attention(rewrite(s.graph(y), FuseAttention()))
    assert op.inputs == (q, k, v)
    assert op.outputs == (y, key, value)


def test_repeated_heads_are_counted_and_not_copied() -> None:
    s = Sketch()
    x = s.input("x", B, S, WIDTH)
    q, k, v = s.linear(x, WIDTH), s.linear(x, 2 * D), s.linear(x, 2 * D)
    key, value = with_cache(s, "key", heads(s, k, 2), 2), with_cache(s, "value", heads(s, v, 2), 2)

    def repeated(cache: str) -> str:
        spread = s.expand(s.reshape(cache, B, 2, 1, "total", D), B, 2, 2, "total", D)
        return s.reshape(spread, B, H, "total", D)

    scores = s.matmul(heads(s, q), s.transpose(repeated(key), 0, 1, 3, 2))
    y = merge(s, s.matmul(s.softmax(scores), repeated(value)))
    graph = rewrite(s.graph(y), FuseAttention(), phases=DECODE)
    assert kinds(graph) == {"matmul": 3, "attention": 1}
    assert (the_attention(graph).attr("heads"), the_attention(graph).attr("kv_heads")) == (H, 2)


def test_one_projection_for_all_three_is_not_cut_up() -> None:
    s = Sketch()
    qkv = s.linear(s.input("x", B, S, WIDTH), 3 * WIDTH)
    q, k, v = s.split(qkv, 2, WIDTH, WIDTH, WIDTH)
    y = merge(s, s.matmul(s.softmax(scaled_after(s, q, k)), heads(s, v)))
    graph = rewrite(s.graph(y), FuseAttention())
    assert kinds(graph) == {"matmul": 1, "attention": 1}
    assert the_attention(graph).inputs == (qkv, qkv, qkv)


def test_slices_of_one_transposed_projection_are_not_cut_up() -> None:
    s = Sketch()
    qkv = s.linear(s.input("x", B, S, WIDTH), 3 * WIDTH)
    packed = s.transpose(s.reshape(qkv, B, S, 3, H, D), 2, 0, 3, 1, 4)
    q, k, v = (s.reshape(s.slice(packed, 0, i, i + 1), B, H, S, D) for i in range(3))
    y = merge(s, s.matmul(s.softmax(s.matmul(q, s.transpose(k, 0, 1, 3, 2))), v))
    graph = rewrite(s.graph(y), FuseAttention())
    assert kinds(graph) == {"matmul": 1, "attention": 1}


def test_a_projection_with_another_reader_is_cut_up() -> None:
    s = Sketch()
    qkv = s.linear(s.input("x", B, S, WIDTH), 3 * WIDTH)
    q, k, v = s.split(qkv, 2, WIDTH, WIDTH, WIDTH)
    y = merge(s, s.matmul(s.softmax(scaled_after(s, q, k)), heads(s, v)))
    graph = rewrite(s.graph(y, s.fn("Relu", q)), FuseAttention())
    assert the_attention(graph).inputs == (q, k, v)


def test_rotation_moves_in_front_of_the_head_layout() -> None:
    s = Sketch()
    q, k, v = projected(s)
    cos, sin = s.input("cos", 1, 1, S, D), s.input("sin", 1, 1, S, D)

    def rope(x: str) -> str:
        return s.rope(x, cos, sin)

    scores = s.matmul(rope(heads(s, q)), s.transpose(rope(heads(s, k)), 0, 1, 3, 2))
    y = merge(s, s.matmul(s.softmax(scores), heads(s, v)))
    graph = rewrite(s.graph(y), FuseAttention(), Simplify())
    assert kinds(graph) == {"matmul": 3, "rope": 2, "view": 4, "attention": 1}  # heads of q and k, tables of angles


def test_scores_that_leave_the_graph_are_not_hidden_in_an_attention() -> None:
    s = Sketch()
    q, k, v = projected(s)
    weights = s.softmax(scaled_after(s, q, k))
    graph = s.graph(merge(s, s.matmul(weights, heads(s, v))), weights)
    assert rewrite(graph, FuseAttention()).ops == graph.ops


def test_a_classifier_softmax_is_no_attention() -> None:
    s = Sketch()
    x = s.input("x", 2, 8)
    graph = s.graph(s.matmul(s.softmax(s.linear(x, 4)), s.weight("table", 4, 8)))
    assert rewrite(graph, FuseAttention()).ops == graph.ops


def test_keys_that_are_made_of_nothing_end_the_search_for_their_source() -> None:
    s = Sketch()
    q, v = s.input("q", B, H, S, D), s.input("v", B, H, S, D)
    k = s.value("noise", (B, H, S, D), Role.ACTIVATION)
    s.ops.append(Op("noise", "move", (), (k,), (("op_type", "RandomNormal"),), ("noise",)))
    y = s.matmul(s.softmax(s.matmul(q, s.transpose(k, 0, 1, 3, 2))), v)
    assert the_attention(rewrite(s.graph(y), FuseAttention())).inputs == (q, k, v)


def test_a_cache_written_in_place_is_read_and_written_by_the_attention() -> None:
    s = Sketch()
    q, k, v = projected(s)
    place = s.input("place", S, 3)

    def written(name: str, new: str) -> str:
        buffer = s.input(f"past.{name}", B, H, 32, D)
        present = s.op("scatter", "ScatterND", (buffer, place, new), (B, H, 32, D))
        s.state(buffer, present)
        return present

    key, value = written("key", heads(s, k)), written("value", heads(s, v))
    scores = s.matmul(heads(s, q), s.transpose(key, 0, 1, 3, 2))
    op = the_attention(rewrite(s.graph(merge(s, s.matmul(s.softmax(scores), value))), FuseAttention()))
    assert op.inputs == (q, k, v, "past.key", "past.value", place)
    assert op.outputs[1:] == (key, value)


def test_keys_for_half_of_the_heads_may_be_matched_by_folding_queries() -> None:
    s = Sketch()
    x = s.input("x", B, S, WIDTH)
    q, k, v = s.linear(x, WIDTH), s.linear(x, 2 * D), s.linear(x, 2 * D)
    folded = s.reshape(heads(s, q), B, 2, 2 * S, D)
    weights = s.softmax(s.matmul(folded, s.transpose(heads(s, k, 2), 0, 1, 3, 2)))
    context = s.reshape(s.matmul(weights, heads(s, v, 2)), B, H, S, D)
    op = the_attention(rewrite(s.graph(merge(s, context)), FuseAttention()))
    assert (op.attr("heads"), op.attr("kv_heads"), op.attr("q")) == (H, 2, S)


def test_of_a_cache_written_in_place_only_the_new_rows_are_written() -> None:
    s = Sketch()
    q, k, v = (s.input(name, B, H, S, D) for name in "qkv")
    buffer, place = s.input("past", B, H, 28, D), s.input("place", S, 3)
    present = s.op("scatter", "ScatterND", (buffer, place, k), (B, H, 28, D))
    s.state(buffer, present)
    values = s.op("scatter", "ScatterND", (s.input("other", B, H, 28, D), place, v), (B, H, 28, D))
    scores = s.matmul(q, s.transpose(present, 0, 1, 3, 2))
    graph = rewrite(s.graph(s.matmul(s.softmax(scores), values)), FuseAttention())
    written = work(graph, the_attention(graph), {}).outputs[1]
    assert written.elements == B * H * S * D


def rotated_heads(s: Sketch, cut: str) -> str:
    """Queries, keys and values side by side in each head, queries and keys rotated, as GPT-NeoX has them."""
    whole = s.transpose(s.reshape(s.linear(s.input("x", B, S, WIDTH), 3 * WIDTH), B, S, H, 3 * D), 0, 2, 1, 3)
    bounds = [(i * D, (i + 1) * D) for i in range(3)]
    q, k, v = s.split(whole, 3, D, D, D) if cut == "Split" else [s.slice(whole, 3, *b) for b in bounds]
    cos, sin = s.input("cos", 1, 1, S, D), s.input("sin", 1, 1, S, D)
    scores = s.matmul(s.fn("Mul", s.rope(q, cos, sin), D**-0.5), s.transpose(s.rope(k, cos, sin), 0, 1, 3, 2))
    return merge(s, s.matmul(s.softmax(scores), v))


@pytest.mark.parametrize("cut", ["Split", "Slice"])
def test_of_packed_heads_that_are_rotated_only_the_cut_remains(cut: str) -> None:
    s = Sketch()
    graph = rewrite(s.graph(s.fn("Relu", rotated_heads(s, cut))), Simplify(), FuseAttention(), Simplify())
    moves = [op.attr("op_type") for op in graph.ops if op.kind == "move"]
    assert moves == ["Split"]
    assert the_attention(graph).attr("heads") == H


def test_the_cut_of_a_packed_projection_rides_on_it() -> None:
    s = Sketch()
    source = s.graph(s.fn("Relu", rotated_heads(s, "Slice")))
    plan = replace(unplaced(), graph=rewrite(source, Simplify(), FuseAttention(), Simplify()), phases=ONCE)
    clusters = run(plan, "partition").clusters or ()
    kinds_of = {name: op.kind for name, op in plan.graph.op.items()}
    held = [[kinds_of[name] for name in c.ops] for c in clusters]
    assert any(set(ops) >= {"matmul", "view", "move"} for ops in held), held
