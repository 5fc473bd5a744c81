"""Refilling: pieces that change their bin and their form."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples

from mapper.solve.refilling import Ints, Problem, dealt, height, refilled


def start(problem: Problem, rows: list[list[int]]) -> Ints:
    counts = np.zeros((problem.bins, len(problem.family)), dtype=np.int64)
    counts[: len(rows)] = rows
    return counts


def of_families(problem: Problem, counts: Ints) -> list[int]:
    """How many pieces each family has."""
    totals = counts.sum(axis=0)
    return [
        sum(n for f, n in zip(problem.family, totals, strict=True) if f == k) for k in range(max(problem.family) + 1)
    ]


def test_a_piece_takes_the_form_that_loads_the_idle_resource() -> None:
    problem = Problem((0, 0), ((10, 0), (0, 10)), ((), ()), (), bins=2)
    found = refilled(problem, start(problem, [[4, 0]]))
    assert found is not None
    assert height(problem, found) == 10
    assert found.sum() == 4


def test_what_does_not_fit_takes_another_form() -> None:
    problem = Problem((0, 0), ((1, 0), (0, 3)), ((5,), (0,)), (9,), bins=2)
    found = refilled(problem, start(problem, [[3, 0], [1, 0]]))
    assert found is not None
    assert (found[:, 0] <= 1).all()


def test_nothing_is_found_where_no_form_fits() -> None:
    problem = Problem((0,), ((1,),), ((5,),), (4,), bins=2)
    assert refilled(problem, start(problem, [[1]])) is None


def test_a_chain_of_changes_passes_where_single_ones_do_not_help() -> None:
    # 6 | 4 4 on the first bin, 5 5 on the second one: 6 5 | 5 4 4 is no better, 6 4 | 5 5 4 neither; 13 is the least
    problem = Problem((0, 1, 2), ((6,), (4,), (5,)), ((), (), ()), (), bins=2)
    found = refilled(problem, start(problem, [[1, 2, 0], [0, 0, 2]]))
    assert found is not None
    assert height(problem, found) <= 14


def test_a_form_that_is_far_too_slow_is_not_taken() -> None:
    problem = Problem((0, 0), ((1,), (1000,)), ((), ()), (), bins=2)
    with np.errstate(over="raise", invalid="raise"):
        found = refilled(problem, start(problem, [[4, 0]]))
    assert found is not None
    assert found.tolist() == [[2, 0], [2, 0]]


def test_pieces_are_dealt_out_in_order() -> None:
    counts = np.array([[2, 0, 1], [0, 1, 0]])
    assert dealt((0, 0, 1), [0, 1, 0, 0], counts) == [(0, 0), (0, 2), (0, 0), (1, 1)]


@examples(20, 60)
@given(st.data())
def test_no_piece_is_lost_nothing_overflows_and_no_bin_gets_fuller_than_before(data: st.DataObject) -> None:
    families = data.draw(st.integers(1, 3))
    forms = [data.draw(st.integers(1, 3)) for _ in range(families)]
    family = tuple(f for f, n in enumerate(forms) for _ in range(n))
    number = st.integers(0, 9)
    loads = tuple((data.draw(number), data.draw(number)) for _ in family)
    sizes = tuple((data.draw(st.integers(0, 3)),) for _ in family)
    problem = Problem(family, loads, sizes, (data.draw(st.integers(2, 12)),), data.draw(st.integers(1, 3)))
    counts = start(problem, [[data.draw(st.integers(0, 2)) for _ in family] for _ in range(problem.bins)])
    found = refilled(problem, counts)
    room = np.array(problem.capacities)
    fitted = bool((counts @ np.array(sizes) <= room).all())
    if found is None:
        assert not fitted
        return
    assert (found >= 0).all()
    assert (found @ np.array(sizes) <= room).all()
    assert of_families(problem, found) == of_families(problem, counts)
    if fitted:
        assert height(problem, found) <= height(problem, counts)


def test_few_pieces_end_near_the_best_there_is() -> None:
    problem = Problem((0, 0, 1, 1), ((3, 0), (0, 4), (5, 1), (1, 6)), ((1,), (0,), (0,), (1,)), (2,), bins=2)
    pieces = [0, 0, 0, 1, 1]
    best = min(
        height(problem, counts)
        for choice in product(range(2), repeat=len(pieces))
        for bins in product(range(2), repeat=len(pieces))
        if ((counts := _counts(problem, pieces, choice, bins)) @ np.array(problem.sizes) <= 2).all()
    )
    found = refilled(problem, _counts(problem, pieces, (0,) * 5, (0,) * 5))
    assert found is not None
    assert height(problem, found) <= best * 1.15


def _counts(problem: Problem, pieces: list[int], choice: tuple[int, ...], bins: tuple[int, ...]) -> Ints:
    counts = np.zeros((problem.bins, len(problem.family)), dtype=np.int64)
    for piece, form, b in zip(pieces, choice, bins, strict=True):
        counts[b, 2 * piece + form] += 1
    return counts
