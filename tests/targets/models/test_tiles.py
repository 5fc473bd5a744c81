"""The tile model of products: the L2 by its footprint, launches by the clock, power of the board, narrow weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mapper.hw.work import DType
from targets.models.tiles import (
    RETURNS_AFTER,
    Products,
    TileDevice,
    TileFit,
    TileFits,
    gemm_seconds,
    launch_seconds,
    reached_ops_per_s,
)

DEVICE = TileDevice(sms=100, clock_hz=1e9, ops_per_s=1e14, l2_bytes=100e6, l2_bytes_per_s=6e12)
FIT = TileFit(compute=1.0, throttle=0.0)


def product(m: int, n: int, k: int, weight_bytes: float) -> Products:
    """A product in 16 bits from a memory of 1 TB/s."""
    moved = 2.0 * (m * k + n * k + m * n)
    figures = (m, n, k, 1, moved, 2, 2, 1e12, weight_bytes)
    return Products(*(np.array([float(figure)]) for figure in figures))


def seconds(p: Products, device: TileDevice = DEVICE, fit: TileFit = FIT) -> float:
    return float(gemm_seconds(p, device, fit)[0])


def test_a_weight_is_in_the_l2_only_if_the_others_before_its_return_fit_as_well() -> None:
    bytes_of = 2 * 4096 * 4096
    assert bytes_of < DEVICE.l2_bytes < (1 + RETURNS_AFTER) * bytes_of
    from_dram = seconds(product(1, 4096, 4096, weight_bytes=bytes_of))
    assert from_dram > 1.3 * seconds(product(1, 4096, 4096, weight_bytes=0))
    assert from_dram == pytest.approx(bytes_of / (FIT.memory * 1e12), rel=0.25)


def test_launches_follow_the_clock_and_further_ones_do_not() -> None:
    fit = TileFit(launch_cycles=5000, launch_s=2e-6)
    assert launch_seconds(DEVICE, fit) == pytest.approx(7e-6)
    assert launch_seconds(replace(DEVICE, clock_hz=2e9), fit) == pytest.approx(4.5e-6)


def test_the_power_of_the_board_limits_long_arithmetic() -> None:
    fit = TileFit(compute=0.9, pj_per_op_nm=1.0)
    cool, hot = replace(DEVICE, watts_per_nm=300 / 2), replace(DEVICE, watts_per_nm=300 / 6)
    assert reached_ops_per_s(DEVICE, fit) == reached_ops_per_s(cool, fit) == pytest.approx(9e13)
    assert reached_ops_per_s(hot, fit) == pytest.approx(5e13)
    assert seconds(product(4096, 4096, 4096, 0), hot, fit) > 1.5 * seconds(product(4096, 4096, 4096, 0), cool, fit)


def test_a_left_side_that_the_l2_holds_is_quantised_quickly() -> None:
    fit, plain = TileFit(quantise=2.0), TileFit()
    held = seconds(product(64, 128, 4096, 0), fit=fit) - seconds(product(64, 128, 4096, 0), fit=plain)
    assert held == pytest.approx(2 * 3 * 64 * 4096 / DEVICE.l2_bytes_per_s, rel=0.01)


def test_narrow_weights_have_constants_of_their_own() -> None:
    fits = TileFits(int8_wo=TileFit(compute=0.1), int4_wo=TileFit(compute=0.2))
    assert fits.of(DType.BF16, DType.I8).compute == 0.1
    assert fits.of(DType.F16, DType.I4).compute == 0.2
    assert fits.of(DType.F16, DType.F16) == fits.of(DType.F16) == fits.f16
    assert fits.of(DType.I8, DType.I8) == fits.f16
