"""The selection problem: malformed ones are refused by name and number, and each rule of a solution can be broken."""

from __future__ import annotations

import pytest

from mapper.errors import Infeasible, MapperError
from mapper.solve.budget import Budget
from mapper.solve.selection import FORBIDDEN, Edge, Node, Problem, Solution, solve, verify

A = Node("a", [1, 2], [3, 0], 0, 4)
B = Node("b", [5, FORBIDDEN], [1, 1], 2, 6)
EDGE = Edge(0, 1, [7, 8, FORBIDDEN, 9])


def broken(*nodes: Node, edges: tuple[Edge, ...] = (), limits: tuple[int, ...] = (10,)) -> str:
    with pytest.raises(MapperError) as caught:
        Problem(nodes, edges, limits).check()
    return str(caught.value)


def test_no_nodes() -> None:
    assert "no nodes" in broken()


def test_a_node_without_options() -> None:
    assert "'x' has no options" in broken(Node("x", [], [], 0, 1))


def test_costs_and_usages_of_different_lengths() -> None:
    assert "'x' has 2 costs and 1 usages" in broken(Node("x", [1, 2], [1], 0, 1))


def test_a_negative_usage() -> None:
    assert "'x' option 1 has the negative usage -4" in broken(Node("x", [1, 2], [1, -4], 0, 1))


def test_an_interval_that_ends_before_it_starts() -> None:
    assert "[5, 3)" in broken(Node("x", [1], [1], 5, 3))


def test_an_unknown_memory() -> None:
    assert "uses memory 1" in broken(Node("x", [1], [1], 0, 1, [1]))


def test_a_negative_limit() -> None:
    assert "memory 0 has the negative limit -1" in broken(A, limits=(-1,))


def test_an_edge_to_a_node_that_is_not_there() -> None:
    assert "edge (0, 7) names node 7" in broken(A, edges=(Edge(0, 7, [1]),))


def test_an_edge_with_too_few_costs() -> None:
    assert "edge (a, b) has 3 costs for 2 x 2 options" in broken(A, B, edges=(Edge(0, 1, [1, 2, 3]),))


def test_costs_that_add_up_beyond_64_bits() -> None:
    message = broken(Node("x", [6 * 10**17], [0], 0, 1), Node("y", [5 * 10**17], [0], 0, 1))
    assert "1100000000000000000" in message
    assert "600000000000000000, of node 'x'" in message


def test_usages_that_add_up_beyond_64_bits() -> None:
    assert str(2**62 + 1) in broken(Node("x", [0], [2**62], 0, 1), Node("y", [0], [1], 0, 1), limits=(2**63,))


def test_a_node_whose_options_are_all_forbidden_is_infeasible() -> None:
    with pytest.raises(Infeasible, match="'x': all of its 2 options are forbidden"):
        Problem((Node("x", [FORBIDDEN, 10**30], [0, 0], 0, 1),), (), (1,)).check()


def test_a_node_larger_than_the_memory_is_infeasible() -> None:
    with pytest.raises(Infeasible) as caught:
        Problem((Node("x", [1, FORBIDDEN], [12, 3], 0, 1),), (), (10,)).check()
    assert "least usage of 12 is 2 above the limit" in str(caught.value)
    assert "raise the limit by 2" in str(caught.value)


def test_a_node_that_is_never_live_may_be_larger_than_the_memory() -> None:
    Problem((Node("x", [1], [12], 3, 3),), (), (10,)).check()


def test_the_objective_adds_options_and_pairs() -> None:
    assert Problem((A, B), (EDGE,), (10,)).objective((0, 0)) == 1 + 5 + 7


def test_a_solution_that_keeps_all_rules() -> None:
    verify(Problem((A, B), (EDGE,), (4,)), Solution((0, 0)))


@pytest.mark.parametrize(
    ("choice", "limit", "message"),
    [
        ((0,), 10, "choice: 1 options are chosen for 2 nodes"),
        ((2, 0), 10, "choice: node 'a' has option 2 of 2"),
        ((0, 1), 10, "forbidden: node 'b' has option 1"),
        ((1, 0), 10, "forbidden: 'a' option 1 and 'b' option 0"),
        ((0, 0), 3, "memory: 4 in use of memory 0 at moment 2, 1 above its limit 3"),
    ],
)
def test_a_solution_that_breaks_a_rule(choice: tuple[int, ...], limit: int, message: str) -> None:
    with pytest.raises(MapperError, match="^" + message.replace("(", r"\(")):
        verify(Problem((A, B), (EDGE,), (limit,)), Solution(choice))


def test_each_memory_has_its_own_limit() -> None:
    nodes = (Node("a", [0, 0], [5, 5], 0, 1, [0, 1]), Node("b", [0, 0], [5, 5], 0, 1, [0, 1]))
    problem = Problem(nodes, (), (5, 9))
    verify(problem, Solution((0, 1)))
    with pytest.raises(MapperError, match="10 in use of memory 1"):
        verify(problem, Solution((1, 1)))


def test_a_life_beyond_62_bits() -> None:
    assert f"node 'x' lives in [0, {2**70})" in broken(Node("x", [0], [0], 0, 2**70), limits=(1,))


def test_a_limit_beyond_64_bits_binds_nothing() -> None:
    nodes = (Node("a", [1, 2], [3, 0], 0, 2), Node("b", [1, 2], [3, 0], 1, 3))
    assert solve(Problem(nodes, (), (2**70,)), Budget(0.1)).value == 2


def test_pairs_that_rule_each_other_out_are_not_blamed_on_memory() -> None:
    nodes = (Node("a", [1], [0], 0, 1), Node("b", [1], [0], 0, 1))
    with pytest.raises(Infeasible, match="the pairs that are allowed rule each other out") as caught:
        solve(Problem(nodes, (Edge(0, 1, [FORBIDDEN]),), (1,)), Budget(0.1))
    assert "memory's limit" not in str(caught.value)
