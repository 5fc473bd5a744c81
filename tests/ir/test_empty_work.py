"""An op whose outputs have no elements reads nothing, but its weights are stored all the same."""

from __future__ import annotations

from mapper.hw.work import DType, Role
from mapper.ir.graph import Graph, Op, Value
from mapper.ir.op_work import stored, work


def product(rows: int) -> Graph:
    values = (
        Value("x", (rows, 8), DType.F32, Role.INPUT),
        Value("w", (8, 4), DType.F32, Role.WEIGHT),
        Value("y", (rows, 4), DType.F32, Role.OUTPUT),
    )
    return Graph("g", (Op("mm", "matmul", ("x", "w"), ("y",)),), values)


def test_a_product_without_rows_reads_no_weights() -> None:
    graph = product(0)
    found = work(graph, graph.op["mm"], {})
    assert (found.macs, found.bytes()) == (0, 0)


def test_its_weights_are_stored_whole() -> None:
    graph = product(0)
    op = graph.op["mm"]
    assert stored(graph, op, work(graph, op, {})).bytes(Role.WEIGHT) == 8 * 4 * 4


def test_a_product_with_rows_is_as_it_was() -> None:
    graph = product(1)
    op = graph.op["mm"]
    assert work(graph, op, {}).bytes(Role.WEIGHT) == stored(graph, op, work(graph, op, {})).bytes(Role.WEIGHT) == 128


def test_a_search_that_finds_nothing_has_read_its_input() -> None:
    values = (Value("x", (8,), DType.F32, Role.INPUT), Value("y", (1, 0), DType.I64, Role.OUTPUT))
    graph = Graph("g", (Op("find", "sort", ("x",), ("y",)),), values)
    assert work(graph, graph.op["find"], {}).bytes() == 8 * 4
