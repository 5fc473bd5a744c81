"""Experts that a router picks are one product with their stack, of which a call reads a part."""

from __future__ import annotations

import pytest
from passes_graph_sketch import ONCE, Sketch, kinds, macs, rewrite

from mapper.hw.work import DType, Role
from mapper.ir.experts import expected_experts
from mapper.ir.graph import Op
from mapper.ir.op_work import stored, work
from passes.graph.fuse_experts import FuseExperts
from passes.graph.simplify import Simplify

EXPERTS, PICKED, WIDTH, OUT = 8, 2, 16, 32


def picked(s: Sketch, tokens: int) -> str:
    """Indices [tokens * picked] of the experts that the router picks."""
    scores = s.input("scores", tokens, EXPERTS)
    values = s.value("TopK:0", (tokens, PICKED), Role.ACTIVATION)
    index = s.value("TopK:1", (tokens, PICKED), Role.ACTIVATION, DType.I64)
    s.ops.append(Op("TopK", "sort", (scores,), (values, index), (("op_type", "TopK"),), ("TopK",)))
    return s.reshape(index, tokens * PICKED)


def by_rows(s: Sketch, tokens: int) -> str:
    index = picked(s, tokens)
    stack = s.weight("experts", EXPERTS, WIDTH, OUT)
    matrices = s.op("gather", "Gather", (stack, index), (tokens * PICKED, WIDTH, OUT), axis=0)
    return s.matmul(s.input("x", tokens * PICKED, 1, WIDTH), matrices)


def by_columns(s: Sketch, tokens: int) -> str:
    index = picked(s, tokens)
    stack = s.weight("experts", EXPERTS, OUT, WIDTH)
    matrices = s.op("gather", "Gather", (stack, index), (tokens * PICKED, OUT, WIDTH), axis=0)
    return s.matmul(matrices, s.input("x", tokens * PICKED, WIDTH, 1))


@pytest.mark.parametrize("tokens", [1, 5, 64])
@pytest.mark.parametrize("spelling", [by_rows, by_columns])
def test_a_call_reads_the_experts_that_are_expected_to_be_picked(spelling, tokens: int) -> None:  # type: ignore[no-untyped-def]
    s = Sketch()
    y = spelling(s, tokens)
    graph = rewrite(s.graph(y), FuseExperts(), Simplify())
    assert kinds(graph)["matmul"] == 1
    assert "gather" not in kinds(graph)
    (op,) = (op for op in graph.ops if op.kind == "matmul")
    assert (op.attr("experts"), op.attr("picked")) == (EXPERTS, PICKED)
    found = work(graph, op, {})
    active = expected_experts(EXPERTS, PICKED, tokens)
    assert found.weight is not None
    assert found.weight.elements == active * WIDTH * OUT
    assert found.macs == tokens * PICKED * WIDTH * OUT
    whole = stored(graph, op, found).weight
    assert whole is not None
    assert whole.elements == EXPERTS * WIDTH * OUT
    assert macs(graph, ONCE) == [found.macs]


def test_the_expected_number_of_experts_grows_to_all() -> None:
    found = [expected_experts(8, 2, tokens) for tokens in (1, 2, 4, 16, 100)]
    assert found == [2, 4, 5, 8, 8]  # 8 (1 - 0.75^tokens), rounded; 3.5 goes to the even number


def test_no_tokens_need_no_experts() -> None:
    assert expected_experts(8, 2, 0) == 0


def test_matrices_that_are_read_elsewhere_are_gathered() -> None:
    s = Sketch()
    y = by_rows(s, 1)
    (gathered,) = (op.outputs[0] for op in s.ops if op.kind == "gather")
    graph = rewrite(s.graph(y, s.fn("Relu", gathered)), FuseExperts())
    assert kinds(graph)["gather"] == 1
