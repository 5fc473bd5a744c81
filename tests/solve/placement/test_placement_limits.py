import itertools
import random
from dataclasses import replace

import pytest
from placement_builders import tiny, transformer
from sweeps import sweep

from mapper.errors import Infeasible, MapperError
from mapper.solve.budget import Budget
from mapper.solve.placement.bound import lower_bound
from mapper.solve.placement.driver import LimitsUnmet, solve
from mapper.solve.placement.goal import Goal
from mapper.solve.placement.problem import (
    Limit,
    Problem,
    Solution,
    excess,
    limited,
    objective,
    totals,
    verify,
)
from mapper.solve.placement.state import State
from mapper.solve.placement.tables import build
from mapper.solve.placement.whole_counts import with_whole_counts

OBJECTIVES = ("throughput", "latency", "energy", "edp")


def feasible(problem: Problem) -> list[Solution]:
    """All solutions that keep the rules, whatever the limits."""
    found = []
    for choice in itertools.product(*(range(len(item.options)) for item in problem.items)):
        try:
            verify(problem, Solution(choice))
        except MapperError:
            continue
        found.append(Solution(choice))
    return found


def with_limits(seed: int) -> tuple[Problem, dict[str, float]]:
    """A tiny problem with one to three random limits, and the least of each objective under them."""
    problem, r = tiny(seed), random.Random(1000 + seed)
    solutions = feasible(problem)
    limits = []
    for quantity in r.sample(("throughput", "latency", "energy"), r.randint(1, 3)):
        calls = tuple(r.randint(0, 2) for _ in problem.calls) if quantity == "latency" else ()
        one = Limit(quantity, 1.0, calls)
        values = [limited(problem, totals(problem, s), one) for s in solutions]
        limits.append(replace(one, most=max(1.0, r.choice(values) if values else 5.0)))
    problem = replace(problem, limits=tuple(limits))
    found: dict[str, float] = {}
    for solution in solutions:
        t = totals(problem, solution)
        if not excess(problem, t):
            for name in OBJECTIVES:
                found[name] = min(found.get(name, float("inf")), objective(problem, t, name))
    return problem, found


@pytest.mark.parametrize("block", sweep(range(30), 1))
def test_no_bound_under_limits_exceeds_the_best_that_keeps_them(block: int) -> None:
    for seed in range(block * 10, block * 10 + 10):
        problem, optimum = with_limits(seed)
        tables = build(problem)
        for name, value in optimum.items():
            for ceiling in (float("inf"), value):
                bound = lower_bound(tables, name, Budget(), ceiling)
                assert bound.value <= value * (1 + 1e-9), (seed, name, bound.name)
                whole = with_whole_counts(bound, Budget(), value)
                assert whole.value <= value * (1 + 1e-9), (seed, name, whole.name)


@pytest.mark.parametrize("seed", sweep(range(60), 4))
def test_small_problems_are_solved_to_the_best_that_keeps_the_limits(seed: int) -> None:
    problem, optimum = with_limits(seed)
    for name in OBJECTIVES:
        if not optimum:
            with pytest.raises(Infeasible):
                solve(problem, name, Budget(1.0))
            continue
        result = solve(problem, name, Budget(1.0))
        verify(problem, result.solution)
        assert not excess(problem, totals(problem, result.solution))
        assert result.value == pytest.approx(optimum[name])
        assert result.bound <= result.value


@pytest.mark.parametrize("seed", range(40))
def test_the_guide_tells_what_a_whole_state_tells(seed: int) -> None:
    problem, _ = with_limits(seed)
    tables = build(problem)
    r = random.Random(seed)
    choice = [r.randrange(len(item.options)) for item in problem.items]
    for name in OBJECTIVES:
        goal = Goal(tables, name, 7.0)
        for i in range(len(choice)):
            state = State.of(tables, choice)
            state.remove(i)
            scores = goal.scores(state.outlook(i), choice, i)
            for o in range(len(scores)):
                whole = State.of(tables, [*choice[:i], o, *choice[i + 1 :]])
                assert scores[o] == pytest.approx(goal.guide(whole))


def test_limits_that_nothing_keeps_are_told_with_the_nearest() -> None:
    problem = transformer(3, 7)
    best = solve(problem, "throughput", Budget(0.3))
    tight = replace(problem, limits=(Limit("throughput", best.bound * 0.5),))
    with pytest.raises(LimitsUnmet) as error:
        solve(tight, "energy", Budget(0.3))
    assert "throughput" in str(error.value)
    verify(problem, error.value.nearest)


def test_layers_trade_energy_for_time_under_a_limit() -> None:
    problem = transformer(2, 5)
    whole = Limit("latency", 1.0, problem.calls)
    quick, frugal = (solve(problem, name, Budget(0.1)).solution for name in ("latency", "energy"))
    least, most = (limited(problem, totals(problem, s), whole) for s in (quick, frugal))
    assert least < most
    middle = replace(whole, most=(least + most) / 2)
    between = solve(replace(problem, limits=(middle,)), "energy", Budget(0.1), [quick])
    assert limited(problem, totals(problem, between.solution), middle) <= middle.most
    costs = [objective(problem, totals(problem, s), "energy") for s in (frugal, between.solution, quick)]
    assert costs == sorted(costs)


def test_a_limit_of_nothing_that_can_be_limited_is_refused() -> None:
    with pytest.raises(MapperError):
        replace(tiny(1), limits=(Limit("beauty", 1.0),)).check()
    with pytest.raises(MapperError):
        replace(tiny(1), limits=(Limit("latency", 1.0, (1,) * 9),)).check()
