"""The driver keeps values near where there is room, and says what is too small where there is none."""

from __future__ import annotations

import math

import pytest
from streaming_builders import any_problem, one_layer, two_layers

from mapper.solve.budget import Budget
from mapper.solve.streaming import Solution, TooSmall, minimise, verify
from mapper.solve.streaming.place import place


def test_a_value_stays_on_chip_where_there_is_room() -> None:
    result = minimise(two_layers(), Budget(1.0))
    assert two_layers().values[0].ways[result.solution.ways[0]].name in ("pushed", "kept")
    outside = place(two_layers(), [3], 1.0)
    assert isinstance(outside, Solution)
    assert result.bound <= result.value < outside.makespan


def test_a_value_goes_outside_where_there_is_none() -> None:
    problem = two_layers(capacity=20)
    result = minimise(problem, Budget(1.0))
    verify(problem, result.solution)
    assert problem.values[0].ways[result.solution.ways[0]].name == "away"


def test_a_tile_that_does_not_fit_is_told() -> None:
    with pytest.raises(TooSmall, match="store 'memory 0' of 15 bits is too small"):
        minimise(one_layer(capacity=15), Budget(1.0))


def test_the_same_budget_gives_the_same_schedule() -> None:
    for seed in range(5):
        problem = any_problem(seed)
        assert minimise(problem, Budget(0.05)).solution == minimise(problem, Budget(0.05)).solution


def test_a_proof_ends_the_search() -> None:
    result = minimise(one_layer(), Budget(math.inf))
    assert (result.value, result.bound, result.status) == (16, 16, "optimal")
