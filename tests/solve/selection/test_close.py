"""Closing: what options cost at least, and the core that is left without those that cost too much."""

from __future__ import annotations

import math
import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selection_builders import brute_force, random_problem
from sweeps import examples

from mapper.errors import Infeasible, MapperError
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.incumbent import Incumbent
from mapper.solve.selection import FORBIDDEN, Edge, Node, Problem, Solution, solve, verify
from mapper.solve.selection.arrays import Arrays, evaluate, from_problem
from mapper.solve.selection.close import Within, close, narrowed
from mapper.solve.selection.driver import _reduced
from mapper.solve.selection.dual import Dual
from mapper.solve.selection.eliminate import ContradictionError
from mapper.solve.selection.exact import judge
from mapper.solve.selection.lean import lean, leanest_alone
from mapper.solve.selection.option_bounds import option_bounds
from mapper.solve.selection.reduce import Reduced, reduce
from mapper.solve.selection.rows import Ints


def costs_of_options(arrays: Arrays) -> Ints:
    """The least cost of a choice with each option, by trying every choice."""
    least = np.full(len(arrays.cost), FORBIDDEN)
    for choice in product(*map(range, arrays.options.tolist())):
        cost, excess = evaluate(arrays, np.array(choice, dtype=np.int64))
        if excess == 0:
            at = arrays.first[:-1] + np.array(choice, dtype=np.int64)
            least[at] = np.minimum(least[at], min(cost, FORBIDDEN))
    return least


@examples(30, 100)
@given(st.integers(0, 10**6), st.integers(0, 40), st.booleans())
def test_no_choice_with_an_option_costs_less_than_its_bound(seed: int, turns: int, negative: bool) -> None:
    arrays = from_problem(random_problem(seed, nodes=5, negative=negative))
    try:
        arrays = reduce(arrays, Budget()).core if seed % 2 else arrays
    except ContradictionError:
        return
    if not arrays.nodes:
        return
    dual = Dual(arrays)
    for _ in range(turns):
        dual.turn(50.0)
    assert (option_bounds(dual) <= costs_of_options(arrays)).all()


@examples(20, 60)
@given(st.integers(0, 10**6))
def test_what_is_better_than_the_value_stays(seed: int) -> None:
    arrays = from_problem(random_problem(seed, nodes=5))
    exact = costs_of_options(arrays)
    best = int(exact.min())
    if best >= FORBIDDEN:
        return
    left = narrowed(arrays, exact, best + 1, Budget())
    assert left is not None
    if left.core.nodes == 0:
        assert left.core.constant == best
    assert narrowed(arrays, exact, best, Budget()) is None


def test_a_bound_of_the_narrowed_core_holds_for_the_whole_up_to_the_value_of_then() -> None:
    arrays = from_problem(Problem((Node("a", [4, 9], [0, 0], 0, 1),), (), (1,)))
    outer = Incumbent(judge(arrays), Budget())
    outer.offer(np.array([1]), "test")
    within = Within(outer, Reduced(arrays, ()), Budget())
    within.offer(np.array([0]), "test")
    assert outer.value == 4
    within.raise_bound(4, "test")
    assert outer.bound == 4


@pytest.mark.parametrize(("left", "value"), [(-1.0, 9), (60.0, 4)])
def test_closing_begins_only_where_there_is_time_for_it(left: float, value: int) -> None:
    arrays = from_problem(Problem((Node("a", [4, 9], [0, 0], 0, 1),), (), (1,)))
    budget = Budget(deadline=time.monotonic() + left)
    incumbent = Incumbent(judge(arrays), budget)
    incumbent.offer(np.array([1]), "test")
    close(arrays, Dual(arrays), incumbent, budget)
    assert (incumbent.value, incumbent.closed) == (value, value == 4)


def test_a_forbidden_choice_is_refused_whoever_offers_it() -> None:
    arrays = from_problem(Problem((Node("a", [4, FORBIDDEN], [0, 0], 0, 1),), (), (1,)))
    with pytest.raises(MapperError, match="something forbidden"):
        judge(arrays)(np.array([1]))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 2), st.booleans())
def test_the_whole_portfolio_finds_the_optimum(seed: int, memories: int, negative: bool) -> None:
    problem = random_problem(seed, nodes=7, memories=memories, negative=negative)
    optimum = brute_force(problem)
    try:
        problem.check()
        result = _reduced(problem, from_problem(problem), Budget(0.5))
    except Infeasible:
        assert optimum is None
        return
    assert (result.value, result.bound, result.status) == (optimum, optimum, Outcome.OPTIMAL)


def test_a_budget_that_is_over_still_gives_a_choice() -> None:
    result = solve(ring(300, 4), Budget(math.inf, deadline=time.monotonic() - 1.0))
    assert result.solution is not None


def test_the_leanest_choice_without_neighbours_takes_the_cheapest_of_the_leanest() -> None:
    nodes = (Node("a", [1, 9, 5], [3, 0, 0], 0, 2), Node("b", [FORBIDDEN, 4], [0, 2], 0, 2))
    arrays = from_problem(Problem(nodes, (), (3,)))
    assert leanest_alone(arrays).tolist() == [2, 1]


def test_the_leanest_choice_fits_though_nothing_has_been_searched() -> None:
    arrays = from_problem(ring(300, 4))
    incumbent = Incumbent(judge(arrays), Budget())
    lean(arrays, incumbent, Budget())
    assert incumbent.found


def ring(nodes: int, options: int) -> Problem:
    """A ring with chords, tight in memory: nothing that reductions alone would solve."""
    random = np.random.default_rng(nodes)
    made = tuple(
        Node(
            str(i),
            random.integers(0, 50, options).tolist(),
            [0, *random.integers(5, 20, options - 1).tolist()],
            i,
            i + 6,
        )
        for i in range(nodes)
    )
    pairs = [(i, (i + j) % nodes) for i in range(nodes) for j in (1, 2, 5)]
    return Problem(made, tuple(Edge(a, b, random.integers(0, 50, options**2).tolist()) for a, b in pairs), (36,))


def test_the_same_budget_and_seed_choose_the_same() -> None:
    problem = ring(300, 4)
    first, second = (solve(problem, Budget(0.2, seed=3)) for _ in range(2))
    assert first == second
    assert first.solution is not None
    verify(problem, Solution(first.solution.choice))
    assert first.bound is not None
    assert first.value is not None
    assert 0 < first.bound <= first.value
