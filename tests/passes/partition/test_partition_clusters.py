"""Clusters: light ops ride on what they read; equal layers are marked equal."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_plans import unplaced
from sweeps import examples
from tiny_machines import Abacus, Loom, grouped, layers, machine, prepared, sketch

from mapper.ir.graph import Graph
from mapper.ir.plan import Cluster


def test_an_elementwise_op_joins_its_single_use_producer() -> None:
    assert grouped(sketch("h = matmul(x, w)", "y = relu(h)")) == [("h", "y")]


def test_a_row_of_riders_joins_one_by_one() -> None:
    assert grouped(sketch("h = matmul(x, w)", "r = reshape(h)", "y = relu(r)")) == [("h", "r", "y")]


def test_an_op_that_does_more_than_map_never_joins() -> None:
    assert grouped(sketch("h = matmul(x, w)", "y = softmax(h)")) == [("h",), ("y",)]


def test_a_value_that_is_read_twice_has_no_riders() -> None:
    graph = sketch("h = matmul(x, w0)", "a = relu(h)", "y = matmul(h, a)", shape=(8, 8))
    assert grouped(graph) == [("h",), ("a",), ("y",)]


def test_a_value_that_leaves_the_graph_has_no_riders() -> None:
    assert grouped(sketch("h = matmul(x, w)", "y = relu(h)", leaves=["h"])) == [("h",), ("y",)]


def test_a_rider_joins_the_latest_of_its_producers() -> None:
    graph = sketch("a = matmul(x, w0)", "b = matmul(x, w1)", "y = add(a, b)")
    assert grouped(graph) == [("a",), ("b", "y")]


def test_a_rider_stays_alone_when_the_latest_producer_is_read_twice() -> None:
    graph = sketch("a = matmul(x, w0)", "b = matmul(x, w1)", "y = add(a, b)", "z = matmul(b, w2)")
    assert grouped(graph) == [("a",), ("b",), ("y",), ("z",)]


def test_an_op_never_takes_a_kind_of_unit_away() -> None:
    graph = sketch("h = matmul(x, w)", "y = relu(h)")
    assert grouped(graph, Abacus(), Loom(refuses=("elementwise",))) == [("h",), ("y",)]


def test_an_op_joins_when_it_can_go_where_its_cluster_can() -> None:
    graph = sketch("h = matmul(x, w)", "y = relu(h)")
    assert grouped(graph, Abacus(), Loom(refuses=("matmul",))) == [("h", "y")]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_max_ops_limits_a_cluster(most: int) -> None:
    graph = sketch("h = matmul(x, w)", "a = relu(h)", "b = exp(a)", "y = abs(b)")
    sizes = [len(ops) for ops in grouped(graph, max_ops=most)]
    assert max(sizes) == most
    assert sum(sizes) == 4


def test_a_cluster_is_named_after_its_first_heavy_op() -> None:
    plan = prepared(machine(Abacus()), sketch("a = relu(x)", "y = matmul(a, w)", "z = relu(y)"))
    assert [c.name for c in plan.clusters or ()] == ["a", "y"]


def test_equal_layers_are_one_repeat() -> None:
    plan = prepared(machine(Abacus()), layers(4))
    assert {c.repeat for c in plan.clusters or ()} == {"y0"}


def test_the_first_and_the_last_layer_are_their_own() -> None:
    graph = sketch(
        "a = matmul(x, wa)",
        "b = matmul(a, w1)",
        "c = matmul(b, w2)",
        "y = matmul(c, wy)",
        shapes={"x": (4, 16), "wa": (16, 8), "wy": (8, 32), "y": (4, 32)},
    )
    assert [c.repeat for c in prepared(machine(Abacus()), graph).clusters or ()] == ["a", "b", "b", "y"]


def test_a_result_that_leaves_its_cluster_makes_a_layer_different() -> None:
    graph = sketch("a = matmul(x, w0)", "b = relu(a)", "c = matmul(b, w1)", "y = relu(c)", leaves=["a"])
    clusters = prepared(machine(Abacus()), graph).clusters or ()
    assert len({c.repeat for c in clusters}) == len(clusters)


def test_other_functions_are_other_repeats() -> None:
    graph = sketch("a = softmax(x)", "b = relu(x)", "c = exp(x)")
    assert len({c.repeat for c in prepared(machine(Abacus()), graph).clusters or ()}) == 3


def test_the_layers_of_a_transformer_are_equal() -> None:
    counts = Counter(c.repeat for c in unplaced().clusters or ())
    assert {1, 2} <= set(counts.values())
    ends = [c.repeat for c in unplaced().clusters or ()]
    assert counts[ends[0]] == 1
    assert counts[ends[-1]] == 1


def _in_order(graph: Graph, clusters: tuple[Cluster, ...]) -> bool:
    position = {op: i for i, c in enumerate(clusters) for op in c.ops}
    return all(
        position[graph.producer[n].name] <= position[op.name]
        for op in graph.ops
        for n in op.inputs
        if n in graph.producer
    )


@pytest.mark.parametrize("model", ["gpt2-tiny", "bert-tiny"])
def test_clusters_come_after_those_they_read_from(model: str) -> None:
    plan = unplaced(model)
    assert _in_order(plan.graph, plan.clusters or ())


@st.composite
def _lines(draw: st.DrawFn) -> list[str]:
    values, lines = ["x"], []
    for i in range(draw(st.integers(1, 10))):
        fn = draw(st.sampled_from(["matmul", "relu", "add", "reshape", "softmax"]))
        first, second = draw(st.sampled_from(values)), draw(st.sampled_from(values))
        operands = {"matmul": f"{first}, w{i}", "add": f"{first}, {second}"}.get(fn, first)
        lines.append(f"v{i} = {fn}({operands})")
        values.append(f"v{i}")
    return lines


@examples(9, 30)
@given(_lines(), st.integers(1, 4))
def test_every_op_is_in_one_cluster_and_clusters_are_in_order(lines: list[str], most: int) -> None:
    graph = sketch(*lines)
    plan = prepared(machine(Abacus()), graph, passes=f"partition{{max_ops={most}}}")
    clusters = plan.clusters or ()
    assert sorted(op for c in clusters for op in c.ops) == sorted(op.name for op in graph.ops)
    assert _in_order(graph, clusters)
    assert max(len(c.ops) for c in clusters) <= most
