"""No schedule is shorter than the bound, whatever the ways and the order."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streaming_builders import any_problem, one_layer, two_layers
from sweeps import examples

from mapper.solve.streaming import Solution, verify
from mapper.solve.streaming.bound import bound, jackson
from mapper.solve.streaming.place import place


def test_the_work_of_the_memory_outside_bounds_a_layer() -> None:
    assert bound(one_layer()) == (16, "outside")


@examples(15, 50)
@given(st.integers(0, 100_000))
def test_no_way_and_no_order_is_below_the_bound(seed: int) -> None:
    problem = any_problem(seed)
    problem.check()
    least, _name = bound(problem)
    for ways in itertools.product(*(range(len(value.ways)) for value in problem.values)):
        for ahead in (0.0, 0.1, 9.0):
            found = place(problem, ways, ahead)
            if isinstance(found, Solution):  # a value that is kept may not fit
                verify(problem, found)
                assert found.makespan >= least


@given(st.integers(0, 100_000))
@settings(max_examples=100, deadline=None)
def test_jackson_is_the_largest_head_work_tail_over_all_subsets(seed: int) -> None:
    random_ = random.Random(seed)
    jobs = [tuple(random_.randint(0, 9) for _ in range(3)) for _ in range(random_.randint(1, 6))]
    jobs = [(head, cycles + 1, tail) for head, cycles, tail in jobs]
    subsets = [c for k in range(1, len(jobs) + 1) for c in itertools.combinations(jobs, k)]
    largest = max(min(j[0] for j in s) + sum(j[1] for j in s) + min(j[2] for j in s) for s in subsets)
    assert jackson(jobs) == largest


def test_the_bound_of_two_layers_counts_the_cheapest_way() -> None:
    least, _name = bound(two_layers())
    best = min(s.makespan for s in (place(two_layers(), [w], 9.0) for w in range(4)) if isinstance(s, Solution))
    assert least <= best
    assert least >= 16  # two reads and two saves of 4 cycles outside


@pytest.mark.parametrize("rounds", [1, 2, 4, 8])
def test_a_layer_alone_reaches_its_bound(rounds: int) -> None:
    problem = one_layer(rounds)
    found = place(problem, [], 9.0)
    assert isinstance(found, Solution)
    assert found.makespan == max(bound(problem)[0], 11)
