"""Work: solvers charge what they spend, the same in every run, to the one counter that all parts of a budget share."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from mapper.solve import makespan, stages
from mapper.solve.budget import Budget
from mapper.solve.makespan import Activity, Resource
from mapper.solve.makespan.dispatch import dispatch
from mapper.solve.makespan.improve import improve
from mapper.solve.packing import Item
from mapper.solve.packing import Problem as Packing
from mapper.solve.packing.first_fit import first_fit
from mapper.solve.packing.reorder import reorder
from mapper.solve.packing.restarts import Restarts
from mapper.solve.placement.linear import Solver
from mapper.solve.placement.program import Program
from mapper.solve.placement.scip import solve_whole
from mapper.solve.work import Work

SMALL = 0.05


def test_parts_slices_and_replaced_budgets_charge_one_counter() -> None:
    whole = Budget()
    for one in (whole, whole.part(0.5), whole.slice(0.1), whole.stretch(0.0, 0.5), replace(whole, seed=4)):
        one.spend("descent", 0.5)
    assert whole.work.by_solver == {"descent": 2.5}
    assert Budget().work.seconds == 0.0


def test_the_order_in_which_threads_charge_does_not_matter() -> None:
    seconds = [random.Random(k).random() / 7 for k in range(200)]
    found = []
    for order in (seconds, seconds[::-1]):
        work = Work()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda s, work=work: work.spend("tree search", s), order))
        found.append(work.by_solver)
    assert found[0] == found[1] == {"tree search": pytest.approx(sum(seconds), abs=1e-6)}


def test_solvers_are_told_by_name_and_add_up() -> None:
    work = Work()
    for solver, seconds in (("glop", 0.25), ("cp-sat", 1.5), ("glop", 0.25), ("scip", 0.0)):
        work.spend(solver, seconds)
    assert list(work.by_solver.items()) == [("cp-sat", 1.5), ("glop", 0.5)]
    assert work.seconds == 2.0


def knapsack() -> Program:
    """The least cost of a cover with whole columns, of which the relaxation is a part."""
    source, program = random.Random(1), Program()
    columns = [program.column(3.0, source.uniform(1.0, 2.0)) for _ in range(30)]
    for _ in range(10):
        program.row([(x, source.uniform(0.1, 1.0)) for x in source.sample(columns, 8)], low=2.3)
    return program


def schedule(budget: Budget) -> None:
    source = random.Random(2)
    machines = (Resource("a", 1), Resource("b", 1))
    some = tuple(Activity(f"t{k}", t := source.randint(1, 9), t, ((k % 2, 1),)) for k in range(30))
    after = tuple(tuple(source.sample(range(k), 1)) if k else () for k in range(30))
    problem = makespan.Problem(some, machines, after)
    improve(problem, dispatch(problem), 0, budget)


def split(budget: Budget) -> None:
    source = random.Random(3)
    nodes = tuple(stages.Node(f"n{k}", (source.randint(3, 9),), size=1) for k in range(9))
    edges = tuple((k, k + 1) for k in range(8))
    stages.solve(stages.Problem(nodes, edges, (stages.DeviceClass("a", 3, 9),), contiguous=True), budget)


def packing() -> Packing:
    source = random.Random(4)
    rows = [(source.randint(1, 9), start := source.randint(0, 20), start + source.randint(3, 9)) for _ in range(30)]
    return Packing(tuple(Item(f"b{k}", *row) for k, row in enumerate(rows)), None)


def reordered(budget: Budget) -> None:
    problem, order = packing(), np.arange(30)
    reorder(problem, order, first_fit(problem, order), 0, budget)


def dug(budget: Budget) -> None:
    problem = packing()
    Restarts(problem, sum(item.size for item in problem.items) // 4, 0).search(budget)


@pytest.mark.parametrize(
    ("search", "solvers"),
    [
        (lambda budget: Solver(knapsack()).solve(budget), {"glop"}),
        pytest.param(lambda budget: solve_whole(knapsack(), range(30), 5, budget), {"scip"}, marks=pytest.mark.slow),
        (schedule, {"genetic search"}),
        pytest.param(split, {"ideals"}, marks=pytest.mark.slow),
        (reordered, {"first fit"}),
        (dug, {"depth first"}),
    ],
)
def test_a_solver_charges_the_same_whenever_the_same_is_asked(search, solvers: set[str]) -> None:
    spent = []
    for _ in range(2):
        budget = Budget(SMALL)
        search(budget)
        spent.append(budget.work.by_solver)
    assert spent[0] == spent[1]
    assert set(spent[0]) == solvers
    assert 0 < sum(spent[0].values()) < 4 * SMALL
