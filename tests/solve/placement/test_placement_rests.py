"""What a bound rests on, held against bounds of problems in which there is more of something."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from placement_builders import tiny, transformer
from sweeps import examples, sweep

from mapper.solve.budget import Budget
from mapper.solve.placement.bound import lower_bound
from mapper.solve.placement.classes import classify
from mapper.solve.placement.critical import critical_path, legs_of
from mapper.solve.placement.linear import Solver
from mapper.solve.placement.problem import Item, Problem
from mapper.solve.placement.relaxation import PRICED, Rests, longest_interval, price_of_leaving_out, relax
from mapper.solve.placement.rests import rests_of
from mapper.solve.placement.tables import build

FINE = 10**6
"""Ticks of one tick of `tiny`, so that rounding to whole ticks is small."""


def fine(problem: Problem, factor: float = FINE, resource: int = -1) -> Problem:
    """The problem with all its ticks (or the loads of one resource alone) times a factor."""

    def loads(rows: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        return tuple((r, round(t * factor) if resource in (-1, r) else t) for r, t in rows)

    def ticks(t: int) -> int:
        return round(t * factor) if resource < 0 else t

    def item(one: Item) -> Item:
        return replace(one, options=tuple(replace(o, ticks=ticks(o.ticks), loads=loads(o.loads)) for o in one.options))

    transfers = tuple(
        {way: replace(t, ticks=ticks(t.ticks), loads=loads(t.loads)) for way, t in table.items()}
        for table in problem.transfers
    )
    return replace(problem, items=tuple(map(item, problem.items)), transfers=transfers)


def relaxed(problem: Problem) -> Rests:
    """The least interval of the relaxation with all options, and what it rests on."""
    tables, longest = build(problem), max(1.0, longest_interval(problem))
    r = relax(tables, classify(tables), longest, PRICED * longest)
    price_of_leaving_out(r, 4.0)
    r.program.cost[r.interval] = 1.0
    best = Solver(r.program).solve(Budget())
    assert best is not None
    return rests_of(r, best, longest)


def rooms(rests: Rests) -> float:
    return sum(worth for name, worth in rests.rows if name.startswith("room"))


@examples(10, 40)
@given(st.integers(0, 10**6))
def test_busy_resources_carry_the_whole_interval(seed: int) -> None:
    rests = relaxed(fine(tiny(seed)))
    if rests.rows:
        assert sum(w for _, w in rests.rows) - rooms(rests) == pytest.approx(1.0, abs=0.01)


@examples(10, 40)
@given(st.integers(0, 10**6), st.integers(0, 5))
def test_more_of_a_resource_brings_no_more_than_its_price_and_less_costs_no_less(seed: int, which: int) -> None:
    problem = fine(tiny(seed))
    resource = which % len(problem.resources)
    rests = relaxed(problem)
    assume(rests.rows)
    price = dict(rests.rows).get(problem.resources[resource], 0.0)
    more = relaxed(fine(problem, 1 / 1.01, resource)).value
    less = relaxed(fine(problem, 1.01, resource)).value
    assert more >= rests.value * (1 - 0.01 * (price + 0.02))
    assert less >= rests.value * (1 + 0.01 * (price - 0.02))


@examples(10, 40)
@given(st.integers(0, 10**6), st.integers(0, 1))
def test_no_more_room_brings_more_than_its_price(seed: int, which: int) -> None:
    problem = fine(tiny(seed))
    problem = replace(
        problem,
        capacities=tuple(100 * c for c in problem.capacities),
        residents=tuple(replace(k, bytes=100 * k.bytes) for k in problem.residents),
    )
    memory = which % len(problem.memories)
    rests = relaxed(problem)
    assume(rests.rows)
    price = dict(rests.rows).get(f"room in {problem.memories[memory]}", 0.0)
    grown = tuple(c + (c // 100 if m == memory else 0) for m, c in enumerate(problem.capacities))
    assert relaxed(replace(problem, capacities=grown)).value >= rests.value * (1 - 0.01 * (price + 0.02))


@pytest.mark.parametrize(("problems", "enough"), sweep([(20, 6), (60, 20)], 1))
def test_where_more_and_less_agree_the_price_is_the_slope(problems: int, enough: int) -> None:
    """They do not at degenerate optima; of so many problems enough have slopes that are not 0."""
    sloped = 0
    for seed in range(problems):
        problem = fine(tiny(seed))
        rests = relaxed(problem)
        for resource, name in enumerate(problem.resources if rests.rows else ()):
            up = relaxed(fine(problem, 1 / 1.001, resource)).value
            down = relaxed(fine(problem, 1.001, resource)).value
            slopes = [1000 * (1 - up / rests.value), 1000 * (down / rests.value - 1)]
            if abs(slopes[0] - slopes[1]) < 0.005:
                assert dict(rests.rows).get(name, 0.0) == pytest.approx(slopes[0], abs=0.02), (seed, name)
                sloped += slopes[0] > 0.05
    assert sloped > enough


def test_memories_of_one_kind_carry_alike() -> None:
    rows = dict(relaxed(transformer(4, 8)).rows)
    arrays = [worth for name, worth in rows.items() if name.startswith("room in array")]
    assert len(arrays) == 3
    assert len(set(arrays)) == 1


@pytest.mark.parametrize("seed", range(30))
def test_the_parts_of_a_critical_path_add_up_to_its_end(seed: int) -> None:
    tables = build(tiny(seed))
    path = critical_path(tables)
    for phase, end in enumerate(path.ends):
        if end < 1 << 40:
            assert sum(leg.made(tables).ticks for leg in legs_of(tables, path, phase)) == end


@pytest.mark.parametrize("objective", ["latency", "energy"])
def test_all_of_a_time_and_of_an_energy_is_told(objective: str) -> None:
    found = lower_bound(build(transformer(2, 4)), objective, Budget())
    assert found.rests is not None
    assert sum(w for _, w in found.rests.rows) - rooms(found.rests) == pytest.approx(1.0, abs=0.02)
    assert found.rests.value <= found.value * (1 + 1e-6)


@pytest.mark.parametrize("objective", ["throughput", "latency"])
@pytest.mark.parametrize("seed", [2, 3796])
def test_where_the_longest_is_the_only_one_its_limit_takes_no_part_of_the_price(seed: int, objective: str) -> None:
    problem = fine(tiny(seed))
    single = replace(problem, items=tuple(replace(item, options=item.options[:1]) for item in problem.items))
    found = lower_bound(build(single), objective, Budget())
    assert found.rests is not None
    assert sum(w for _, w in found.rests.rows) == pytest.approx(1.0, abs=0.01)


def test_a_bound_that_a_plan_reaches_rests_on_no_more_than_without_that_plan() -> None:
    tables = build(fine(tiny(9)))
    alone = lower_bound(tables, "throughput", Budget())
    reached = lower_bound(tables, "throughput", Budget(), ceiling=alone.value)
    assert reached.rests is not None
    assert alone.rests is not None
    assert reached.rests.rows == alone.rests.rows


def test_a_product_of_two_bounds_rests_on_nothing_that_is_told() -> None:
    assert lower_bound(build(transformer(1, 4)), "edp", Budget()).rests is None
