"""Collectives of which two times are known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from target_builders import Load

from mapper.errors import TargetError
from mapper.hw.collective import collective
from mapper.hw.probed import probed_curve, probed_times

SIZES, TIMES = (1024.0, 2.0**25), (12e-6, 280e-6)


@pytest.mark.parametrize("kind", ["all_reduce", "all_gather", "send_recv", "custom_all_reduce"])
@pytest.mark.parametrize("times", [TIMES, (60e-6, 280e-6), (5e-6, 30e-3)])
def test_a_curve_goes_through_its_probes(kind: str, times: tuple[float, float]) -> None:
    curve = probed_curve(kind, 4, SIZES, times)
    assert [curve.seconds(s) for s in SIZES] == pytest.approx(times, rel=0.01)


@pytest.mark.parametrize("kind", ["all_reduce", "all_gather", "send_recv"])
def test_a_curve_never_falls_and_ends_at_a_rate(kind: str) -> None:
    curve = probed_curve(kind, 8, SIZES, TIMES)
    times = [curve.seconds(2.0**n) for n in range(45)]
    assert all(b >= a for a, b in pairwise(times))
    assert times[44] == pytest.approx(2 * times[43], rel=0.02)


def test_a_collective_bends_and_a_transfer_does_not() -> None:
    middle = np.array([2.0**20])
    straight = TIMES[0] + (TIMES[1] - TIMES[0]) * (middle - SIZES[0]) / (SIZES[1] - SIZES[0])
    assert probed_times("send_recv", 2, SIZES, TIMES, middle) == pytest.approx(straight)
    assert probed_times("all_gather", 2, SIZES, TIMES, middle) > 1.2 * straight
    assert probed_times("all_reduce", 2, SIZES, TIMES, middle) > probed_times("all_gather", 2, SIZES, TIMES, middle)


def test_the_time_of_a_host_hides_what_a_kernel_takes() -> None:
    slow = probed_times("all_reduce", 2, SIZES, (60e-6, 280e-6), np.array([2.0**12, 2.0**16]))
    assert slow == pytest.approx([60e-6, 60e-6])


def test_a_target_may_hold_probes(load: Load) -> None:
    units = "units: {a: {use: units/lanes, count: 2}}\nmemories: {m: {use: memories/ram, serves: ['a*']}}\n"
    text = "collectives: {among: ['a*'], error_band: 0.2, probes: [{kind: all_reduce, ranks: 2, bytes: [1e3, 3e7], "
    found = collective(load(units + text + "seconds: [1e-5, 2e-4]}]}"), "all_reduce", ["a0", "a1"], 30_000_000)
    assert found.seconds == pytest.approx(2e-4, rel=0.01)
    assert found.band == 0.2
    with pytest.raises(TargetError, match="quicker probe comes first"):
        load(units + text + "seconds: [3e-4, 2e-4]}]}")
