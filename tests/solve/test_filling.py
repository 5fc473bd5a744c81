"""Filling: pieces of a chain over alike bins."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples

from mapper.solve.budget import Budget
from mapper.solve.filling import Problem, bound, fill, height

BUDGET = Budget(0.1)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Up to seven pieces of three classes, over up to three bins, with two resources and one memory."""
    classes = draw(st.integers(1, 3))
    number = st.integers(0, 9)
    loads = tuple((draw(number), draw(number)) for _ in range(classes))
    sizes = tuple((draw(number),) for _ in range(classes))
    pieces = tuple(draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=7)))
    return Problem(pieces, loads, sizes, (draw(st.integers(5, 30)),), draw(st.integers(1, 3)))


def low(problem: Problem, bins: tuple[int, ...]) -> int | None:
    """The load of the fullest bin; None where a memory is too small."""
    load, size = np.zeros((problem.bins, 2), int), np.zeros((problem.bins, 1), int)
    for c, b in zip(problem.pieces, bins, strict=True):
        load[b] += problem.loads[c]
        size[b] += problem.sizes[c]
    return int(load.max()) if (size <= problem.capacities).all() else None


def best(problem: Problem) -> int | None:
    """The least height of all fillings."""
    found = (low(problem, bins) for bins in product(range(problem.bins), repeat=len(problem.pieces)))
    return min((h for h in found if h is not None), default=None)


@examples(20, 60)
@given(problems())
def test_a_filling_is_as_low_as_the_best_of_all(problem: Problem) -> None:
    found, least = fill(problem, BUDGET), best(problem)
    if found is None:
        assert least is None
        return
    assert low(problem, found) == least == height(problem, found)


@examples(20, 60)
@given(problems())
def test_no_filling_is_below_the_bound(problem: Problem) -> None:
    least = best(problem)
    assert least is None or bound(problem) <= least


def test_a_chain_of_equal_pieces_is_cut_into_stretches() -> None:
    problem = Problem((0,) * 12, ((5, 1),), ((3,),), (100,), 4)
    assert fill(problem, BUDGET) == (0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3)


def test_stretches_that_leave_a_gap_exchange_pieces() -> None:
    # twenty layers of 40 + 10 + 30 over eight bins: the mean is 200, and stretches reach no better than 210
    problem = Problem((0, 1, 2) * 20, ((40,), (10,), (30,)), ((1,), (1,), (1,)), (50,), 8)
    found = fill(problem, BUDGET)
    assert found is not None
    loads = np.bincount(found, [problem.loads[c][0] for c in problem.pieces])
    assert loads.max() == 200
    steps = sum(a != b for a, b in pairwise(found))
    assert steps <= 2 * problem.bins  # still nearly a pipeline


def test_nothing_fills_nothing() -> None:
    nothing = Problem((), (), (), (7,), 2)
    assert fill(nothing, BUDGET) == ()
    assert height(nothing, ()) == 0


def test_what_fits_no_bin_is_found_out() -> None:
    assert fill(Problem((0, 0), ((1,),), ((8,),), (7,), 2), BUDGET) is None


def test_a_hundred_bins_with_one_odd_piece_end_near_the_bound() -> None:
    # 96 layers of four pieces over 24 bins and a head a third as heavy as a layer
    loads = ((250,), (83,), (333,), (334,), (335,))
    problem = Problem((*(0, 1, 2, 3) * 96, 4), loads, ((1,),) * 5, (100,), 24)
    found = fill(problem, BUDGET)
    assert found is not None
    top = np.bincount(found, [problem.loads[c][0] for c in problem.pieces]).max()
    assert top <= bound(problem) * 1.02
