"""The depth-first search, its restarts, and two searches beside each other."""

from __future__ import annotations

from time import monotonic

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packing_builders import cut, in_bytes, lowest, problems
from sweeps import examples

from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.packing import Item, Problem, fits, minimise, verify
from mapper.solve.packing.bound import bound
from mapper.solve.packing.decide import Decision
from mapper.solve.packing.depth_first import DepthFirst, Verdict
from mapper.solve.packing.restarts import Restarts, luby
from mapper.solve.packing.sections import components, sections


@given(problems, st.integers(0, 30))
@examples(30, 100)
def test_the_depth_first_search_decides_every_small_case(problem: Problem, capacity: int) -> None:
    for members in components(problem):
        part = problem.part(members.tolist())
        search = DepthFirst(part, sections(part), capacity)
        verdict, _ = search.advance(10_000)
        assert verdict is (Verdict.FOUND if lowest(part) <= capacity else Verdict.NONE_EXISTS)
        if verdict is Verdict.FOUND:
            verify(Problem(part.items, capacity, part.alignment), in_bytes(part, search.offsets))


@given(problems, st.integers(1, 30))
@examples(20, 60)
def test_a_search_in_small_steps_comes_to_the_same_as_one_at_once(problem: Problem, steps: int) -> None:
    for members in components(problem):
        part = problem.part(members.tolist())
        capacity = bound(part)
        once, often = (DepthFirst(part, sections(part), capacity) for _ in range(2))
        verdict, _ = once.advance(10_000)
        while often.advance(steps)[0] is Verdict.GAVE_UP:
            pass
        assert often.advance(1)[0] is verdict
        assert (often.offsets == once.offsets).all()


@given(problems)
@settings(max_examples=60, deadline=None)
def test_what_failed_stays_failed_after_a_restart(problem: Problem) -> None:
    for members in components(problem):
        part = problem.part(members.tolist())
        capacity = lowest(part)
        search = DepthFirst(part, sections(part), capacity)
        search.advance(5)
        search.restart(np.arange(len(members))[::-1])
        assert search.advance(10_000)[0] is Verdict.FOUND


@pytest.mark.parametrize("seed", range(4))
def test_a_cut_rectangle_is_put_together_again(seed: int) -> None:
    problem = cut(seed, 50)
    result = fits(problem, Budget(5.0))
    assert result.solution is not None
    verify(problem, result.solution)


def test_restarts_go_on_where_a_short_budget_ended() -> None:
    problem = cut(1, 60)
    part = problem.part(components(problem)[-1].tolist())
    search = Restarts(part, 100, seed=0)
    budgets = 0
    while search.search(Budget(0.01)) is Verdict.GAVE_UP:
        budgets += 1
        assert budgets < 1000
    verify(part, in_bytes(part, search.offsets))


def test_two_workers_find_what_one_finds() -> None:
    problem = cut(2, 50)
    result = fits(problem, Budget(deadline=monotonic() + 20.0, workers=2))
    assert result.solution is not None
    verify(problem, result.solution)


def test_both_searches_beside_each_other_end_when_one_has_decided() -> None:
    problem = cut(0, 30)
    part = problem.part(components(problem)[-1].tolist())
    began = monotonic()
    answer = Decision(part, 100, 0).later(Budget(deadline=monotonic() + 60.0, workers=2))
    assert answer.verdict is Verdict.FOUND
    assert monotonic() - began < 30.0


def test_a_fault_in_the_other_thread_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Decision, budget: Budget) -> None:
        raise MapperError("internal: a fault")

    problem = cut(0, 30)
    part = problem.part(components(problem)[-1].tolist())
    monkeypatch.setattr(Decision, "soon", fail)
    with pytest.raises(MapperError, match="a fault"):
        Decision(part, 100, 0).later(Budget(deadline=monotonic() + 10.0, workers=2))


def test_runs_are_short_often_and_long_seldom() -> None:
    assert [luby(turn) for turn in range(15)] == [1, 1, 2, 1, 1, 2, 4, 1, 1, 2, 1, 1, 2, 4, 8]


def test_an_optimum_far_above_the_live_load_takes_few_questions() -> None:
    rows = [(3, 0, 1), (3, 0, 2), (2, 1, 3), (2, 5, 6), (3, 3, 6), (1, 4, 6), (1, 2, 5), (1, 1, 5), (1, 2, 4)]
    items = [Item(str(k), size * 2**40 + k, *life) for k, (size, *life) in enumerate(rows)]
    result = minimise(Problem(tuple(items), None), Budget(0.3))
    assert result.status is Outcome.OPTIMAL
    assert result.height is not None
    assert result.height > bound(Problem(tuple(items), None)) + 2**39
