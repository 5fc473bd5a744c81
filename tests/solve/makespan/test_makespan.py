"""Makespan: the rules, the dispatch, the bound and the searches against a brute-force oracle."""

from __future__ import annotations

import itertools
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples

from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.makespan import Activity, Problem, Resource, Solution, solve, verify
from mapper.solve.makespan.bound import bound
from mapper.solve.makespan.cpsat import exact
from mapper.solve.makespan.dispatch import dispatch
from mapper.solve.makespan.improve import improve
from mapper.solve.makespan.justify import justify, serial

SMALL = Budget(deterministic_seconds=1.0)
MACHINE, CHANNEL = Resource("gpu0", 1), Resource("ddr0", 1000)


def chain(*activities: Activity, after: tuple[tuple[int, ...], ...] | None = None) -> Problem:
    """A problem on one machine and one channel; without `after`, nothing waits for anything."""
    return Problem(activities, (MACHINE, CHANNEL), after or ((),) * len(activities))


def work(name: str, ticks: int, hold: int | None = None) -> Activity:
    """An activity on the machine."""
    return Activity(name, ticks, ticks if hold is None else hold, ((0, 1),))


def read(name: str, ticks: int, share: int) -> Activity:
    """An activity that wants a share of the channel and may be stretched."""
    return Activity(name, ticks, ticks, (), ((1, share),))


@st.composite
def problems(draw: st.DrawFn, elastic: bool = False, most: int = 5) -> Problem:
    """Small problems on a machine, a channel and a resource of capacity 3."""
    count = draw(st.integers(0, most))
    activities, after = [], []
    for i in range(count):
        ticks = draw(st.integers(0, 6))
        demands = draw(st.sampled_from([(), ((0, 1),), ((2, 1),), ((2, 2),), ((0, 1), (2, 2)), ((1, 600),)]))
        wanted = draw(st.sampled_from([(), ((1, 400),), ((1, 700),)])) if elastic and (1, 600) not in demands else ()
        activities.append(Activity(f"a{i}", ticks, draw(st.integers(0, ticks)), demands, wanted))
        after.append(tuple(sorted(draw(st.sets(st.integers(0, i - 1), max_size=2))) if i else ()))
    return Problem(tuple(activities), (MACHINE, CHANNEL, Resource("ports", 3)), tuple(after))


def shortest(problem: Problem) -> int:
    """The optimum: every topological order, each activity at its earliest tick, checked tick by tick."""
    count = len(problem.activities)
    best: int | None = None
    for order in itertools.permutations(range(count)):
        rank = {i: k for k, i in enumerate(order)}
        if any(rank[p] > rank[i] for i in range(count) for p in problem.after[i]):
            continue
        used: dict[tuple[int, int], int] = {}
        ends = [0] * count
        for i in order:
            a = problem.activities[i]
            start = max((ends[p] for p in problem.after[i]), default=0)
            while any(
                used.get((r, t), 0) + amount > problem.resources[r].capacity
                for r, amount in a.demands
                for t in range(start, start + a.hold)
            ):
                start += 1
            for r, amount in a.demands:
                for t in range(start, start + a.hold):
                    used[r, t] = used.get((r, t), 0) + amount
            ends[i] = start + a.ticks
        best = max(ends, default=0) if best is None else min(best, max(ends))
    return best or 0


@given(problems())
@examples(30, 100)
def test_the_best_schedule_is_the_brute_force_optimum_and_is_proved(problem: Problem) -> None:
    result = solve(problem, SMALL)
    verify(problem, result.solution)
    assert (result.value, result.bound, result.status) == (shortest(problem),) * 2 + (Outcome.OPTIMAL,)


@given(problems(), st.randoms(use_true_random=False))
@examples(30, 100)
def test_the_bound_is_at_most_the_optimum_and_every_heuristic_is_valid(problem: Problem, source: random.Random) -> None:
    optimum = shortest(problem)
    ranks = [source.random() for _ in problem.activities]
    assert bound(problem)[0] <= optimum
    for solution in (dispatch(problem), dispatch(problem, ranks), serial(problem, ranks)):
        verify(problem, solution)
        verify(problem, justify(problem, solution))
        assert optimum <= justify(problem, solution).makespan <= solution.makespan


@given(problems())
@examples(10, 40)
def test_cp_sat_agrees_with_the_oracle(problem: Problem) -> None:
    solution, answer = exact(problem, dispatch(problem), 0, SMALL)
    assert solution is not None
    assert solution.makespan == shortest(problem) == answer.bound


@given(problems(elastic=True, most=9), st.randoms(use_true_random=False))
@examples(20, 60)
def test_elastic_schedules_are_valid_and_not_below_the_bound(problem: Problem, source: random.Random) -> None:
    ranks = [source.random() for _ in problem.activities]
    for solution in (dispatch(problem), dispatch(problem, ranks), justify(problem, dispatch(problem, ranks))):
        verify(problem, solution)
        assert solution.makespan >= bound(problem)[0]
    result = solve(problem, Budget(0.05))
    verify(problem, result.solution)
    assert result.bound <= result.value <= dispatch(problem).makespan


def test_a_read_is_stretched_when_that_ends_earlier_than_waiting() -> None:
    solution = dispatch(chain(read("long", 100, 400), read("short", 10, 900)))
    assert (solution.start, solution.end) == ((0, 0), (100, 15))


def test_a_read_waits_when_the_whole_share_later_ends_no_later() -> None:
    solution = dispatch(chain(read("first", 2, 400), read("then", 10, 1000)), [1, 0])
    assert (solution.start, solution.end) == ((0, 2), (2, 12))


def test_a_read_waits_when_less_than_half_of_its_share_is_free() -> None:
    solution = dispatch(chain(read("first", 20, 600), read("then", 10, 1000)), [1, 0])
    assert solution.start == (0, 20)


def test_a_machine_is_free_again_after_the_hold_and_before_the_result() -> None:
    assert dispatch(chain(work("a", 10, hold=3), work("b", 10, hold=3))).end == (10, 13)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ((0, 3), (4, 7), "precedence: from 'a' to 'b': available at 4, starts at 3"),
        ((0, 5), (4, 7), "duration: activity 'b' takes 2 ticks instead of 4"),
        ((-1, 5), (3, 9), "duration: activity 'a' starts at -1"),
        ((0,), (4,), "duration: 1 starts and 1 ends for 2 activities"),
    ],
)
def test_broken_durations_and_precedences_are_named(start: tuple[int, ...], end: tuple[int, ...], message: str) -> None:
    with pytest.raises(MapperError, match=message):
        verify(chain(work("a", 4), work("b", 4), after=((), (0,))), Solution(start, end))


def test_a_broken_capacity_is_named_with_tick_demand_and_capacity() -> None:
    with pytest.raises(MapperError, match="capacity: resource 'gpu0' at tick 3: demand 2, capacity 1"):
        verify(chain(work("a", 4), work("b", 4)), Solution((0, 3), (4, 7)))


def test_a_stretched_read_holds_what_its_duration_implies() -> None:
    both = chain(read("a", 10, 1000), read("b", 10, 1000))
    verify(both, Solution((0, 0), (20, 20)))
    with pytest.raises(MapperError, match="capacity: resource 'ddr0' at tick 0: demand 1027, capacity 1000"):
        verify(both, Solution((0, 0), (20, 19)))
    with pytest.raises(MapperError, match="activity 'b' takes 21 ticks instead of 10 to 20"):
        verify(both, Solution((0, 0), (20, 21)))


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (chain(work("a", 1), work("b", 1), after=((1,), (0,))), "cycle: 'a' -> 'b' -> 'a'"),
        (chain(Activity("a", 1, 1, ((0, 2),))), "demand: activity 'a' wants 2 of 'gpu0', which has 1"),
        (chain(Activity("a", -1, 1)), "activity 'a' has negative ticks -1"),
        (chain(Activity("a", 1, 1, ((0, -1),))), "activity 'a' has negative demand -1 of 'gpu0'"),
        (chain(Activity("a", 1, 1, ((7, 1),))), "activity 'a' demands index 7, which is not among 2"),
        (chain(work("a", 1), after=((3,),)), "activity 'a' waits for index 3, which is not among 1"),
        (chain(work("a", 1), after=((), ())), "after has 2 rows for 1 activities"),
        (chain(Activity("a", 1, 1, (), ((1, 5), (1, 5)))), "names a resource twice"),
    ],
)
def test_a_malformed_problem_is_refused(problem: Problem, message: str) -> None:
    with pytest.raises(MapperError, match=message):
        problem.check()


def test_the_binding_resource_is_named() -> None:
    assert bound(chain(work("a", 3), work("b", 4))) == (7, "load of 'gpu0'")
    assert bound(chain(work("a", 3), work("b", 4), after=((), (0,)))) == (7, "critical path")


@pytest.mark.slow
def test_the_same_budget_gives_the_same_schedule() -> None:
    problem = program(60)
    assert solve(problem, Budget(0.3)) == solve(problem, Budget(0.3))


def test_the_search_never_returns_a_longer_schedule() -> None:
    problem = program(200)
    first = dispatch(problem)
    better = improve(problem, first, 0, Budget(0.2))
    verify(problem, better)
    assert better.makespan <= first.makespan


def program(count: int) -> Problem:
    """Activities on eight machines, half of them with a share of one of three channels."""
    source = random.Random(1)
    resources = (*(Resource(f"u{k}", 1) for k in range(8)), *(Resource(f"ch{k}", 1000) for k in range(3)))
    activities, after = [], []
    for i in range(count):
        ticks = source.randint(0, 50)
        share = ((8 + source.randrange(3), source.randint(1, 1000)),) if source.random() < 0.5 else ()
        activities.append(Activity(f"a{i}", ticks, ticks, ((source.randrange(8), 1),), share))
        after.append(tuple({source.randrange(max(0, i - 200), i) for _ in range(2)}) if i else ())
    return Problem(tuple(activities), tuple(resources), tuple(after))


@pytest.mark.slow
def test_five_thousand_activities_are_dispatched_in_a_third_of_a_second() -> None:
    problem = program(5000)
    problem.check()
    began = time.process_time()
    solution = dispatch(problem)
    assert time.process_time() - began < 0.6  # twice the goal: machines of continuous integration are slow
    verify(problem, solution)
