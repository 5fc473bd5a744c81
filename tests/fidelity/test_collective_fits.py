"""The fit of measured collectives, on times of which the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.fit_collectives import Line, block, fit
from benchmarks.rooflines import Array

SIZES = 2.0 ** np.arange(8, 30)


def line(times: Array, kind: str = "all_reduce", held_out: Array | None = None) -> Line:
    return Line(kind, 2, SIZES, times, SIZES == 2.0**10 if held_out is None else held_out)


def protocols(size: Array) -> Array:
    """A low-latency protocol up to 1 MB, then one that starts slower and moves more at once."""
    return np.where(size <= 2**20, 1e-5 + 2e-11 * size, 4e-5 + 5e-12 * size)


def test_two_protocols_need_few_sizes() -> None:
    curve = fit(line(protocols(SIZES)))
    found = np.array([curve.seconds(s) for s in SIZES])
    assert np.abs(found / protocols(SIZES) - 1).max() < 0.05
    assert len(curve.sizes) <= 8


def test_sizes_that_were_left_out_follow_from_their_neighbours() -> None:
    held_out = np.arange(len(SIZES)) % 2 == 1
    curve = fit(line(1e-5 + 5e-12 * SIZES, held_out=held_out))
    found = np.array([curve.seconds(s) for s in SIZES])
    assert found == pytest.approx(1e-5 + 5e-12 * SIZES, rel=0.01)


def test_a_curve_never_falls_where_its_points_scatter() -> None:
    rng = np.random.default_rng(0)
    curve = fit(line(protocols(SIZES) * np.exp(rng.normal(0, 0.2, len(SIZES)))))
    assert all(np.diff(curve.times) >= 0)


def test_a_point_far_off_moves_the_curve_little() -> None:
    sizes = np.linspace(1e6, 2e6, 101)
    times = 1e-5 + 1e-11 * sizes
    times[50] *= 10
    curve = fit(Line("all_reduce", 2, sizes, times, np.zeros(101, dtype=bool)))
    assert curve.seconds(1.6e6) == pytest.approx(2.6e-5, rel=0.05)


def test_a_custom_kernel_ends_where_its_times_are_those_of_the_library() -> None:
    library = protocols(SIZES)
    own = np.where(SIZES <= 2**19, 3e-6 + 1e-11 * SIZES, library)
    text = list(block([line(library), line(own, "custom_all_reduce")]))
    (until,) = [row for row in text if "until_bytes" in row]
    assert 2**19 <= float(until.split()[-1]) < 2**20


def test_a_custom_kernel_that_is_the_library_has_no_end() -> None:
    text = block([line(protocols(SIZES)), line(1.05 * protocols(SIZES), "custom_all_reduce")])
    assert not [row for row in text if "until_bytes" in row]
