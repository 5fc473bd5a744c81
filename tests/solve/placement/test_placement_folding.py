"""Folding a linear program along what no coefficient tells apart keeps its optimum."""

import pytest
from ortools.linear_solver import pywraplp
from placement_builders import tiny

from mapper.solve.budget import Budget
from mapper.solve.placement.classes import classify
from mapper.solve.placement.folding import folded
from mapper.solve.placement.linear import Solver
from mapper.solve.placement.problem import Item, Net, Option, Problem, Transfer
from mapper.solve.placement.program import Program
from mapper.solve.placement.relaxation import longest_interval, price_of_leaving_out, relax
from mapper.solve.placement.tables import build


def relaxed(problem: Problem) -> Program:
    longest = longest_interval(problem) + 1.0
    tables = build(problem)
    r = relax(tables, classify(tables), longest, longest)
    price_of_leaving_out(r, 4.0)
    r.program.cost[r.interval] = 1.0
    return r.program


def two_alike() -> Program:
    """Two columns that share a demand of 3, each alone in a row that a third column, the price, must cover."""
    p = Program()
    first, second, price = p.column(5.0), p.column(5.0), p.column(10.0, 1.0)
    p.row([(first, 1.0), (second, 1.0)], 3.0, 3.0)
    p.row([(first, 2.0), (price, -1.0)], high=0.0)
    p.row([(second, 2.0), (price, -1.0)], high=0.0)
    return p


def test_alike_columns_and_rows_become_one() -> None:
    small = folded(two_alike()).program
    assert (len(small.cost), len(small.row_low)) == (2, 2)


def test_columns_of_different_marks_stay_apart() -> None:
    assert len(folded(two_alike(), {0: 1, 1: 2}).program.cost) == 3


def test_a_folded_point_is_spread_evenly() -> None:
    found = Solver(two_alike()).solve(Budget())
    assert found is not None
    assert found.columns.tolist() == pytest.approx([1.5, 1.5, 3.0])
    assert found.bound == pytest.approx(3.0)


@pytest.mark.parametrize("seed", range(40))
def test_folding_does_not_change_the_optimum(seed: int) -> None:
    program = relaxed(tiny(seed))
    apart = {x: x for x in range(len(program.cost))}
    small, whole = Solver(program).solve(Budget()), Solver(program, apart).solve(Budget())
    assert small is not None
    assert whole is not None
    assert small.bound == pytest.approx(whole.bound, rel=1e-6, abs=1e-9)


def chain_on(units: int) -> Problem:
    """Three items in a row on equal units, any two of which are joined by a link of their own."""
    pairs = [(a, b) for a in range(units) for b in range(units) if a != b]
    options = tuple(Option(f"unit{u}", u, 10, u, ((u, 10),), 5) for u in range(units))
    return Problem(
        items=tuple(Item(f"item{i}", f"item{i}", 0, options) for i in range(3)),
        nets=(Net(0, (1,), 0, 0), Net(1, (2,), 0, 0)),
        transfers=({(a, b): Transfer(3, ((units + k, 3),), 1) for k, (a, b) in enumerate(pairs)},),
        residents=(),
        resources=(*(f"unit{u}" for u in range(units)), *(f"link{a}{b}" for a, b in pairs)),
        memories=(),
        capacities=(),
        places=tuple(f"die{u}" for u in range(units)),
        calls=(1,),
    )


def test_the_folded_program_does_not_grow_with_the_number_of_equal_units() -> None:
    few, many = relaxed(chain_on(3)), relaxed(chain_on(8))
    assert len(many.cost) > 4 * len(few.cost)
    assert len(folded(many).program.cost) == len(folded(few).program.cost)


def test_a_limit_on_one_of_a_class_is_felt_by_all() -> None:
    solver = Solver(two_alike())
    for column in (0, 1):
        solver.limit(column, 1.0)
    assert solver.solve(Budget()) is None  # 3 cannot be had of two columns that reach 1


def test_a_program_that_glop_gives_up_is_solved_in_its_own_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    solver = Solver(two_alike())
    solve, statuses = solver._glop.Solve, iter([pywraplp.Solver.ABNORMAL])
    monkeypatch.setattr(solver._glop, "Solve", lambda: next(statuses, None) or solve())
    found = solver.solve(Budget())
    assert found is not None
    assert found.bound == pytest.approx(3.0)
