"""CP-SAT on selection against trying every choice."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selection_builders import brute_force, feasible, random_problem
from sweeps import examples

from mapper.errors import Infeasible
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.selection import FORBIDDEN, Edge, Node, Problem, solve
from mapper.solve.selection.arrays import from_problem
from mapper.solve.selection.exact import _safe, solve_exactly


@examples(8, 25)
@given(st.integers(0, 10**6), st.integers(1, 2), st.booleans())
def test_cpsat_finds_the_optimum_and_proves_it(seed: int, memories: int, negative: bool) -> None:
    problem = random_problem(seed, memories=memories, negative=negative)
    found = solve_exactly(from_problem(problem), Budget(2.0))
    optimum = brute_force(problem)
    if optimum is None:
        assert found.outcome is Outcome.INFEASIBLE
        return
    assert found.bound == optimum
    assert found.choice is not None
    choice = tuple(found.choice.tolist())
    assert feasible(problem, choice)
    assert problem.objective(choice) == optimum


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 2))
def test_small_problems_are_solved_without_kernels(seed: int, memories: int) -> None:
    problem = random_problem(seed, memories=memories)
    optimum = brute_force(problem)
    try:
        result = solve(problem, Budget(2.0))
    except Infeasible:
        assert optimum is None
    else:
        assert (result.value, result.bound, result.status) == (optimum, optimum, Outcome.OPTIMAL)


def test_a_bound_in_floating_point_is_rounded_to_the_safe_side() -> None:
    assert _safe(209315.0) == 209315
    assert _safe(209314.6) == 209315
    assert _safe(float(10**17 + 1)) <= 10**17
    assert _safe(-3.0) == -3


def test_too_little_memory_is_told_with_the_moment_and_the_gap() -> None:
    nodes = tuple(Node(f"n{i}", [1, 2], [9, 7], i, i + 3) for i in range(4))
    with pytest.raises(Infeasible) as caught:
        solve(Problem(nodes, (), (20,)), Budget(1.0))
    message = str(caught.value)
    assert "at moment 2 its nodes need 21, its limit is 20" in message
    assert "gap 1" in message
    assert "raise the limit by 1" in message


def test_an_option_of_another_memory_relieves_the_first() -> None:
    nodes = tuple(Node(f"n{i}", [1, 2], [9, 7], 0, 1, [0, 1]) for i in range(3))
    assert solve(Problem(nodes, (), (9, 14)), Budget(1.0)).value == 5


def test_pairs_that_never_fit_the_memory_together_are_infeasible() -> None:
    nodes = (Node("a", [0, 0], [9, 1], 0, 1), Node("b", [0, 0], [9, 1], 0, 1))
    with pytest.raises(Infeasible, match="never fit the memory together"):
        solve(Problem(nodes, (Edge(0, 1, [0, 0, 0, FORBIDDEN]),), (9,)), Budget(1.0))


def test_costs_near_the_limit_of_the_arithmetic() -> None:
    big = 4 * 10**17
    nodes = (Node("a", [big, big + 1], [0, 0], 0, 1), Node("b", [big + 3, big], [0, 0], 0, 1))
    result = solve(Problem(nodes, (Edge(0, 1, [0, 9, 0, 0]),), (1,)), Budget(math.inf))
    assert result.value == 2 * big + 1
    assert result.bound is not None
    assert result.bound <= 2 * big + 1
