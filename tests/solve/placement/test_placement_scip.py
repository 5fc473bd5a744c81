"""Programs with whole columns: true bounds, the same point each time, and an early end."""

import itertools
import threading
import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mapper.solve.budget import Budget
from mapper.solve.placement.program import Program
from mapper.solve.placement.scip import solve_whole

NODES = 100


def jobs_on_units(ticks: list[int], units: int) -> Program:
    """Each job on one of some equal units; column 0 is the ticks of the busiest."""
    p = Program()
    longest = p.column(float(sum(ticks)), 1.0)
    on = [[p.column(1.0) for _ in range(units)] for _ in ticks]
    for row in on:
        p.row([(x, 1.0) for x in row], 1.0, 1.0)
    for u in range(units):
        p.row([(row[u], float(t)) for row, t in zip(on, ticks, strict=True)] + [(longest, -1.0)], high=0.0)
    return p


def market_split(rows: int, columns: int) -> Program:
    """Rows that split sums of random weights into halves: hard to find any point of (Cornuejols and Dawande 1998)."""
    p, rng = Program(), np.random.default_rng(1)
    xs = [p.column(1.0, float(cost)) for cost in rng.integers(1, 9, columns)]
    for _ in range(rows):
        weights = rng.integers(0, 100, columns)
        half = float(weights.sum() // 2)
        p.row([(x, float(w)) for x, w in zip(xs, weights, strict=True)], half, half)
    return p


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 3))
def test_the_bound_is_that_of_the_best_of_all_points(ticks: list[int], units: int) -> None:
    program = jobs_on_units(ticks, units)
    found = solve_whole(program, range(1, len(program.cost)), NODES, Budget())
    best = min(
        max(sum(t for t, u in zip(ticks, at, strict=True) if u == unit) for unit in range(units))
        for at in itertools.product(range(units), repeat=len(ticks))
    )
    assert found is not None
    assert found.columns is not None
    assert found.bound <= best * (1 + 1e-6)
    assert found.bound >= best * (1 - 1e-6)


def test_of_many_best_points_the_same_is_found_each_time() -> None:
    program = jobs_on_units([7, 7, 5, 5, 3, 3, 2, 2, 11, 13, 4, 4], 5)
    whole = range(1, len(program.cost))
    points = set()
    for _ in range(4):
        found = solve_whole(program, whole, NODES, Budget())
        assert found is not None
        assert found.columns is not None
        points.add(found.columns.tobytes())
    assert len(points) == 1


def test_whole_columns_are_whole_numbers_to_the_last_bit() -> None:
    program = jobs_on_units([7, 5, 3, 2, 11], 2)
    found = solve_whole(program, range(1, len(program.cost)), NODES, Budget())
    assert found is not None
    assert found.columns is not None
    assert (found.columns[1:] == np.round(found.columns[1:])).all()


def test_a_bound_is_told_where_no_point_is_found() -> None:
    program = market_split(4, 30)
    found = solve_whole(program, range(30), 1, Budget())
    assert found is not None
    assert found.columns is None
    assert 0 < found.bound < sum(program.cost)


def test_what_no_point_can_keep_has_no_bound() -> None:
    program = Program()
    x = program.column(1.0, 1.0)
    program.row([(x, 2.0)], 1.0, 1.0)
    assert solve_whole(program, [x], NODES, Budget()) is None


def test_a_stop_event_is_heard_while_scip_goes_on() -> None:
    stop, begin = threading.Event(), time.monotonic()
    threading.Timer(0.3, stop.set).start()
    budget = Budget(stop=stop, deadline=begin + 2.0)
    assert solve_whole(market_split(5, 40), range(40), 100_000, budget) is None
    assert time.monotonic() - begin < 1.5
