"""What the CPU model says of shapes, threads and caches."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit_model_builders import attention, lanes, matmul, server_cpu

from mapper.hw.work import DType, Feed, Work

RAM = Feed(100e9, 100e9)
F32 = DType.F32


def seconds(work: Work, **changes: object) -> float:
    return server_cpu().scaled(**changes).cost(work, RAM).ticks / 1e12


def test_one_row_is_limited_by_its_weights_and_many_by_the_cores() -> None:
    unit = server_cpu()
    assert unit.cost(matmul(1, 4096, 4096, dtype=F32), RAM).limited_by == "memory bandwidth"
    assert unit.cost(matmul(512, 4096, 4096, dtype=F32), RAM).limited_by == "cores"


def test_a_large_product_takes_its_operations_at_the_reached_part_of_the_peak() -> None:
    work = matmul(4096, 4096, 4096, dtype=F32)
    assert seconds(work) == pytest.approx(work.flops / (8 * 2.5e9 * 64 * 0.55), rel=0.1)


def test_short_sums_reach_less_of_the_peak() -> None:
    deep, flat = matmul(1024, 1024, 1024, dtype=F32), matmul(4096, 4096, 64, dtype=F32)
    assert deep.flops == flat.flops
    assert seconds(flat) > seconds(deep)


def test_a_small_op_runs_on_one_core_and_a_large_one_on_all() -> None:
    small, large = lanes("elementwise", 1000, dtype=F32), matmul(2048, 2048, 2048, dtype=F32)
    near = {"cache_bandwidth_bytes_per_s": 1e16}
    assert seconds(small, cores=64, **near) == pytest.approx(seconds(small, cores=1, **near), rel=0.01)
    assert seconds(large, cores=64) < seconds(large, cores=1) / 30


def test_a_further_core_costs_its_start() -> None:
    work = matmul(2048, 2048, 2048, dtype=F32)
    started = seconds(work, threads={"start_s": 1e-3}) - seconds(work, threads={"start_s": 0.0})
    assert started == pytest.approx(1e-3)


def test_operands_slow_down_as_they_fall_out_of_each_cache() -> None:
    figures = {"cores": 1, "private_cache_bytes": 8 << 20, "private_cache_bandwidth_bytes_per_s": 4e12}
    fast = {"lanes": {"plain_ops": 0.0}, "op_overhead_s": 0.0, "threads": {"start_s": 0.0}}
    rates = []
    for elements in (1 << 18, 1 << 21, 1 << 26):
        work = lanes("elementwise", elements, dtype=F32)
        rates.append(work.bytes() / seconds(work, **figures, **fast))
    assert rates[0] > 2 * rates[1] > 4 * rates[2]
    assert rates[2] == pytest.approx(0.8 * 100e9, rel=0.05)


def test_a_decode_step_reads_its_cache_from_memory() -> None:
    work = attention(1, 8192, batch=4, dtype=F32)
    assert seconds(work, attention={"cached_ops": 0.0}) == pytest.approx(work.bytes() / 0.8 / 100e9, rel=0.02)


def test_fused_work_pays_no_overhead() -> None:
    work = lanes("elementwise", 1000, dtype=F32)
    assert seconds(work) - seconds(replace(work, fused=True)) == pytest.approx(2e-6, rel=0.01)
