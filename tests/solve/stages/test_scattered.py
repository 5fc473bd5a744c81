"""Stages without contiguity: units, layers, bound and searches against every split of small problems."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sweeps import examples

from mapper.errors import Infeasible, MapperError
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.incumbent import Incumbent
from mapper.solve.stages import Problem, Solution, solve, verify
from mapper.solve.stages.bound import simple_bound
from mapper.solve.stages.bound_columns import ColumnBound, Verdict, kinds
from mapper.solve.stages.bound_layers import Layers, layers
from mapper.solve.stages.neighbour import Neighbourhood, Schedule
from mapper.solve.stages.scattered import scattered
from mapper.solve.stages.scattered_cpsat import any_split
from mapper.solve.stages.scattered_start import beside, least_loaded
from mapper.solve.stages.scattered_start import chain as dealt
from mapper.solve.stages.scattered_units import FORBIDDEN, Units, units
from tests.solve.stages.builders import chain, node, problem
from tests.solve.stages.scattered_oracle import least, problems

SMALL = Budget(deterministic_seconds=0.3)


def feasible(problem: Problem) -> int:
    """The optimum of a problem that `check` accepts and that has a split."""
    try:
        problem.check()
    except MapperError:
        assume(False)
    best = least(problem)
    assume(best is not None)
    assert best is not None
    return best


def solved(problem: Problem, budget: Budget = SMALL) -> Incumbent[Solution]:
    def judge(solution: Solution) -> float:
        verify(problem, solution)
        return problem.value(solution)

    incumbent = Incumbent(judge, budget)
    scattered(problem, incumbent, budget)
    return incumbent


def best_of_units(found: Units) -> int:
    """The least largest load when every unit is kept whole."""
    return min(
        found.problem.value(found.solution(device))
        for device in itertools.product(range(len(found.problem.devices)), repeat=len(found.nodes))
        if all(found.times[found.devices[d], u] != FORBIDDEN for u, d in enumerate(device))
    )


@given(problems())
@examples(9, 30)
def test_the_best_split_is_found_and_bounded(p: Problem) -> None:
    best = feasible(p)
    incumbent = solved(p)
    assert incumbent.value == best
    assert incumbent.bound <= best


@given(problems())
@examples(8, 25)
def test_two_threads_find_and_bound_it_too(p: Problem) -> None:
    best = feasible(p)
    incumbent = solved(p, replace(SMALL, workers=2))
    assert incumbent.value == best
    assert incumbent.bound <= best


def test_what_fails_in_the_thread_of_the_bound_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: ColumnBound, limit: int, budget: Budget) -> Verdict:
        raise MapperError(f"internal: {limit}")

    monkeypatch.setattr(ColumnBound, "ask", fail)
    p = replace(chain([4, 7, 1, 9, 3], accelerators=3, transfer=1), contiguous=False)
    with pytest.raises(MapperError, match="internal"):
        solved(p, Budget(deterministic_seconds=60.0, workers=2))


@examples(12, 40)
@given(problems())
def test_only_loads_below_the_best_split_are_called_impossible(p: Problem) -> None:
    best = feasible(p)
    bound = ColumnBound(units(p, join=True))
    assert simple_bound(p)[0] <= best
    for limit in (best, best + 1, max(0, best - 1)):
        assert bound.ask(limit, Budget(math.inf)) is not Verdict.IMPOSSIBLE or limit < best


@given(problems(scarce=False))
@examples(10, 40)
def test_joining_units_loses_nothing_while_memory_is_enough(p: Problem) -> None:
    best = feasible(p)
    joined = units(p, join=True)
    assert sorted(i for nodes in joined.nodes for i in nodes) == list(range(len(p.nodes)))
    assert best_of_units(joined) == best


@given(problems(scarce=False), st.integers(0, 40))
@examples(9, 30)
def test_the_dearest_set_of_a_device_is_worth_at_least_that_of_every_set(p: Problem, limit: int) -> None:
    feasible(p)
    found = units(p, join=False)
    value = np.arange(1, len(found.nodes) + 1, dtype=np.int64) ** 2
    for kind in kinds(found):
        best = 0
        for size in range(len(found.nodes) + 1):
            for chosen in itertools.combinations(range(len(found.nodes)), size):
                runs = all(found.times[kind.index, u] != FORBIDDEN for u in chosen)
                array = np.array(chosen, dtype=np.int64)
                if runs and kind.load(array) <= limit:
                    best = max(best, int(value[array].sum()))
        upper, chosen_units = kind.dearest(value, limit, 0, 1000)
        assert upper >= best
        assert upper == value[chosen_units].sum()
        assert kind.dearest(value, limit, 0, 2)[0] >= best  # labels of different loads become one: never less
        assert kind.dearest(value, limit, best, 1000)[0] >= best


@given(problems(), st.integers(0, 1000))
@examples(9, 30)
def test_annealing_reports_the_load_of_a_split_that_keeps_the_rules(p: Problem, seed: int) -> None:
    feasible(p)
    found = units(p, join=False)
    start = any_split(found, SMALL)
    assert start is not None
    order = np.arange(len(found.nodes), dtype=np.int64)
    device, load = Neighbourhood(found, order).anneal(start, (Schedule(1.0, 0.1, 2),), 500, seed, SMALL)
    verify(p, found.solution(device))
    assert p.value(found.solution(device)) == load <= p.value(found.solution(start))


@examples(10, 30)
@given(problems())
def test_first_splits_keep_the_rules(p: Problem) -> None:
    feasible(p)
    found = units(p, join=False)
    free = np.full(len(found.nodes), -1, dtype=np.int64)
    starts = [dealt(found, range(len(free)), range(len(p.devices))), least_loaded(found), beside(found, free)]
    exact = any_split(found, SMALL)
    assert exact is not None
    for start in [*starts, exact]:
        if start is not None:
            verify(p, found.solution(start))


def test_a_set_pays_on_its_path_through_the_layers_what_a_device_pays_for_it() -> None:
    p = problem(
        [node(f"n{i}", 1, transfer=10**i) for i in range(5)], [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)], contiguous=False
    )
    found = units(p, join=False)
    (kind,) = kinds(found)
    graph = kind.layers
    for taken in itertools.product((0, 1), repeat=5):
        state = paid = 0
        for t, u in enumerate(graph.order.tolist()):
            row = int(graph.offsets[t]) + state
            paid += int(graph.paid[row, taken[u]])
            state = int(graph.target[row, taken[u]])
        chosen = np.flatnonzero(taken)
        assert paid + len(chosen) == kind.load(chosen)


def test_nets_are_left_out_where_too_many_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [node(f"n{i}", 1, transfer=i + 1) for i in range(12)]
    p = problem(nodes, [(i, j) for i in range(6) for j in range(6, 12)], contiguous=False)
    whole = layers(units(p, join=False), nets=True)
    monkeypatch.setattr("mapper.solve.stages.bound_layers.MOST_STATES", 4)
    found = layers(units(p, join=False), nets=True)
    assert whole.forgotten == 0 < found.forgotten
    assert np.diff(found.offsets).max() <= 4
    assert _paid_by_half(found) <= _paid_by_half(whole)


def _paid_by_half(graph: Layers) -> int:
    """What the units with even numbers pay together."""
    state = paid = 0
    for t, u in enumerate(graph.order.tolist()):
        row = int(graph.offsets[t]) + state
        paid += int(graph.paid[row, 1 - u % 2])
        state = int(graph.target[row, 1 - u % 2])
    return paid


def test_a_weight_without_work_joins_the_only_unit_that_reads_it() -> None:
    nodes = [node("weight", 0, 0, transfer=5), node("x", 3, transfer=1), node("product", 4)]
    found = units(problem(nodes, [(0, 2), (1, 2)], contiguous=False), join=True)
    assert found.nodes == ((0, 2), (1,)) or found.nodes == ((1,), (0, 2)) or found.nodes == ((1,), (2, 0))
    assert (found.nets, found.costs) == (((0, 1),), (1,))


def test_equal_times_on_a_chain_without_transfers_are_shared_out_evenly_and_proved() -> None:
    incumbent = solved(replace(chain([3] * 8, accelerators=4), contiguous=False))
    assert incumbent.value == incumbent.bound == 6


def test_a_cut_that_every_split_must_pay_counts_in_the_bound() -> None:
    """Two devices, no core: each has half of the work and one cut beside it, or one has all."""
    incumbent = solved(replace(chain([5, 5, 5, 5], transfer=3), contiguous=False))
    assert incumbent.value == incumbent.bound == 13


def test_the_same_budget_and_seed_give_the_same_split() -> None:
    p = replace(chain([4, 7, 1, 9, 3, 8, 2, 6, 5, 5, 7, 3], accelerators=3, cores=1, transfer=1), contiguous=False)
    first, second = solved(p), solved(p)
    assert first.solution == second.solution
    assert first.bound == second.bound


def test_a_budget_too_small_for_any_split_leaves_the_question_open(monkeypatch: pytest.MonkeyPatch) -> None:
    for method in ("chain", "least_loaded", "any_split"):
        monkeypatch.setattr(f"mapper.solve.stages.scattered.{method}", lambda *_: None)
    p = problem([node(f"n{i}", 1) for i in range(3)], [(0, 1), (1, 2)], contiguous=False)
    incumbent = Incumbent[Solution](lambda _: 0, SMALL)
    scattered(p, incumbent, SMALL)
    assert not incumbent.found
    assert incumbent.bound > 0


def test_memories_that_no_split_fits_are_named_with_what_they_hold() -> None:
    p = problem([node(n, 1, None, size=1) for n in "abc"], [], accelerators=2, memory=1, contiguous=False)
    with pytest.raises(Infeasible, match="3 bytes must be on devices with limits, which hold 2") as caught:
        solved(p)
    assert "levers" in caught.value.hint


def test_memories_with_room_enough_but_in_the_wrong_places_are_told_apart() -> None:
    p = problem([node(n, 1, None, size=2) for n in "abc"], [], accelerators=2, memory=3, contiguous=False)
    with pytest.raises(Infeasible, match="6 bytes in pieces that do not fill the devices' 6 evenly"):
        solved(p)


def test_the_driver_goes_on_from_the_contiguous_split_to_any() -> None:
    """Two nodes of work 6 around one of 12: together they balance it, apart in order they do not."""
    p = problem([node("a", 6), node("b", 12), node("c", 6)], [(0, 1), (1, 2)], contiguous=False)
    assert solve(replace(p, contiguous=True), SMALL).value == 18
    result = solve(p, SMALL)
    assert (result.value, result.bound, result.status) == (12, 12, Outcome.OPTIMAL)
