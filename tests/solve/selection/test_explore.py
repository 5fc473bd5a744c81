"""The dual bound never exceeds an optimum; the search finds it on small problems, and offers only what may be."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from selection_builders import brute_force, random_problem
from sweeps import examples

from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent
from mapper.solve.selection import FORBIDDEN, Edge, Node, Problem
from mapper.solve.selection.arrays import Arrays, evaluate, from_problem, loads
from mapper.solve.selection.dual import Dual
from mapper.solve.selection.explore import explore
from mapper.solve.selection.rows import Ints
from mapper.solve.selection.search import Walk


@dataclass
class Recorder:
    """Takes choices of arrays as an incumbent does, after checking them."""

    arrays: Arrays
    offered: list[int] = field(default_factory=list)

    def judge(self, choice: Ints) -> float:
        cost, excess = evaluate(self.arrays, choice)
        assert excess <= 0
        assert cost < FORBIDDEN
        self.offered.append(cost)
        return cost


def explored(arrays: Arrays, budget: Budget, start: Ints | None = None) -> Incumbent[Ints]:
    incumbent = Incumbent(Recorder(arrays).judge, budget)
    explore(arrays, incumbent, budget, start)
    return incumbent


def chain(nodes: int, options: int, seed: int, limit: int) -> Problem:
    """A chain with chords: random costs, three nodes alive at once, the first options keep the limit."""
    random = np.random.default_rng(seed)
    usages = random.integers(0, 100, (nodes, options))
    usages[:, 0] = np.minimum(usages[:, 0], limit // 3)
    its = tuple(
        Node(str(i), random.integers(0, 1000, options).tolist(), usages[i].tolist(), i, i + 3) for i in range(nodes)
    )
    pairs = [(i, i + 1) for i in range(nodes - 1)] + [(i, i + 7) for i in range(0, nodes - 7, 3)]
    edges = tuple(Edge(a, b, random.integers(0, 1000, options * options).tolist()) for a, b in pairs)
    return Problem(its, edges, (limit,))


@examples(50, 150)
@given(st.integers(0, 10**6), st.integers(1, 2), st.booleans(), st.integers(1, 40))
def test_the_bound_never_exceeds_the_optimum(seed: int, memories: int, negative: bool, turns: int) -> None:
    problem = random_problem(seed, memories=memories, negative=negative)
    optimum = brute_force(problem)
    dual = Dual(from_problem(problem))
    for _ in range(turns):
        dual.turn(math.inf)
        if optimum is not None:
            assert dual.bound() <= optimum


@examples(30, 100)
@given(st.integers(0, 10**6), st.floats(0, 1e6), st.floats(0, 1e12))
def test_any_prices_and_messages_make_a_valid_bound(seed: int, dear: float, loud: float) -> None:
    problem = random_problem(seed)
    optimum = brute_force(problem)
    dual = Dual(from_problem(problem))
    random = np.random.default_rng(seed)
    dual.best_prices = random.random(len(dual.prices)) * dear
    dual.best_messages = (random.random(len(dual.messages)) - 0.5) * loud
    if optimum is not None:
        assert dual.bound() <= optimum


def test_the_bound_stays_valid_for_costs_near_the_end_of_64_bits() -> None:
    huge = 10**17
    a, b = Node("a", [huge, 2 * huge], [0, 0], 0, 1), Node("b", [0, huge], [5, 2], 0, 1)
    problem = Problem((a, b), (Edge(0, 1, [FORBIDDEN, huge, 0, FORBIDDEN]),), (4,))
    dual = Dual(from_problem(problem))
    for _ in range(30):
        dual.turn(math.inf)
    optimum = brute_force(problem)
    assert optimum is not None
    assert dual.bound() <= optimum


def test_messages_close_the_gap_of_a_tree() -> None:
    problem = Problem(
        tuple(Node(str(i), [i, 3 - i], [0, 0], 0, 1) for i in range(4)),
        tuple(Edge(i, i + 1, [5, 0, 1, 4]) for i in range(3)),
        (1,),
    )
    dual = Dual(from_problem(problem))
    for _ in range(5):
        dual.turn(math.inf)
    assert dual.bound() == brute_force(problem)


def test_prices_raise_the_bound_where_memory_is_tight() -> None:
    arrays = from_problem(chain(60, 4, 1, 70))
    free = Dual(arrays)
    for _ in range(8):
        free.turn(math.inf)
    priced = Dual(arrays)
    for _ in range(200):
        priced.turn(math.inf)
    assert priced.best_prices.max() > 0
    assert priced.bound() > 1.02 * free.bound()


@examples(6, 20)
@given(st.integers(0, 10**6), st.booleans())
def test_small_problems_are_solved(seed: int, negative: bool) -> None:
    problem = random_problem(seed, negative=negative)
    optimum = brute_force(problem)
    incumbent = explored(from_problem(problem), Budget(deterministic_seconds=0.3))
    if optimum is None:
        assert not incumbent.found
    else:
        assert incumbent.value == optimum


def test_the_walk_knows_its_cost_its_excess_and_its_best_choice() -> None:
    arrays = from_problem(chain(200, 5, 3, 120))
    dual = Dual(arrays)
    dual.turn(math.inf)
    walk = Walk(dual, 0)
    for heat in (1000.0, 300.0, 100.0, 50.0, 20.0, 10.0, 5.0, 1.0):
        walk.stretch(300_000, heat, heat)
        cost, _ = evaluate(arrays, walk.choice)
        assert walk.cost == cost
        assert walk.excess == int(np.maximum(loads(arrays, walk.choice) - arrays.limit, 0).sum())
        if walk.found:
            assert evaluate(arrays, walk.best) == (walk.best_cost, 0)


def test_equal_seeds_and_budgets_end_at_the_same_choice() -> None:
    arrays = from_problem(chain(150, 4, 5, 110))
    first, second = (explored(arrays, Budget(deterministic_seconds=0.3, seed=3)) for _ in range(2))
    assert first.value == second.value
    assert (first.solution == second.solution).all()
    assert first.bound == second.bound


def test_a_start_is_never_lost() -> None:
    arrays = from_problem(chain(50, 3, 7, 150))
    best = explored(arrays, Budget(deterministic_seconds=0.3))
    again = explored(arrays, Budget(deterministic_seconds=0.01), best.solution)
    assert again.value <= best.value


def test_two_workers_find_what_one_finds() -> None:
    arrays = from_problem(chain(150, 4, 5, 110))
    both = explored(arrays, Budget(deterministic_seconds=0.4, workers=2))
    one = explored(arrays, Budget(deterministic_seconds=0.2))
    assert both.value <= 1.02 * one.value


def test_a_fault_beside_another_thread_is_raised_at_once() -> None:
    arrays = from_problem(chain(150, 4, 5, 110))

    def refuse(choice: Ints) -> float:
        if threading.current_thread() is not threading.main_thread():
            raise MapperError("broken")
        return evaluate(arrays, choice)[0]

    begin = time.process_time()
    budget = Budget(deterministic_seconds=6.0, workers=2)
    with pytest.raises(MapperError, match="broken"):
        explore(arrays, Incumbent(refuse, budget), budget)
    assert time.process_time() - begin < 5  # of 12


def test_the_search_stops_when_it_is_told() -> None:
    arrays = from_problem(chain(2000, 6, 2, 150))
    begin = time.monotonic()
    incumbent = explored(arrays, Budget(math.inf, deadline=begin + 0.5))
    assert incumbent.found
    assert time.monotonic() - begin < 10  # it would search for ever


@pytest.mark.parametrize("workers", [None, 2])
@pytest.mark.parametrize("left", [-1.0, 0.01])
def test_a_search_that_begins_at_its_deadline_ends(left: float, workers: int | None) -> None:
    begin = time.monotonic()
    explored(from_problem(chain(30, 5, 1, 60)), Budget(math.inf, deadline=begin + left, workers=workers))
    assert time.monotonic() - begin < 30  # it went on for ever


def test_nothing_to_choose_is_closed_at_once() -> None:
    arrays = from_problem(Problem((Node("a", [7], [3], 0, 1),), (), (5,)))
    incumbent = explored(arrays, Budget())
    assert incumbent.closed
    assert incumbent.value == 7


def test_a_hub_with_many_neighbours_is_walked_over() -> None:
    random = np.random.default_rng(0)
    nodes = tuple(Node(str(i), random.integers(0, 50, 4).tolist(), [3, 2, 1, 0], i % 9, i % 9 + 2) for i in range(400))
    edges = tuple(Edge(0, i, random.integers(0, 50, 16).tolist()) for i in range(1, 400))
    arrays = from_problem(Problem(nodes, edges, (120,)))
    incumbent = explored(arrays, Budget(deterministic_seconds=0.7))
    assert incumbent.value <= 1.01 * incumbent.bound
