"""Transfers of a product through a scratchpad, against a run step by step and against loop orders counted by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit_model_builders import lanes, matmul, tpu_like

from mapper.hw.work import DType, Feed, Operand, Role, Work
from targets.models.dma import Tile, Transfers, blocked_traffic, kept_bytes, transfers
from targets.models.rates import Traffic

FEED = Feed(1e9, 1e9)
TIMES = st.integers(0, 1000)


def step_by_step(tiles: int, compute: int, load: int, store: int) -> int:
    """Two halves of the scratchpad take turns: in a step one tile is computed, the next loaded, the last one stored."""
    time = 0
    for step in range(-1, tiles + 1):
        at_work = compute if 0 <= step < tiles else 0
        moving = (load if step + 1 < tiles else 0) + (store if step >= 1 else 0)
        time += max(at_work, moving)
    return time


@given(tiles=st.integers(1, 40), compute=TIMES, load=TIMES, store=TIMES)
def test_a_run_takes_what_its_tiles_take_step_by_step(tiles: int, compute: int, load: int, store: int) -> None:
    """Steps at the two ends have fewer transfers, so that they may wait for arithmetic while the others do not."""
    run = Transfers(tiles * load, tiles * store, load, store).around(tiles * compute)
    stepped = step_by_step(tiles, compute, load, store)
    assert run <= stepped <= run + min(2 * compute, load + store)
    if compute >= load + store or (compute <= min(load, store) and tiles > 1):
        assert run == stepped


def test_the_first_load_and_the_last_store_hide_behind_nothing() -> None:
    work = matmul(100, 200, 300)
    moved = transfers(work, Traffic(50_000, 60_000), FEED, Tile(1000, 2000, 500), efficiency=0.5)
    assert moved.first_load_s == pytest.approx(2 * 3000e-9)
    assert moved.last_store_s == pytest.approx(2 * 500e-9)
    assert moved.all_s == pytest.approx(2 * 110_000e-9)
    assert moved.around(1.0) == pytest.approx(1.0 + 2 * 3500e-9)
    assert moved.around(0.0) == pytest.approx(moved.all_s)


def test_a_tile_larger_than_the_product_loads_the_product() -> None:
    work = matmul(10, 20, 30)
    moved = transfers(work, Traffic(10 * 50 * 1, 600), FEED, Tile(10**6, 10**6, 10**6), efficiency=1.0)
    assert moved.first_load_s == pytest.approx(moved.load_s)
    assert moved.last_store_s == pytest.approx(moved.store_s)


@pytest.mark.parametrize(
    ("m", "n", "k", "sram", "left_passes", "right_passes"),
    [  # halves of 1 MiB: 512 x 512 partial sums, or a block of one side
        (4096, 512, 4096, 2 << 20, 1, 8),
        (4096, 4096, 8192, 2 << 20, 8, 8),
        (1024, 4096, 8192, 2 << 20, 8, 2),
        (256, 4096, 65536, 2 << 20, 4, 1),  # 256 x 1024 partial sums
    ],
)
def test_blocks_of_partial_sums_are_taken_where_they_read_least(
    m: int, n: int, k: int, sram: int, left_passes: int, right_passes: int
) -> None:
    left, right, out = 2 * m * k, n * k, 2 * m * n  # activations of 16 bits, weights of 8
    found = blocked_traffic(matmul(m, n, k), FEED, sram)
    by_sums = left * left_passes + right * right_passes + out
    by_side = out + min(left * -(-right // (sram // 2)) + right, left + right * -(-left // (sram // 2)))
    assert found.data + found.weights == min(by_sums, by_side)


@given(m=st.integers(1, 9000), n=st.integers(1, 9000), k=st.integers(1, 9000), sram=st.integers(1 << 10, 1 << 24))
def test_nothing_is_read_less_than_once_and_more_room_never_costs_traffic(m: int, n: int, k: int, sram: int) -> None:
    work = matmul(m, n, k)
    small, large = (blocked_traffic(work, FEED, size) for size in (sram, 4 * sram))
    assert work.bytes() <= large.data + large.weights <= small.data + small.weights


def test_a_product_pays_for_the_edges_of_its_pipeline() -> None:
    unit = tpu_like(task_overhead_s=0)
    work = matmul(2048, 2048, 2048)
    unlimited = unit.cost(work, Feed(1e18, 1e18)).ticks
    edges = unit.cost(work, Feed(1e11, 1e11)).ticks - unlimited
    assert edges == pytest.approx(1e12 * (128 * 128 + 2048 * 128 + 2048 * 128) / (0.9 * 1e11), rel=0.01)


def test_activations_that_fit_stay_on_the_chip_and_states_do_not() -> None:
    norm = lanes("norm", 1000)
    assert kept_bytes(norm, norm.bytes()) == norm.bytes()
    assert kept_bytes(norm, norm.bytes() - 1) == 0
    state = replace(norm, inputs=(*norm.inputs, Operand(Role.STATE, 500, DType.F16)))
    assert kept_bytes(state, norm.bytes()) == norm.bytes()


def test_a_unit_that_keeps_activations_reads_only_weights() -> None:
    unit, work = tpu_like(kept_bytes=1 << 20), matmul(64, 512, 512)
    cost = unit.cost(work, FEED)
    assert (cost.data_bytes, cost.weight_bytes) == (0, 512 * 512)
    assert tpu_like().cost(work, FEED).data_bytes == 2 * 2 * 64 * 512
    assert unit.cost(matmul(1 << 14, 512, 512), FEED).data_bytes > 0


def norm_ticks(**vector: object) -> int:
    figures = {"lanes": 256, "clock_hz": 1e9, "kinds": ["norm"], **vector}
    work: Work = lanes("norm", 1000)
    return tpu_like(vector=figures, kept_bytes=1 << 20).cost(work, Feed(1e6)).ticks


def test_lanes_may_start_quicker_than_arrays_and_reductions_wait() -> None:
    assert norm_ticks() - norm_ticks(start_s=1e-7) == pytest.approx(9e5, abs=1)
    assert norm_ticks(reduction_s=5e-7) - norm_ticks() == pytest.approx(5e5, abs=1)


def test_rows_of_a_table_come_slower_than_bursts() -> None:
    figures = {"lanes": 256, "clock_hz": 1e9}
    work = lanes("gather", 100_000)
    plain = tpu_like(vector=figures).cost(work, FEED).ticks
    slow = tpu_like(vector={**figures, "look_up_efficiency": 0.3, "look_up_s": 2e-6}).cost(work, FEED).ticks
    assert slow - 3e6 == pytest.approx(3 * (plain - 1e6), rel=1e-3)
