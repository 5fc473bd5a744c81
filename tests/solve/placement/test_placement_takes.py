"""Options that read their operands in one place and leave their result in another."""

import itertools
from dataclasses import replace

import pytest
from placement_builders import tiny

from mapper.errors import MapperError
from mapper.solve import cpsat
from mapper.solve.budget import Budget
from mapper.solve.placement.cpsat_model import model_of
from mapper.solve.placement.driver import solve
from mapper.solve.placement.heft import heft
from mapper.solve.placement.problem import Item, Net, Option, Problem, Solution, Transfer, objective, totals, verify
from mapper.solve.placement.tables import build

COPY, PARTS, SUMMANDS = range(3)


def two_products(gather: int = 20, reduce: int = 8) -> Problem:
    """Two products in a row on a team of two: whole on both ranks (10 ticks), or divided (5 ticks) by columns, which
    leaves parts, or by rows, which takes parts and leaves summands; slices of a copy are free. All starts and ends as a
    copy."""
    unit = ((0, 10),)
    half = ((0, 5),)
    options = (
        Option("copy", COPY, 10, 0, unit, 0),
        Option("column", PARTS, 5, 0, half, 0, (), COPY),
        Option("row", SUMMANDS, 5, 0, half, 0, (), PARTS),
    )
    moves = {
        (COPY, PARTS): Transfer(0, (), 0),
        (PARTS, COPY): Transfer(gather, ((1, gather),), 0),
        (SUMMANDS, COPY): Transfer(reduce, ((1, reduce),), 0),
        (SUMMANDS, PARTS): Transfer(reduce, ((1, reduce),), 0),
    }
    return Problem(
        items=(Item("first", "a", 0, options), Item("second", "b", 0, options)),
        nets=(Net(-1, (0,), 0, 0, COPY), Net(0, (1,), 0, 0), Net(1, (), 0, 0, -1, (COPY,))),
        transfers=(moves,),
        residents=(),
        resources=("team", "exchange"),
        memories=(),
        capacities=(),
        places=("copy", "parts", "summands"),
        calls=(1,),
    )


@pytest.mark.parametrize("name", ["throughput", "latency", "energy", "edp"])
def test_columns_then_rows_need_one_reduction_only(name: str) -> None:
    problem = two_products()
    found = solve(problem, name, Budget(0.2))
    if name in ("throughput", "latency"):
        assert found.solution == Solution((1, 2))
    assert found.status == "optimal"
    assert totals(problem, Solution((1, 2))).loads == (10, 8)
    assert totals(problem, Solution((1, 2))).latency == 18


def test_a_result_that_lies_where_its_reader_reads_is_not_sent() -> None:
    problem = two_products()
    problem = replace(problem, nets=problem.nets[1:2])
    assert totals(problem, Solution((1, 2))).loads == (10, 0)
    assert totals(problem, Solution((2, 2))).loads == (10, 8)


def test_heft_counts_what_lies_elsewhere_than_it_is_read() -> None:
    assert heft(build(two_products())) == Solution((1, 2))
    assert heft(build(two_products(gather=0, reduce=100))) == Solution((1, 1))


@pytest.mark.parametrize("seed", range(40))
def test_items_freed_by_cp_sat_are_placed_as_well_as_by_trying_all(seed: int) -> None:
    problem = tiny(seed, items=4, options=3)
    ranges = [range(len(item.options)) for item in problem.items]
    fixed = next((c for c in itertools.product(*ranges) if _value(problem, c) is not None), None)
    if fixed is None:
        return
    free = {i for i in range(len(problem.items)) if (seed + i) % 2}
    tried = itertools.product(*(r if i in free else (fixed[i],) for i, r in enumerate(ranges)))
    best = min(v for c in tried if (v := _value(problem, c)) is not None)
    model = model_of(build(problem), "throughput", fixed, free, hint=False)
    answer = cpsat.solve(model.model, Budget(1.0))
    assert _value(problem, tuple(model.read(answer.solver, fixed))) == best


def _value(problem: Problem, choice: tuple[int, ...]) -> float | None:
    try:
        verify(problem, Solution(choice))
    except MapperError:
        return None
    return objective(problem, totals(problem, Solution(choice)), "throughput")
