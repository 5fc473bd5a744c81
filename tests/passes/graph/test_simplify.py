"""Simplify removes what changes nothing and keeps the names of what leaves the graph."""

from __future__ import annotations

import pytest
from passes_graph_sketch import ONE_BY_TWELVE, Sketch, kinds, rewrite

from mapper.hw.work import DType, Role
from passes.graph.simplify import Simplify


def test_a_view_to_the_same_shape_disappears() -> None:
    s = Sketch()
    y = s.fn("Relu", s.reshape(s.fn("Relu", s.input("x", 2, 4)), 2, 4))
    graph = rewrite(s.graph(y), Simplify())
    assert kinds(graph) == {"relu": 2}
    assert graph.ops[0].origin == ("Relu_0", "Reshape_1")


def test_a_chain_of_views_becomes_one() -> None:
    s = Sketch()
    y = s.fn("Relu", s.reshape(s.reshape(s.reshape(s.input("x", 2, 12), 24), 4, 6), 3, 8))
    graph = rewrite(s.graph(y), Simplify())
    assert kinds(graph) == {"view": 1, "relu": 1}
    assert graph.ops[0].origin == ("Reshape_0", "Reshape_1", "Reshape_2")


def test_transposes_that_cancel_disappear() -> None:
    s = Sketch()
    x = s.input("x", 2, 3, 4)
    y = s.fn("Relu", s.transpose(s.transpose(x, 2, 0, 1), 1, 2, 0))
    assert kinds(rewrite(s.graph(y), Simplify())) == {"relu": 1}


def test_two_transposes_become_one() -> None:
    s = Sketch()
    y = s.fn("Relu", s.transpose(s.transpose(s.input("x", 2, 3, 4), 0, 2, 1), 1, 0, 2))
    graph = rewrite(s.graph(y), Simplify())
    assert kinds(graph) == {"move": 1, "relu": 1}
    assert graph.ops[0].attr("perm") == (2, 0, 1)


def test_a_transpose_that_other_ops_read_stays_where_it_is() -> None:
    s = Sketch()
    turned = s.transpose(s.input("x", 2, 3, 4), 0, 2, 1)
    y, z = s.fn("Relu", turned), s.fn("Relu", s.transpose(turned, 1, 0, 2))
    graph = rewrite(s.graph(y, z), Simplify())
    assert kinds(graph) == {"move": 2, "relu": 2}


def test_a_transpose_of_dims_of_one_is_a_view() -> None:
    s = Sketch()
    y = s.fn("Relu", s.transpose(s.input("x", 1, 1, 12, 64), 0, 2, 1, 3))
    assert kinds(rewrite(s.graph(y), Simplify())) == {"view": 1, "relu": 1}


def test_a_view_that_leaves_the_graph_gives_its_name_to_what_it_shows() -> None:
    s = Sketch()
    y = s.reshape(s.fn("Relu", s.input("x", 2, 4)), 2, 4)
    graph = rewrite(s.graph(y), Simplify())
    assert kinds(graph) == {"relu": 1}
    assert graph.ops[0].outputs == (y,)


def test_an_input_that_leaves_the_graph_unchanged_keeps_its_view() -> None:
    s = Sketch()
    y = s.reshape(s.input("x", 2, 4), 2, 4)
    assert kinds(rewrite(s.graph(y), Simplify())) == {"view": 1}


def test_ops_that_nothing_needs_disappear() -> None:
    s = Sketch()
    x = s.input("x", 2, 4)
    s.fn("Relu", s.fn("Tanh", x))
    assert kinds(rewrite(s.graph(s.fn("Exp", x)), Simplify())) == {"exp": 1}


def test_a_cast_to_the_same_type_disappears() -> None:
    s = Sketch()
    y = s.fn("Relu", s.cast(s.input("x", 2), DType.F32))
    assert kinds(rewrite(s.graph(y), Simplify())) == {"relu": 1}


@pytest.mark.parametrize(("start", "middle", "left"), [(DType.F16, DType.F32, 0), (DType.F32, DType.F16, 2)])
def test_a_cast_and_its_way_back_disappear_only_if_nothing_was_lost(start: DType, middle: DType, left: int) -> None:
    s = Sketch()
    x = s.value("x", (2,), Role.INPUT, start)
    y = s.fn("Relu", s.cast(s.cast(x, middle), start))
    assert kinds(rewrite(s.graph(y), Simplify()))["cast"] == left


@pytest.mark.parametrize(
    ("op_type", "neutral", "left"),
    [("Add", 0.0, 0), ("Mul", 1.0, 0), ("Div", 1.0, 0), ("Mul", 2.0, 1), ("Pow", 1.0, 1)],
)
def test_an_operation_with_its_neutral_element_disappears(op_type: str, neutral: float, left: int) -> None:
    s = Sketch()
    y = s.fn("Relu", s.fn(op_type, s.input("x", 2, 4), neutral))
    assert kinds(rewrite(s.graph(y), Simplify())) == {"relu": 1, **({op_type.lower(): 1} if left else {})}


def test_zero_minus_x_is_not_x() -> None:
    s = Sketch()
    y = s.fn("Relu", s.fn("Sub", 0.0, s.input("x", 2)))
    assert kinds(rewrite(s.graph(y), Simplify())) == {"sub": 1, "relu": 1}


def test_equal_views_of_one_value_are_made_once() -> None:
    s = Sketch()
    x = s.input("x", 2, 4)
    y = s.fn("Add", s.reshape(x, 8), s.reshape(x, 8))
    assert kinds(rewrite(s.graph(y), Simplify())) == {"view": 1, "add": 1}


def test_a_transposed_weight_is_read_as_it_is_stored() -> None:
    s = Sketch()
    table = s.weight("table", 50, 8)
    y = s.matmul(s.input("x", 2, 8), s.transpose(table, 1, 0))
    s.fn("Relu", table)
    graph = rewrite(s.graph(y), Simplify())
    assert kinds(graph) == {"matmul": 1}
    assert graph.ops[0].inputs == ("x", "table")
    assert graph.ops[0].attr("trans_b") == 1


def test_a_matmul_between_folded_dims_works_on_unfolded_ones() -> None:
    s = Sketch()
    x = s.fn("Relu", s.input("x", "batch", "seq", 8))
    y = s.fn("Tanh", s.reshape(s.linear(s.reshape(x, 12, 8), 16), "batch", "seq", 16))
    graph = rewrite(s.graph(y), Simplify(), phases=ONE_BY_TWELVE)
    assert kinds(graph) == {"relu": 1, "matmul": 1, "tanh": 1}
    assert graph.value[graph.ops[1].outputs[0]].shape == ("batch", "seq", 16)
    assert graph.ops[1].origin == ("Reshape_1", "MatMul_2", "Reshape_3")


def test_very_many_equal_readers_of_one_value_are_one_and_quickly() -> None:
    s = Sketch()
    x = s.input("x", 2, 4)
    y = s.op("move", "Concat", tuple(s.fn("Relu", x) for _ in range(4000)), (8000, 4), axis=0)
    graph = rewrite(s.graph(y), Simplify())
    assert len(graph.ops) == 2
    assert len(graph.ops[0].origin) == 4000


def test_simplifying_twice_is_simplifying_once() -> None:
    s = Sketch()
    x = s.reshape(s.transpose(s.input("x", 1, 4, 6), 1, 0, 2), 4, 6)
    graph = rewrite(s.graph(s.fn("Relu", s.linear(x, 3))), Simplify())
    assert rewrite(graph, Simplify()) == graph


def test_slices_into_all_consecutive_parts_become_one_split() -> None:
    s = Sketch()
    x = s.linear(s.input("x", 2, 8), 12)
    parts = [s.slice(x, 1, 4, 6), s.slice(x, 1, 0, 4), s.slice(x, 1, 6, 12)]
    graph = rewrite(s.graph(*(s.fn("Relu", p) for p in parts)), Simplify())
    assert kinds(graph) == {"matmul": 1, "move": 1, "relu": 3}
    (split,) = (op for op in graph.ops if op.kind == "move")
    assert split.outputs == (parts[1], parts[0], parts[2])
    assert len(split.origin) == 3


@pytest.mark.parametrize("ranges", [((0, 4), (6, 12)), ((0, 4), (3, 12)), ((0, 4), (4, 8)), ((4, 12),)])
def test_slices_that_leave_a_gap_or_overlap_stay_slices(ranges: tuple[tuple[int, int], ...]) -> None:
    s = Sketch()
    x = s.input("x", 2, 12)
    graph = s.graph(*(s.fn("Relu", s.slice(x, 1, *ends)) for ends in ranges))
    assert rewrite(graph, Simplify()).ops == graph.ops
