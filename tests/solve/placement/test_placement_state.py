import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from placement_builders import tiny
from sweeps import examples

from mapper.errors import MapperError
from mapper.solve.placement.problem import Problem, Solution, totals, verify
from mapper.solve.placement.state import State
from mapper.solve.placement.tables import build


def _feasible(problem: Problem, choice: list[int]) -> bool:
    try:
        verify(problem, Solution(tuple(choice)))
    except MapperError:
        return False
    return True


def _routes_exist(problem: Problem, choice: list[int]) -> bool:
    try:
        totals(problem, Solution(tuple(choice)))
    except KeyError:
        return False
    return True


@examples(30, 100)
@given(st.integers(0, 10**6))
def test_a_state_that_changed_many_times_has_the_totals_of_its_definition(seed: int) -> None:
    problem = tiny(seed, items=7)
    r = random.Random(seed)
    choice = [r.randrange(len(item.options)) for item in problem.items]
    state = State.of(build(problem), choice)
    for _ in range(10):
        i = r.randrange(len(choice))
        state.remove(i)
        choice[i] = r.randrange(len(problem.items[i].options))
        state.insert(i, choice[i])
    assert (state.broken == 0) == _feasible(problem, choice)
    if _routes_exist(problem, choice):
        expected = totals(problem, Solution(tuple(choice)))
        assert tuple(state.loads()) == expected.loads
        assert (state.interval, state.cost) == (expected.interval, expected.cost)


@examples(30, 100)
@given(st.integers(0, 10**6))
def test_an_outlook_tells_what_inserting_each_option_does(seed: int) -> None:
    problem = tiny(seed, items=7)
    r = random.Random(seed)
    state = State.of(build(problem), [r.randrange(len(item.options)) for item in problem.items])
    for i, item in enumerate(problem.items):
        before = state.remove(i)
        outlook = state.outlook(i)
        for o in range(len(item.options)):
            state.insert(i, o)
            assert int(outlook.intervals()[o]) == state.interval
            assert int(outlook.rows[o, -2]) == state.cost
            assert outlook.broken[o] == pytest.approx(state.broken)
            state.remove(i)
        state.insert(i, before)


@examples(30, 100)
@given(st.integers(0, 10**6))
def test_removing_everything_leaves_nothing(seed: int) -> None:
    problem = tiny(seed)
    empty = State(build(problem))
    state = State.of(empty.tables, [0] * len(problem.items))
    for i in range(len(problem.items)):
        state.remove(i)
    assert (state.row == empty.row).all()
    assert not state.private.any()
    assert not state.used.any()
