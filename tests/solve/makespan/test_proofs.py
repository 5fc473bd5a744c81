"""Makespan: proofs and compiled search on problems whose optimum brute force knows; streams between activities."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples

from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.incumbent import Incumbent
from mapper.solve.makespan import Activity, Problem, Resource, Solution, solve, verify
from mapper.solve.makespan.bound import bound
from mapper.solve.makespan.cpsat import exact, shorter
from mapper.solve.makespan.disjunctive import cliques, rival_pairs
from mapper.solve.makespan.dispatch import dispatch
from mapper.solve.makespan.driver import refute
from mapper.solve.makespan.evolve import evolve
from mapper.solve.makespan.justify import justify, serial
from mapper.solve.makespan.problem import Stream

THREAD = Budget(deterministic_seconds=2.0, workers=1)
RESOURCES = (Resource("gpu0", 1), Resource("ports", 3))


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Small problems with precedence and streams."""
    count = draw(st.integers(1, 5))
    activities, after, streams = [], [], []
    for i in range(count):
        ticks = draw(st.integers(0, 5))
        demands = draw(st.sampled_from([(), ((0, 1),), ((1, 1),), ((1, 2),), ((0, 1), (1, 2))]))
        activities.append(Activity(f"a{i}", ticks, draw(st.integers(0, ticks)), demands))
        before = sorted(draw(st.sets(st.integers(0, i - 1), max_size=2))) if i else []
        after.append(tuple(p for p in before if p % 2))
        tiles = st.integers(0, 4)
        streams += [Stream(p, i, draw(tiles), draw(tiles)) for p in before if p % 2 == 0]
    return Problem(tuple(activities), RESOURCES, tuple(after), tuple(streams))


def shortest(problem: Problem) -> int:
    """The optimum: every order, each activity at its earliest tick, checked tick by tick."""
    count = len(problem.activities)
    best = 10**9
    for order in itertools.permutations(range(count)):
        rank = {i: k for k, i in enumerate(order)}
        if any(rank[p] > rank[i] for i in range(count) for p in problem.after[i]):
            continue
        if any(rank[s.source] > rank[s.sink] for s in problem.streams):
            continue
        best = min(best, _placed(problem, order))
    return best


def _placed(problem: Problem, order: tuple[int, ...]) -> int:
    used: dict[tuple[int, int], int] = {}
    starts = [0] * len(order)
    ends = [0] * len(order)
    for i in order:
        a = problem.activities[i]
        start = max((ends[p] for p in problem.after[i]), default=0)
        for s in problem.streams:
            if s.sink == i:
                start = max(start, starts[s.source] + s.first, ends[s.source] + s.last - a.ticks)
        while any(
            used.get((r, t), 0) + amount > problem.resources[r].capacity
            for r, amount in a.demands
            for t in range(start, start + a.hold)
        ):
            start += 1
        for r, amount in a.demands:
            for t in range(start, start + a.hold):
                used[r, t] = used.get((r, t), 0) + amount
        starts[i], ends[i] = start, start + a.ticks
    return max(ends)


def started(problem: Problem, budget: Budget = THREAD) -> Incumbent[Solution]:
    """An incumbent with the dispatched schedule and the quick bound."""

    def judge(solution: Solution) -> int:
        verify(problem, solution)
        return solution.makespan

    incumbent = Incumbent(judge, budget)
    incumbent.raise_bound(*bound(problem))
    incumbent.offer(dispatch(problem), "dispatch")
    return incumbent


@given(problems())
@examples(20, 60)
def test_streams_are_solved_to_the_brute_force_optimum(problem: Problem) -> None:
    result = solve(problem, Budget(1.0))
    assert result.value == result.bound == shortest(problem)


@given(problems(), st.randoms(use_true_random=False))
@examples(20, 60)
def test_every_heuristic_keeps_streams_and_the_bound_is_below(problem: Problem, source: object) -> None:
    assert bound(problem)[0] <= shortest(problem)
    for solution in (dispatch(problem), serial(problem, list(range(len(problem.activities))))):
        verify(problem, solution)
        verify(problem, justify(problem, solution))


@given(problems())
@examples(10, 40)
def test_refutations_and_proofs_of_one_thread_agree_with_brute_force(problem: Problem) -> None:
    optimum = shortest(problem)
    incumbent = started(problem)
    refute(problem, incumbent, THREAD)
    assert incumbent.value == incumbent.bound == optimum
    found, answer = exact(problem, dispatch(problem), 0, THREAD)
    assert found is not None
    assert found.makespan == answer.bound == optimum


@given(problems())
@examples(10, 40)
def test_the_compiled_search_finds_valid_schedules_and_stops_at_the_bound(problem: Problem) -> None:
    incumbent = started(problem)
    evolve(problem, incumbent, Budget(0.02))
    assert incumbent.value >= shortest(problem)


@given(problems())
@examples(30, 100)
def test_rivals_and_cliques_never_overlap_in_any_schedule(problem: Problem) -> None:
    pairs = rival_pairs(problem)
    groups = [*pairs, *cliques(problem, pairs)]
    for solution in (dispatch(problem), serial(problem, [-i for i in range(len(problem.activities))])):
        for group in groups:
            spans = sorted((solution.start[i], solution.start[i] + problem.activities[i].hold) for i in group)
            assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))


def test_three_that_need_two_of_three_ports_are_one_clique() -> None:
    work = tuple(Activity(f"a{i}", 2, 2, ((1, 2),)) for i in range(3))
    problem = Problem(work, RESOURCES, ((),) * 3)
    pairs = rival_pairs(problem)
    assert pairs == [(0, 1), (0, 2), (1, 2)]
    assert cliques(problem, pairs) == [(0, 1, 2)]


def test_a_makespan_below_the_optimum_is_refuted() -> None:
    work = tuple(Activity(f"a{i}", 2, 2, ((1, 2),)) for i in range(3))
    problem = Problem(work, RESOURCES, ((),) * 3)
    assert shorter(problem, 5, THREAD)[1].outcome is Outcome.INFEASIBLE
    found, _ = shorter(problem, 6, THREAD, way=1)
    assert found is not None
    verify(problem, found)


def test_two_threads_end_when_one_has_the_optimum() -> None:
    work = tuple(Activity(f"a{i}", 2 + i % 3, 2 + i % 3, ((1, 1 + i % 2),)) for i in range(12))
    problem = Problem(work, RESOURCES, tuple((i - 3,) if i > 5 else () for i in range(12)))
    result = solve(problem, Budget(20.0, workers=2))
    verify(problem, result.solution)
    assert result.status is Outcome.OPTIMAL


PAIR = Problem((Activity("a", 6, 6), Activity("b", 4, 4)), (), ((), ()), (Stream(0, 1, 2, 1),))


def test_who_reads_a_stream_overlaps_its_source() -> None:
    assert solve(PAIR, Budget(1.0)).solution == Solution((0, 3), (6, 7))


@pytest.mark.parametrize(
    ("solution", "message"),
    [
        (Solution((0, 1), (6, 5)), "streaming: from 'a' to 'b': starts at 0 and 1, less than a tile of 2 apart"),
        (Solution((0, 2), (6, 6)), "streaming: from 'a' to 'b': ends at 6 and 6, less than a tile of 1 apart"),
    ],
)
def test_a_broken_stream_is_named(solution: Solution, message: str) -> None:
    with pytest.raises(MapperError, match=message):
        verify(PAIR, solution)


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (replace(PAIR, streams=(Stream(0, 1, -1, 0),)), "stream from 'a' to 'b': negative tile of -1, 0 ticks"),
        (replace(PAIR, streams=(Stream(0, 5, 1, 0),)), "a stream's end has index 5, which is not among 2"),
        (replace(PAIR, streams=(Stream(0, 1, 1, 1), Stream(1, 0, 1, 1))), "cycle: 'a' -> 'b' -> 'a'"),
        (replace(PAIR, activities=(Activity("a", 2**60, 1), Activity("b", 1, 1))), "beyond"),
    ],
)
def test_malformed_streams_and_huge_sums_are_refused(problem: Problem, message: str) -> None:
    with pytest.raises(MapperError, match=message):
        problem.check()


def test_a_stretched_source_delays_its_reader() -> None:
    channel = (Resource("ddr0", 1000),)
    work = (
        Activity("busy", 20, 20, ((0, 500),)),
        Activity("read", 10, 10, (), ((0, 1000),)),
        Activity("use", 4, 4),
    )
    problem = Problem(work, channel, ((), (), ()), (Stream(1, 2, 1, 1),))
    verify(problem, dispatch(problem))
    assert dispatch(problem).end == (20, 20, 21)


def test_what_is_held_beyond_the_result_may_be_held_longer_when_stretched() -> None:
    reads = tuple(Activity(f"read {k}", 10, 100, (), ((0, 10),)) for k in range(2))
    problem = Problem(reads, (Resource("bandwidth", 10),), ((), ()))
    verify(problem, Solution((0, 0), (20, 20)))
    assert bound(problem)[0] <= 20


def test_who_reads_the_stream_of_a_stretched_source_need_not_start_later() -> None:
    reads = tuple(Activity(f"read {k}", 10, 10, (), ((0, 10),)) for k in range(2))
    sinks = tuple(Activity(f"sink {k}", 100, 0) for k in range(2))
    streams = (Stream(0, 2, 1, 1), Stream(1, 3, 1, 1))
    problem = Problem(reads + sinks, (Resource("bandwidth", 10),), ((),) * 4, streams)
    verify(problem, Solution((0, 0, 1, 1), (20, 20, 101, 101)))
    assert bound(problem)[0] <= 101


def test_a_capacity_beyond_64_bits_is_refused() -> None:
    with pytest.raises(MapperError, match=f"resource 'R' has capacity {2**64}, beyond"):
        solve(Problem((), (Resource("R", 2**64),), ()), THREAD)
