"""Which operand is a table or a stack of experts is told by its place and its name, not by what else is there."""

from __future__ import annotations

from mapper.hw.work import DType, Role
from mapper.ir.graph import Graph, Op, Value
from mapper.ir.op_work import stored, work

EXPERTS = 4


def look_up() -> Graph:
    """Four single elements picked of a cube by three numbers each."""
    values = (
        Value("cube", (10, 10, 10), DType.F32, Role.ACTIVATION),
        Value("at", (4, 3), DType.I64, Role.WEIGHT),
        Value("y", (4,), DType.F32, Role.OUTPUT),
    )
    return Graph("g", (Op("pick", "gather", ("cube", "at"), ("y",)),), values)


def mixture(stack: Role = Role.WEIGHT) -> Graph:
    """A row through one of four matrices; another weight has the size and the type of the stack."""
    values = (
        Value("x", (1, 8), DType.F32, Role.INPUT),
        Value("stack", (EXPERTS, 8, 8), DType.F32, stack),
        Value("other", (EXPERTS, 8, 8), DType.F32, Role.WEIGHT),
        Value("y", (1, 8), DType.F32, Role.OUTPUT),
    )
    op = Op("mm", "matmul", ("x", "stack", "other"), ("y",), (("experts", EXPERTS), ("picked", 1)))
    return Graph("g", (op,), values)


def test_a_look_up_reads_of_its_table_what_it_hands_on_and_all_its_indices() -> None:
    graph = look_up()
    assert [o.elements for o in work(graph, graph.op["pick"], {}).inputs] == [4, 12]


def test_indices_are_no_table_where_the_table_stays_in_the_cluster() -> None:
    graph = look_up()
    assert [o.elements for o in work(graph, graph.op["pick"], {}, inside=frozenset({"cube"})).inputs] == [12]


def test_an_operand_of_the_size_of_the_stack_is_read_whole() -> None:
    graph = mixture()
    assert [o.elements for o in work(graph, graph.op["mm"], {}).inputs] == [8, 64, 4 * 64]


def test_the_stack_is_stored_whole_and_the_other_operand_once() -> None:
    graph = mixture()
    op = graph.op["mm"]
    assert [o.elements for o in stored(graph, op, work(graph, op, {})).inputs] == [8, 4 * 64, 4 * 64]


def test_a_stack_that_is_no_weight_leaves_the_other_weights_as_they_are() -> None:
    graph = mixture(stack=Role.ACTIVATION)
    op = graph.op["mm"]
    assert stored(graph, op, work(graph, op, {})).bytes(Role.WEIGHT) == 4 * 64 * 4
