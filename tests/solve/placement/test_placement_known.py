"""Bounds known of other problems: they hold where the other problem is harder in everything, and only there."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace

import pytest
from placement_builders import tiny
from placement_oracle import best
from sweeps import sweep

from mapper.errors import MapperError
from mapper.solve.budget import Budget
from mapper.solve.placement.driver import solve_again
from mapper.solve.placement.known import SLACKS, Proof, no_harder, strongest
from mapper.solve.placement.problem import Limit, Option, Problem, Solution, verify

OBJECTIVES = ("throughput", "latency", "energy", "edp")
SEEDS = range(200)


def harder(problem: Problem, seed: int) -> Problem:
    """The problem with some figures worse and some options, legs and bytes of room gone."""
    r = random.Random(seed)

    def worse(amount: int) -> int:
        return amount + r.choice((0, 0, 0, 1, 5))

    def option(o: Option) -> Option:
        loads = tuple((k, worse(ticks)) for k, ticks in o.loads)
        return replace(o, ticks=worse(o.ticks), cost=worse(o.cost), loads=loads)

    items = []
    for item in problem.items:
        kept = [option(o) for o in item.options if r.random() < 0.9] or [option(item.options[0])]
        items.append(replace(item, options=tuple(kept)))
    transfers = tuple(
        {
            leg: replace(move, ticks=worse(move.ticks), cost=worse(move.cost))
            for leg, move in t.items()
            if r.random() < 0.95
        }
        for t in problem.transfers
    )
    residents = tuple(replace(k, bytes=worse(k.bytes)) for k in problem.residents)
    capacities = tuple(max(0, room - r.choice((0, 0, 2))) for room in problem.capacities)
    return replace(problem, items=tuple(items), transfers=transfers, residents=residents, capacities=capacities)


def moved(problem: Problem, seed: int) -> Problem:
    """The problem with some figures better and some worse."""
    r = random.Random(seed)

    def option(o: Option) -> Option:
        return replace(
            o, ticks=max(0, o.ticks + r.choice((-2, 0, 0, 0, 2))), cost=max(0, o.cost + r.choice((-2, 0, 1)))
        )

    return replace(problem, items=tuple(replace(i, options=tuple(option(o) for o in i.options)) for i in problem.items))


def no_better(easy: Problem, hard: Problem, names: tuple[str, ...]) -> None:
    least, other = best(easy, names), best(hard, names)
    if other is not None:
        assert least is not None
        assert all(least[n] <= other[n] * (1 + 1e-12) for n in names)


@pytest.mark.parametrize("block", sweep(range(10), 2))
def test_a_problem_that_is_worse_in_everything_has_no_better_optimum_and_is_told_as_harder(block: int) -> None:
    for seed in range(block * 10, block * 10 + 10):
        easy = tiny(seed)
        hard = harder(easy, seed)
        assert no_harder(easy, hard)
        no_better(easy, hard, OBJECTIVES)


def nearly(problem: Problem, seed: int, slack: float) -> Problem:
    """A much larger problem with some figures less by up to a part `slack`."""
    r = random.Random(seed)

    def less(amount: int, times: int = 10_000) -> int:
        return math.ceil(times * amount / (1 + r.choice((0, 0, slack, slack / 2))))

    def option(o: Option) -> Option:
        return replace(o, ticks=less(o.ticks), cost=less(o.cost), loads=tuple((k, less(t)) for k, t in o.loads))

    items = (replace(i, options=tuple(map(option, i.options))) for i in problem.items)
    transfers = (
        {leg: replace(m, ticks=less(m.ticks), cost=less(m.cost), loads=tuple((k, less(t)) for k, t in m.loads))
         for leg, m in t.items()}
        for t in problem.transfers
    )  # fmt: skip
    idle = 10_000 * problem.idle_pj_per_tick
    return replace(problem, items=tuple(items), transfers=tuple(transfers), idle_pj_per_tick=idle)


@pytest.mark.parametrize("block", sweep(range(10), 2))
def test_a_problem_that_is_a_little_easier_has_the_bound_less_a_little(block: int) -> None:
    looser = 0
    for seed in range(block * 5, block * 5 + 5):
        problem, slack = nearly(tiny(seed, items=3), 0, 0.0), SLACKS[-1]
        little, least = nearly(tiny(seed, items=3), seed, slack), best(problem, OBJECTIVES)
        for name, value in (least or {}).items():
            found = strongest([Proof(problem, name, value, "best")], little, name)
            assert found is not None
            assert found.value <= best(little, OBJECTIVES)[name] * (1 + 1e-12)  # type: ignore[index]
            assert (value and found.value >= value * (1 - 2.1 * slack)) or not value
            looser += found.value < value
    assert looser


def test_where_there_are_limits_there_is_no_slack() -> None:
    easy = replace(nearly(tiny(3), 0, 0.0), limits=(Limit("energy", 1e9),))
    little = replace(nearly(tiny(3), 3, SLACKS[-1]), limits=easy.limits)
    assert strongest([Proof(easy, "throughput", 1.0, "a")], little, "throughput") is None
    assert strongest([Proof(easy, "throughput", 1.0, "a")], easy, "throughput") is not None


def test_how_long_a_task_takes_counts_only_where_somebody_waits() -> None:
    easy = tiny(3)
    rows = tuple(replace(i, options=tuple(replace(o, ticks=o.ticks + 1) for o in i.options)) for i in easy.items)
    slow = replace(easy, items=rows)
    assert no_harder(slow, easy, "throughput")
    assert no_harder(slow, easy, "energy")
    assert not no_harder(slow, easy, "latency")
    assert not no_harder(slow, easy, "edp")


def renumbered(problem: Problem, seed: int) -> Problem:
    """The problem with residents under other numbers and options in another order."""
    r = random.Random(seed)
    order = r.sample(range(len(problem.residents)), len(problem.residents))
    number = {old: new for new, old in enumerate(order)}

    def option(o: Option) -> Option:
        return replace(o, needs=tuple(number[k] for k in o.needs), loads=tuple(r.sample(o.loads, len(o.loads))))

    items = (replace(i, options=tuple(map(option, r.sample(i.options, len(i.options))))) for i in problem.items)
    return replace(problem, items=tuple(items), residents=tuple(problem.residents[k] for k in order))


@pytest.mark.parametrize("block", sweep(range(10), 2))
def test_what_is_the_same_by_name_is_told_so_in_any_order(block: int) -> None:
    for seed in range(block * 10, block * 10 + 10):
        easy = tiny(seed)
        other = renumbered(easy, seed)
        assert no_harder(easy, other)
        assert no_harder(other, easy)
        assert no_harder(easy, renumbered(harder(easy, seed), seed))


@pytest.mark.parametrize("block", sweep(range(10), 2))
def test_what_is_told_as_no_harder_has_no_worse_optimum(block: int) -> None:
    told = 0
    for seed in range(block * 10, block * 10 + 10):
        for step in range(6):
            one = tiny(seed, items=2, options=2)
            other = moved(one, seed * 10 + step)
            for name in OBJECTIVES:
                if no_harder(one, other, name):
                    told += one != other
                    no_better(one, other, (name,))
    assert told


def test_energies_count_only_where_they_are_asked_for() -> None:
    easy = tiny(3)
    rows = tuple(replace(i, options=tuple(replace(o, cost=o.cost + 1) for o in i.options)) for i in easy.items)
    dear = replace(easy, items=rows, idle_pj_per_tick=easy.idle_pj_per_tick + 1)
    assert no_harder(dear, easy, "throughput")
    assert no_harder(dear, easy, "latency")
    assert not no_harder(dear, easy, "energy")
    assert not no_harder(dear, easy, "edp")
    assert not no_harder(dear, easy)


def test_the_strongest_proof_is_one_that_holds_of_the_objective() -> None:
    problem = tiny(3)
    proofs = [Proof(problem, "latency", 9.0, "a"), Proof(problem, "throughput", 3.0, "b")]
    found = strongest([*proofs, Proof(problem, "throughput", 2.0, "c")], problem, "throughput")
    assert found is not None
    assert found.name == "b"
    assert strongest(proofs, replace(problem, calls=(9, 9, 9)), "throughput") is None


@pytest.mark.parametrize("block", sweep(range(10), 1))
def test_a_search_from_a_good_start_proves_no_more_than_the_optimum_and_ends_no_worse_than_it_began(
    block: int,
) -> None:
    for seed in range(block * 3, block * 3 + 3):
        problem = tiny(seed)
        optimum = best(problem, OBJECTIVES[:3])
        start = _any(problem)
        if optimum is None or start is None:
            continue
        for name, least in optimum.items():
            for enough, hoped in ((1e-3, 0.0), (0.1, least), (0.9, 0.0), (1e-3, 0.5 * least), (1e-3, 2 * least)):
                found = solve_again(problem, name, Budget(deterministic_seconds=0.2), start, enough, hoped)
                assert found.bound <= least * (1 + 1e-9), (seed, name)
                assert found.value >= least * (1 - 1e-9), (seed, name)
                verify(problem, found.solution)


def _any(problem: Problem) -> Solution | None:
    """A feasible solution."""
    for choice in itertools.product(*(range(len(item.options)) for item in problem.items)):
        try:
            verify(problem, Solution(choice))
        except MapperError:
            continue
        return Solution(choice)
    return None


def _of_one_name(problem: Problem) -> Problem:
    """The problem with one name for all residents, as weights kept in two types have in a memory."""
    return replace(problem, residents=tuple(replace(r, name="w") for r in problem.residents))


@pytest.mark.parametrize("seed", range(12))
def test_residents_of_one_name_are_told_apart_by_their_numbers(seed: int) -> None:
    problem = tiny(seed)
    other = harder(problem, seed)
    assert no_harder(problem, other)
    assert no_harder(_of_one_name(problem), _of_one_name(other))


def test_another_resident_of_the_same_name_is_not_the_same() -> None:
    problem = next(p for p in map(tiny, SEEDS) if any(a.memory == b.memory for a, b in itertools.pairwise(p.residents)))
    k = next(k for k, (a, b) in enumerate(itertools.pairwise(problem.residents)) if a.memory == b.memory)

    def needing(which: int) -> Problem:
        first, *rest = problem.items
        options = tuple(replace(o, needs=(which,)) for o in first.options)
        return _of_one_name(replace(problem, items=(replace(first, options=options), *rest)))

    assert no_harder(needing(k), needing(k))
    assert not no_harder(needing(k), needing(k + 1))
