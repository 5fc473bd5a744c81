"""Reductions: the core's optimum is the whole's, each core choice expands to one that costs the same and fits."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from selection_builders import brute_force, feasible, random_problem
from sweeps import examples

from mapper.solve.budget import Budget
from mapper.solve.selection import FORBIDDEN, Edge, Node, Problem
from mapper.solve.selection.arrays import Arrays, evaluate, from_problem
from mapper.solve.selection.consistent import consistent
from mapper.solve.selection.eliminate import ContradictionError
from mapper.solve.selection.expand import Step
from mapper.solve.selection.merge import merge
from mapper.solve.selection.rebuild import rebuilt
from mapper.solve.selection.reduce import ACTS as ALL
from mapper.solve.selection.reduce import Reduced, reduce
from mapper.solve.selection.tighten import tighten

ACTS = {act.__name__: act for act in ALL}


def least(arrays: Arrays) -> tuple[int | None, tuple[int, ...] | None]:
    """The optimum of arrays by trying every choice, and a choice of it."""
    found: tuple[int | None, tuple[int, ...] | None] = None, None
    for choice in product(*map(range, arrays.options.tolist())):
        cost, excess = evaluate(arrays, np.array(choice, dtype=np.int64))
        if cost < FORBIDDEN and excess == 0 and (found[0] is None or cost < found[0]):
            found = cost, choice
    return found


def assert_same(problem: Problem, core: Arrays, steps: tuple[Step, ...], optimum: int | None) -> None:
    value, choice = least(core)
    assert value == optimum
    if choice is not None:
        whole = tuple(Reduced(core, steps).expand(np.array(choice, dtype=np.int64)).tolist())
        assert feasible(problem, whole)
        assert problem.objective(whole) == optimum


@examples(30, 100)
@given(st.integers(0, 10**6), st.integers(1, 2), st.booleans())
def test_the_optimum_of_the_core_is_that_of_the_whole(seed: int, memories: int, negative: bool) -> None:
    problem = random_problem(seed, memories=memories, negative=negative)
    optimum = brute_force(problem)
    try:
        reduced = reduce(from_problem(problem), Budget())
    except ContradictionError:
        assert optimum is None
    else:
        assert_same(problem, reduced.core, reduced.steps, optimum)


@pytest.mark.parametrize("name", sorted(ACTS))
@examples(30, 100)
@given(st.integers(0, 10**6), st.integers(1, 2))
def test_each_reduction_keeps_the_optimum(name: str, seed: int, memories: int) -> None:
    problem = random_problem(seed, nodes=5, memories=memories)
    optimum = brute_force(problem)
    try:
        arrays, steps = consistent(from_problem(problem))
        core, more = ACTS[name](arrays)
    except ContradictionError:
        assert optimum is None
    else:
        assert_same(problem, core, (*steps, *more), optimum)


@examples(15, 50)
@given(st.integers(0, 10**6))
def test_every_feasible_choice_of_the_core_expands_to_one_of_the_same_cost(seed: int) -> None:
    problem = random_problem(seed, nodes=5)
    try:
        reduced = reduce(from_problem(problem), Budget())
    except ContradictionError:
        return
    for choice in product(*map(range, reduced.core.options.tolist())):
        cost, excess = evaluate(reduced.core, np.array(choice, dtype=np.int64))
        if cost < FORBIDDEN and excess == 0:
            expanded = reduced.expand(np.array(choice, dtype=np.int64))
            whole = tuple(expanded.tolist())
            assert feasible(problem, whole)
            assert problem.objective(whole) == cost
            assert tuple(reduced.project(expanded).tolist()) == choice


def path(nodes: int, options: int, *, usage: int = 0) -> Problem:
    rng = np.random.default_rng(nodes)
    made = tuple(
        Node(str(i), rng.integers(0, 9, options).tolist(), (usage * rng.integers(0, 9, options)).tolist(), i, i + 2)
        for i in range(nodes)
    )
    edges = tuple(Edge(i, i + 1, rng.integers(0, 9, options**2).tolist()) for i in range(nodes - 1))
    return Problem(made, edges, (9,))


def test_a_long_path_without_memory_leaves_nothing() -> None:
    reduced = reduce(from_problem(path(3000, 4)), Budget())
    assert reduced.core.nodes == 0
    whole = reduced.expand(np.zeros(0, dtype=np.int64))
    assert evaluate(from_problem(path(3000, 4)), whole) == (reduced.core.constant, 0)


def test_nodes_that_must_agree_become_one() -> None:
    problem = path(50, 3, usage=1)
    equal = [0 if i == j else FORBIDDEN for i in range(3) for j in range(3)]
    problem = replace(problem, edges=tuple(Edge(i, i + 1, equal) for i in range(49)), limits=(10**6,))
    merged, _ = merge(from_problem(problem))
    assert merged.nodes == 1
    assert merged.edges == 0


def test_a_hub_is_not_merged_into_a_node_with_more_options() -> None:
    """Its edges would grow at all of its neighbours."""
    leaves = 40
    nodes = [Node("hub", [0, 0], [0, 0], 0, 1), Node("wide", [0] * 8, [0] * 8, 0, 1)]
    nodes += [Node(f"leaf{i}", [0, 0], [0, 0], 0, 1) for i in range(leaves)]
    follows = [0 if i % 2 == j else FORBIDDEN for i in range(8) for j in range(2)]
    edges = [Edge(1, 0, follows), *(Edge(0, 2 + i, [0, 1, 1, i]) for i in range(leaves))]
    arrays = from_problem(Problem(tuple(nodes), tuple(edges), (1,)))
    merged, _ = merge(arrays)
    assert merged.nodes == arrays.nodes


def test_options_that_leave_a_neighbour_no_partner_are_infeasible_together() -> None:
    nodes = (Node("a", [0, 0], [0, 0], 0, 1), Node("b", [0], [0], 0, 1), Node("c", [0], [0], 0, 1))
    edges = (Edge(0, 1, [0, FORBIDDEN]), Edge(0, 2, [FORBIDDEN, 0]))
    with pytest.raises(ContradictionError) as caught:
        reduce(from_problem(Problem(nodes, edges, (1,))), Budget())
    assert caught.value.node in (0, 1, 2)


def test_a_row_that_the_next_one_implies_goes() -> None:
    """The small buffer ends as the large one of the same node begins: the second moment is at least as full."""
    arrays = from_problem(Problem((Node("a", [0, 0], [0, 5], 0, 1), Node("b", [0, 0], [0, 9], 1, 2)), (), (4,)))
    merged, _ = rebuilt(arrays, np.array([0, 0]), np.array([0, 2, 4]), np.array([0, 1, 0, 1]))
    assert merged.rows == 2
    assert tighten(merged)[0].rows == 1


def test_elimination_keeps_forbidden_what_costs_below_0_lie_beside() -> None:
    """Each pair of three nodes is kept apart by two helpers: there is no choice, though all that is allowed pays."""
    nodes = [Node(str(i), [-3, -3], [0, 0], 0, 1) for i in range(3)]
    edges = []
    for pair in ((0, 1), (0, 2), (1, 2)):
        for value in (0, 1):
            helper = len(nodes)
            nodes.append(Node(f"h{helper}", [-3, -3], [0, 0], 0, 1))
            for side, end in enumerate(pair):
                costs = [FORBIDDEN if (h, o) == (side, value) else -3 for h in (0, 1) for o in (0, 1)]
                edges.append(Edge(helper, end, costs))
    with pytest.raises(ContradictionError):
        reduce(from_problem(Problem(tuple(nodes), tuple(edges), (1,))), Budget())
