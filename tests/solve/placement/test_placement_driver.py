import threading
import time

import pytest
from placement_builders import tiny, transformer
from placement_oracle import best, best_latency_in_any_order
from sweeps import sweep

from mapper.errors import Infeasible
from mapper.solve.budget import Budget
from mapper.solve.placement.driver import solve
from mapper.solve.placement.problem import Item, Net, Option, Problem, Resident, objective, totals, verify

OBJECTIVES = ("throughput", "latency", "energy", "edp")


@pytest.mark.parametrize("seed", sweep(range(60), 5))
def test_small_problems_are_solved_to_the_optimum(seed: int) -> None:
    problem = tiny(seed)
    optimum = best(problem, OBJECTIVES)
    for name in OBJECTIVES:
        if optimum is None:
            with pytest.raises(Infeasible):
                solve(problem, name, Budget(1.0))
            continue
        result = solve(problem, name, Budget(1.0))
        verify(problem, result.solution)
        assert result.value == pytest.approx(optimum[name])
        assert result.bound <= result.value
        if name in ("throughput", "energy"):  # a latency is compared in one order, and bounded over all
            assert result.status == "optimal"


@pytest.mark.slow
@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_same_budget_and_seed_give_the_same_solution(name: str) -> None:
    problem = transformer(7, 7)
    budgets = [Budget(0.4, seed=3), Budget(0.4, seed=3)]
    first, second = (solve(problem, name, budget) for budget in budgets)
    assert budgets[0].work.by_solver == budgets[1].work.by_solver
    assert {"descent", "glop"} <= set(budgets[0].work.by_solver)
    assert first == second


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_result_is_feasible_and_never_worse_than_a_start(name: str) -> None:
    problem = transformer(2, 7, phases=2)
    start = solve(problem, name, Budget(0.02)).solution
    result = solve(problem, name, Budget(0.01), [start])
    verify(problem, result.solution)
    assert result.value <= objective(problem, totals(problem, start), name)
    assert result.bound <= result.value


def test_a_stop_event_gives_the_best_so_far() -> None:
    stop = threading.Event()
    stop.set()
    result = solve(transformer(7, 7), "throughput", Budget(stop=stop))
    verify(transformer(7, 7), result.solution)
    assert result.status == "interrupted"


def test_a_stop_event_ends_a_running_search_soon() -> None:
    stop = threading.Event()
    timer = threading.Timer(0.5, stop.set)
    timer.start()
    begin = time.monotonic()
    result = solve(transformer(12, 7, array_bytes=24_000_000), "energy", Budget(60.0, stop=stop))
    assert result.status == "interrupted"
    assert time.monotonic() - begin < 5


@pytest.mark.slow
def test_cp_sat_has_the_last_word_where_the_bound_is_far_off() -> None:
    """Three items of about equal length on every two machines: the relaxation cuts them, no placement can."""
    machines, ticks = tuple(f"m{k}" for k in range(28)), [1000 + 37 * k % 101 for k in range(42)]
    items = tuple(
        Item(f"i{i}", f"r{i}", 0, tuple(Option(name, 0, t, m, ((m, t),), 1) for m, name in enumerate(machines)))
        for i, t in enumerate(ticks)
    )
    result = solve(Problem(items, (), (), (), machines, (), (), ("p",), (1,)), "throughput", Budget(0.3))
    assert result.bound_name == "CP-SAT"
    assert result.value >= result.bound > 1.05 * sum(ticks) / len(machines)


def _one_item(needs: int, capacity: int, place: int = 0) -> Problem:
    option = Option("o", place, 1, 0, ((0, 1),), 1, (0,))
    item = Item("weights", "r", 0, (option,))
    return Problem((item,), (), (), (Resident("w", 0, needs),), ("unit",), ("array",), (capacity,), ("a", "b"), (1,))


def test_an_infeasible_problem_names_demand_and_capacity() -> None:
    with pytest.raises(Infeasible) as error:
        solve(_one_item(100, 60), "throughput", Budget(0.1))
    text = str(error.value)
    for part in ("100 bytes", "'array' holds 60 bytes", "item 'weights'", "40 bytes", "levers"):
        assert part in text


def test_the_bound_of_the_latency_allows_for_every_order_of_the_items() -> None:
    long, short, reader = (
        Item(name, name, 0, (Option("o", 0, ticks, machine, ((machine, ticks),), 1),))
        for name, ticks, machine in (("long", 10, 0), ("short", 1, 0), ("reader", 10, 1))
    )
    nets = (Net(1, (2,), 0, 0),)
    problem = Problem((long, short, reader), nets, ({},), (), ("a", "b"), (), (), ("here",), (1,))
    result = solve(problem, "latency", Budget(1.0))
    assert result.value == 21  # in their own order
    assert result.bound == 11  # the short one first


@pytest.mark.parametrize("seed", range(60))
def test_no_bound_of_the_latency_exceeds_that_of_the_best_order(seed: int) -> None:
    problem = tiny(seed, items=4, options=2)
    least = best_latency_in_any_order(problem)
    if least is not None:
        assert solve(problem, "latency", Budget(0.5)).bound <= least * (1 + 1e-9)
