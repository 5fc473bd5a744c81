"""Arrays of a selection problem: the same costs, the same choices fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from selection_builders import choices, feasible, random_problem
from sweeps import examples

from mapper.solve.selection import FORBIDDEN, Edge, Node, Problem
from mapper.solve.selection.arrays import evaluate, from_problem


@examples(45, 150)
@given(st.integers(0, 10**6), st.integers(1, 2), st.booleans())
def test_arrays_cost_what_the_problem_costs_and_fit_when_it_fits(seed: int, memories: int, negative: bool) -> None:
    problem = random_problem(seed, nodes=4, memories=memories, negative=negative)
    arrays = from_problem(problem)
    for choice in choices(problem):
        cost, excess = evaluate(arrays, np.array(choice))
        assert (cost < FORBIDDEN and excess == 0) == feasible(problem, choice)
        if cost < FORBIDDEN:
            assert cost == problem.objective(choice)


def test_parallel_edges_add_up_in_either_direction() -> None:
    nodes = (Node("a", [0, 0], [0, 0], 0, 1), Node("b", [0, 0], [0, 0], 0, 1))
    arrays = from_problem(Problem(nodes, (Edge(0, 1, [1, 2, 3, 4]), Edge(1, 0, [10, 20, 30, FORBIDDEN])), (9,)))
    assert arrays.edges == 1
    assert arrays.edge_cost.tolist() == [11, 32, 23, FORBIDDEN]


def test_an_edge_from_a_node_to_itself_is_a_cost_of_its_options() -> None:
    arrays = from_problem(Problem((Node("a", [5, 6], [0, 0], 0, 1),), (Edge(0, 0, [1, 99, 99, FORBIDDEN]),), (9,)))
    assert arrays.cost.tolist() == [6, FORBIDDEN]
    assert arrays.edges == 0


def test_moments_that_no_choice_can_exceed_have_no_row() -> None:
    nodes = tuple(Node(f"n{i}", [0, 0], [1, 4], 10 * i, 10 * i + 15) for i in range(5))
    assert from_problem(Problem(nodes, (), (8,))).rows == 0
    assert from_problem(Problem(nodes, (), (7,))).rows == 4


def test_a_moment_with_a_part_of_a_neighbours_nodes_has_no_row() -> None:
    nodes = tuple(Node(f"n{i}", [0, 0], [0, 4], i, 10) for i in range(5))
    assert from_problem(Problem(nodes, (), (3,))).rows == 1


def test_what_is_used_whatever_is_chosen_is_taken_off_the_limit() -> None:
    nodes = (Node("a", [0, 0], [6, 9], 0, 2), Node("b", [0], [3], 1, 2))
    arrays = from_problem(Problem(nodes, (), (10,)))
    assert arrays.limit.tolist() == [1]
    assert arrays.usage.tolist() == [0, 3]


@pytest.mark.parametrize("cost", [FORBIDDEN, FORBIDDEN + 1, 10**30])
def test_costs_beyond_64_bits_are_forbidden_like_any_other(cost: int) -> None:
    assert from_problem(Problem((Node("a", [cost, 1], [0, 0], 0, 1),), (), (1,))).cost.tolist() == [FORBIDDEN, 1]
