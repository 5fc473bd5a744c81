from __future__ import annotations

from math import inf, nan
from pathlib import Path

import numpy as np
import pytest
from folders import tensor, two_units
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples

from mapper.emit.manifest import Part
from mapper.runtime.compare import (
    Comparison,
    Error,
    Kept,
    all_passed,
    compared_requests,
    difference,
)
from mapper.runtime.program import Part as Phase
from mapper.runtime.run import opened


def array(*numbers: float, dtype: str = "float32") -> np.ndarray:  # type: ignore[type-arg]
    return np.array(numbers, dtype)


@pytest.mark.parametrize("numbers", [(1.0, 2.0), (nan, 1.0), (inf, -inf), ()])
def test_equal_results_are_exact(numbers: tuple[float, ...]) -> None:
    assert difference(array(*numbers), array(*numbers)) == (True, 0.0, 0.0)


def test_the_relative_error_is_that_of_the_largest_number() -> None:
    assert difference(array(4.0, 1.5), array(4.0, 1.0)) == (False, 0.5, 0.125)


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (array(nan), array(1.0)),
        (array(inf), array(1.0)),
        (array(inf), array(-inf)),
        (array(1.0, 2.0), array(1.0)),
        (array(1.0), array(1.0, dtype="float64")),
        (array(1.0), array(0.0)),
    ],
)
def test_what_cannot_be_compared_differs_without_bound(got: np.ndarray, want: np.ndarray) -> None:  # type: ignore[type-arg]
    exact, _, relative = difference(got, want)
    assert not exact
    assert relative == inf


@examples(30, 100)
@given(st.lists(st.floats(width=32), min_size=1, max_size=5), st.lists(st.floats(width=32), min_size=1, max_size=5))
def test_only_equal_results_are_exact(got: list[float], want: list[float]) -> None:
    a, b = array(*got), array(*want)
    exact, largest, relative = difference(a, b)
    signs = a.shape == b.shape and np.array_equal(np.signbit(a[~np.isnan(a)]), np.signbit(b[~np.isnan(b)]))
    assert exact == (signs and np.array_equal(a, b, equal_nan=True))
    assert not (exact and (largest or relative))
    assert largest >= 0
    assert not np.isnan(relative)


def test_the_worst_call_counts_and_the_bound_decides(tmp_path: Path) -> None:
    part = opened(two_units(tmp_path)).program.parts[0]
    found = Comparison(0.1)
    for got in (1.0, 1.05, 1.0):
        found.add(part, {"y": array(got)}, {"y": array(1.0)})
    assert all_passed(found.errors)
    assert (found.errors[0].values, found.errors[0].exact) == (3, False)
    assert found.errors[0].relative == pytest.approx(0.05, rel=1e-5)
    found.add(part, {"y": array(1.2)}, {"y": array(1.0)})
    assert not all_passed(found.errors)


def test_nothing_compared_is_no_success() -> None:
    assert not all_passed(Comparison(0.1).errors)


@pytest.mark.parametrize("bound", [0.0, 0.1, inf])
def test_a_result_that_is_missing_or_no_number_never_passes(bound: float, tmp_path: Path) -> None:
    part = opened(two_units(tmp_path)).program.parts[0]
    for got in ({}, {"y": array(nan)}):
        found = Comparison(bound)
        found.add(part, got, {"y": array(1.0)})
        assert [e.name for e in found.errors] == ["y"]
        assert not all_passed(found.errors)


def test_whole_numbers_have_to_be_the_same_whatever_reordered_sums_may_change(tmp_path: Path) -> None:
    line = opened(two_units(tmp_path)).program.parts[0].line
    part = Phase(line.model_copy(update={"values": (tensor("y", 2, dtype="int64"),)}))
    for got, tolerance, passed in ((100, 0.0, True), (101, 0.0, False), (101, 0.05, True)):
        found = Comparison(0.05, tolerance)
        found.add(part, {"y": np.array([got, 100])}, {"y": np.array([100, 100])})
        assert all_passed(found.errors) is passed


def test_numbers_that_a_float_cannot_tell_apart_differ() -> None:
    assert difference(np.array([2**53]), np.array([2**53 + 1]))[:2] == (False, 1.0)
    assert difference(array(0.0, 1.0), array(-0.0, 1.0)) == (False, 0.0, 0.0)
    assert not Error("y", 1, False, 0.0, 0.0, 0.0).passed


def test_parts_of_ranks_are_held_to_their_stretch(tmp_path: Path) -> None:
    line = opened(two_units(tmp_path)).program.parts[0].line
    cut = Part(rank=1, ranks=2, layout="features", axis=0, start=2, stop=4)
    half = tensor("y [1/2]", 2).model_copy(update={"of": "y", "part": cut})
    other = half.model_copy(update={"name": "y [0/2]", "part": cut.model_copy(update={"start": 0, "stop": 2})})
    part = Phase(line.model_copy(update={"values": (half, other)}))
    got, want = {"y [1/2]": array(3, 4), "y [0/2]": array(1, 2)}, {"y": array(1, 2, 3, 4)}
    found, gap = Comparison(0.0), Comparison(0.1)
    found.add(part, got, want)
    gap.add(part, {"y [1/2]": array(3, 4)}, want)
    assert all_passed(found.errors)
    assert [e.name for e in found.errors] == ["y"]
    assert not all_passed(gap.errors)


def test_the_first_requests_and_the_last_are_compared() -> None:
    assert [sorted(compared_requests(n)) for n in (1, 3, 9)] == [[0], [0, 1, 2], [0, 1, 2, 8]]


def test_results_are_copied_when_they_are_kept_and_only_of_requests_wanted() -> None:
    kept, here = Kept(frozenset([0])), array(1.0)
    for request in (0, 1):
        kept(request, 0, {"y": here})
    here[0] = 2.0
    assert {key: found["y"].tolist() for key, found in kept.results.items()} == {(0, 0): [1.0]}
