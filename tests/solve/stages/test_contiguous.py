import math
from pathlib import Path

import pytest
from hypothesis import given
from sweeps import examples

from mapper.errors import Infeasible, MapperError
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome
from mapper.solve.incumbent import Incumbent
from mapper.solve.stages import Problem, Solution, contiguous, contiguous_ladder, solve, verify
from mapper.solve.stages.contiguous_ideals import Search, all_ideals, one_order, room
from mapper.solve.stages.contiguous_orders import deep_order, window
from mapper.solve.stages.contiguous_reduce import relaxed, unordered, whole
from mapper.solve.stages.contiguous_units import place_free
from tests.solve.stages import oracle
from tests.solve.stages.builders import chain, node, problem

PLENTY = Budget(deterministic_seconds=20.0)


def _feasible(p: Problem) -> bool:
    """Whether the input is sound: a tie may leave a group without a device."""
    try:
        p.check()
    except MapperError:
        return False
    return True


@examples(25, 80)
@given(oracle.problems())
def test_the_best_contiguous_split_is_found_and_proven(p: Problem) -> None:
    if not _feasible(p):
        return
    expected = oracle.best(p)
    if expected is None:
        with pytest.raises(Infeasible):
            solve(p, PLENTY)
        return
    result = solve(p, PLENTY)
    assert result.solution is not None
    verify(p, result.solution)
    assert (result.value, result.bound, result.status) == (expected, expected, Outcome.OPTIMAL)


@given(oracle.problems())
@examples(10, 40)
def test_the_ladder_agrees_with_all_splits(p: Problem) -> None:
    if not _feasible(p):
        return
    expected = oracle.best(p)
    answer = contiguous_ladder.solve(unordered(p), 1000, None, PLENTY)
    if expected is None:
        assert answer.chain is None
        assert answer.bound == 1000
        return
    assert answer.chain is not None
    solution = unordered(p).solution(*answer.chain)
    verify(p, solution)
    assert p.value(solution) == answer.bound == expected


@given(oracle.problems())
@examples(20, 60)
def test_a_search_over_all_ideals_never_claims_too_much(p: Problem) -> None:
    expected = oracle.best(p) if _feasible(p) else None
    if expected is None:
        return
    search = Search(relaxed(p))
    if not search.units.members:
        return
    lattice = all_ideals(search.units, room(search.units, PLENTY))
    assert lattice is not None
    assert search.best_chain(lattice, 1000, PLENTY).value <= expected
    assert search.least_load() <= expected


def test_the_ideals_of_parallel_chains_multiply() -> None:
    nodes = [node(str(i), 5, transfer=1) for i in range(5)]
    units = whole(problem(nodes, [(0, 1), (2, 3), (3, 4)]))
    lattice = all_ideals(units, 100)
    assert lattice is not None
    assert len(lattice.sets) == 3 * 4


def test_too_many_ideals_are_given_up() -> None:
    units = whole(problem([node(str(i), 1) for i in range(12)], []))
    assert all_ideals(units, 4095) is None
    assert all_ideals(units, 4096) is not None


def test_a_small_budget_makes_few_ideals() -> None:
    units = whole(problem([node(str(i), 1) for i in range(12)], []))
    assert room(units, Budget(deterministic_seconds=0.001)) == 250
    assert room(units, PLENTY) == 1_000_000


def test_a_search_stopped_by_its_budget_claims_no_proof() -> None:
    search = Search(whole(chain([3, 4, 5])))
    found = search.best_chain(one_order(range(3), 1), 100, Budget(deterministic_seconds=0.0))
    assert not found.proven
    assert found.chain is None


def test_a_window_along_an_order_leaves_few_ideals() -> None:
    units = whole(problem([node(str(i), 1) for i in range(12)], []))
    order = deep_order(units, [i % 2 for i in range(12)])
    assert order[:6] == [0, 2, 4, 6, 8, 10]
    narrow = all_ideals(window(units, order, 1), 100)
    assert narrow is not None
    assert len(narrow.sets) == 12 + 1
    wider = all_ideals(window(units, order, 3), 100)
    assert wider is not None
    assert 12 + 1 < len(wider.sets) <= 12 * 2**2


@examples(12, 40)
@given(oracle.problems())
def test_what_is_done_beside_a_vast_proof_neither_breaks_a_rule_nor_claims_too_much(p: Problem) -> None:
    expected = oracle.best(p) if _feasible(p) else None
    if expected is None:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contiguous, "VAST", 0)
        result = solve(p, PLENTY)
    assert (result.value, result.bound) == (expected, expected)


def test_windows_find_what_orders_missed() -> None:
    p = problem([node(str(i), t, None) for i, t in enumerate([5, 5, 3, 3, 2])], [])
    incumbent = Incumbent[Solution](p.value, PLENTY)
    incumbent.offer(Solution((0, 0, 0, 0, 1)), "test")
    contiguous.Contiguous(p)._windows(whole(p), incumbent, PLENTY)
    assert (incumbent.value, incumbent.by) == (10, "windows")


def test_a_coarse_ladder_is_climbed_again_to_the_tick() -> None:
    p = chain([31, 27, 45, 13, 38, 22], transfer=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contiguous_ladder, "RESOLUTION", 8)
        coarse = contiguous_ladder.solve(unordered(p), 177, None, PLENTY)
        incumbent = Incumbent[Solution](p.value, PLENTY)
        contiguous.Contiguous(p).ladder(incumbent, PLENTY)
    assert coarse.done
    assert coarse.bound < oracle.best(p) == incumbent.value == incumbent.bound


def test_backward_groups_without_an_order_leave_the_bound_of_the_work() -> None:
    nodes = [node("f", 4, tie=0), node("b", 6, tie=0, backward=True), node("sum", 8, None, backward=True)]
    p = problem(nodes, [(0, 1), (1, 2)])
    incumbent = Incumbent[Solution](p.value, PLENTY)
    contiguous.Contiguous(p).orders(incumbent, PLENTY)
    assert incumbent.bound >= 9


def test_free_groups_go_where_there_is_memory_then_where_the_busiest_is_least_busy() -> None:
    nodes = [node("f", 9, None, size=4), node("g", 1, None, size=4)]
    nodes += [node(f"b{i}", t, None, size=s, backward=True) for i, (t, s) in enumerate([(5, 2), (3, 6), (2, 0)])]
    p = problem(nodes, [(0, 1)], memory=10)
    assert place_free(relaxed(p), [0, 1, -1, -1, -1]) == [0, 1, 1, 0, 1]


def test_a_weight_joins_the_operator_that_reads_it() -> None:
    nodes = [node("w", 0, 0, transfer=5), node("a", 3), node("b", 4)]
    assert whole(problem(nodes, [(0, 1), (1, 2)], cores=1)).members == ((0, 1), (2,))


def test_a_weight_joins_nobody_where_memory_binds() -> None:
    nodes = [node("w", 0, 0, size=3, transfer=5), node("a", 3, size=3)]
    assert len(whole(problem(nodes, [(0, 1)], memory=5)).members) == 2


def test_what_costs_nothing_rides_along() -> None:
    nodes = [node("a", 3), node("free", 0, 0), node("b", 4), node("c", 4)]
    p = problem(nodes, [(0, 1), (1, 2), (1, 3)])
    units = whole(p)
    assert units.riders == (((1,), (0,)),)
    assert (0, 2) in units.edges
    verify(p, units.solution([0, 0, 1], [0, 1]))


def test_graphs_with_too_many_ideals_are_solved_by_the_ladder() -> None:
    p = problem([node(f"n{i}", 1 + i % 3, 40, transfer=1) for i in range(26)], [])
    result = solve(p, Budget(deterministic_seconds=4.0))
    assert result.value == p.value(result.solution) if result.solution else False
    assert result.status is Outcome.OPTIMAL
    assert result.bound == 26  # 26 nodes of 51 ticks together on two devices


def test_an_infeasible_split_is_explained_by_its_numbers() -> None:
    nodes = [node(f"n{i}", 1, None, size=3) for i in range(3)]
    with pytest.raises(Infeasible) as error:
        solve(problem(nodes, [], memory=4), PLENTY)
    assert "9 bytes" in str(error.value)
    assert "hold 8" in str(error.value)
    assert "more devices" in str(error.value)


def test_the_same_budget_gives_the_same_split() -> None:
    p = problem([node(f"n{i}", 3 + i * 7 % 5, 40, transfer=i % 3) for i in range(14)], [(i, i + 3) for i in range(11)])
    first, second = solve(p, Budget(seed=3)), solve(p, Budget(seed=3))
    assert first == second


PUBLIC = Path(__file__).parents[3] / "shared/bench/dnn-partitioning/throughput-inputs"


@pytest.mark.slow
@pytest.mark.skipif(not PUBLIC.exists(), reason="the public graphs are not there")
def test_the_public_graphs_are_proven() -> None:
    from benchmarks.instances.dnn_partitioning import Instance

    for path in PUBLIC.glob("*/*.json"):
        result = solve(Instance(path).problem(contiguous=True), Budget(math.inf, workers=1))
        assert result.value is not None
        assert result.value <= result.bound * (1 + 1e-6)
