"""Cycles of products on systolic arrays, against an array that is stepped cycle by cycle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from targets.models.dataflow import Dataflow, product_cycles

Matrix = NDArray[np.int64]
DATAFLOWS: tuple[Dataflow, ...] = ("weight", "weight-buffered", "input", "output")
SIZES = st.integers(1, 40)


def skewed(matrix: Matrix, t: int) -> Matrix:
    """Row i of the matrix at step t - i, as operands enter an edge one cycle later for each row; 0 outside."""
    rows, steps = matrix.shape
    found = np.zeros(rows, dtype=np.int64)
    for i in range(rows):
        if 0 <= t - i < steps:
            found[i] = matrix[i, t - i]
    return found


def output_stationary(a: Matrix, b: Matrix) -> tuple[Matrix, int]:
    """a (rows x k) from the left and b (k x columns) from the top; each cell keeps a sum: product, cycles."""
    rows, steps, columns = *a.shape, b.shape[1]
    sums, right, down = (np.zeros((rows, columns), dtype=np.int64) for _ in range(3))
    done = np.zeros((rows, columns), dtype=np.int64)
    cycle = 0
    while (done < steps).any():
        right = np.column_stack([skewed(a, cycle), right[:, :-1]])
        down = np.vstack([skewed(b.T, cycle), down[:-1]])
        sums += right * down
        begun = np.add.outer(np.arange(rows), np.arange(columns)) <= cycle
        done += begun & (done < steps)
        cycle += 1
    return sums, cycle


def weight_stationary(a: Matrix, w: Matrix) -> tuple[Matrix, int]:
    """w (rows x columns) is shifted in from the top, then a (m x rows) comes from the left; sums leave below."""
    rows, columns = w.shape
    held = np.zeros_like(w)
    for cycle in range(rows):
        held = np.vstack([w[rows - 1 - cycle], held[:-1]])
    assert (held == w).all()
    found: list[list[int]] = [[] for _ in range(columns)]
    right, down = np.zeros_like(w), np.zeros_like(w)
    cycle = rows
    while any(len(column) < len(a) for column in found):
        t = cycle - rows
        right = np.column_stack([skewed(a.T, t), right[:, :-1]])
        down = right * held + np.vstack([np.zeros(columns, dtype=np.int64), down[:-1]])
        for j in range(columns):
            if 0 <= t - (rows - 1) - j < len(a):
                found[j].append(int(down[-1, j]))
        cycle += 1
    return np.array(found).T, cycle


@pytest.mark.parametrize(("rows", "columns", "steady"), [(1, 1, 1), (4, 4, 4), (3, 5, 9), (8, 2, 1), (2, 7, 20)])
def test_one_fold_takes_as_long_as_the_array_stepped_by_hand(rows: int, columns: int, steady: int) -> None:
    rng = np.random.default_rng(rows * columns)
    a, b = rng.integers(-9, 9, (rows, steady)), rng.integers(-9, 9, (steady, columns))
    sums, cycles = output_stationary(a, b)
    assert (sums == a @ b).all()
    assert cycles == product_cycles("output", rows, columns, steady, rows, columns)
    moving, held = rng.integers(-9, 9, (steady, rows)), rng.integers(-9, 9, (rows, columns))
    sums, cycles = weight_stationary(moving, held)
    assert (sums == moving @ held).all()
    assert cycles == product_cycles("weight", steady, columns, rows, rows, columns)
    assert cycles == product_cycles("input", columns, steady, rows, rows, columns)


@pytest.mark.parametrize(
    ("dataflow", "m", "n", "k", "arrays", "cycles"),
    [  # on 128 x 128: folds of 2 * 128 + 128 + steady - 2, and of 128 + 128 + steady - 2 where sums stay
        ("weight", 512, 128, 128, 1, 894),
        ("weight", 512, 256, 256, 1, 4 * 894),
        ("weight", 512, 256, 256, 4, 894),
        ("input", 128, 512, 128, 1, 894),
        ("input", 256, 512, 128, 1, 2 * 894),
        ("output", 128, 128, 512, 1, 766),
        ("output", 129, 128, 512, 1, 2 * 766),
        ("weight-buffered", 512, 256, 256, 1, 382 + 4 * 512),
        ("weight-buffered", 1, 256, 256, 1, 382 + 3 * 128 + 1),
    ],
)
def test_cycles_of_folds(dataflow: Dataflow, m: int, n: int, k: int, arrays: int, cycles: int) -> None:
    assert product_cycles(dataflow, m, n, k, 128, 128, arrays) == cycles


@given(st.sampled_from(DATAFLOWS), SIZES, SIZES, SIZES, st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
def test_no_array_does_more_than_a_product_a_cell_and_cycle(
    dataflow: Dataflow, m: int, n: int, k: int, rows: int, columns: int, arrays: int
) -> None:
    assert product_cycles(dataflow, m, n, k, rows, columns, arrays) * rows * columns * arrays >= m * n * k


@given(st.sampled_from(DATAFLOWS), SIZES, SIZES, SIZES, st.integers(1, 9), st.integers(1, 9))
def test_larger_products_take_no_fewer_cycles(
    dataflow: Dataflow, m: int, n: int, k: int, rows: int, columns: int
) -> None:
    cycles = product_cycles(dataflow, m, n, k, rows, columns)
    for larger in ((m + 1, n, k), (m, n + 1, k), (m, n, k + 1)):
        assert product_cycles(dataflow, *larger, rows, columns) >= cycles


@given(st.sampled_from(DATAFLOWS), SIZES, SIZES, SIZES, st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
def test_another_array_never_slows_a_product(
    dataflow: Dataflow, m: int, n: int, k: int, rows: int, columns: int, arrays: int
) -> None:
    fewer, more = (product_cycles(dataflow, m, n, k, rows, columns, number) for number in (arrays, arrays + 1))
    assert more <= fewer


def test_weights_loaded_behind_the_arithmetic_save_all_loads_but_the_first() -> None:
    plain, buffered = (product_cycles(d, 512, 1024, 1024, 128, 128) for d in ("weight", "weight-buffered"))
    assert buffered < plain
    assert buffered == 2 * 128 + 128 - 2 + 63 * 512 + 512
