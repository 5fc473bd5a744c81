"""What the CPU, the GPU and the digital accelerators charge, against numbers worked out by hand or measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit_model_builders import (
    OPAQUE,
    VIEW,
    a100,
    attention,
    embedding,
    lanes,
    lstm,
    matmul,
    server_cpu,
    simd,
    tpu_like,
)

from mapper.hw.work import DType, Feed, Work
from targets.models.blocks import PerType
from targets.models.dma import blocked_traffic

HBM = Feed(2039e9, 2039e9)
F16 = DType.F16


@pytest.mark.parametrize(
    ("m", "n", "k", "microseconds"),
    [  # measured: Vidur, A100, Llama-2-70b (held out of the fit)
        (1, 10240, 8192, 110),
        (264, 10240, 8192, 331),
        (1024, 10240, 8192, 802.5),
        (4096, 10240, 8192, 2882),
    ],
)
def test_gpu_matches_products_it_was_not_fitted_on(m: int, n: int, k: int, microseconds: float) -> None:
    cost = a100().cost(matmul(m, n, k, dtype=F16), HBM)
    assert cost.ticks / 1e6 == pytest.approx(microseconds, rel=0.25)


def test_gpu_decode_is_limited_by_weights_and_prefill_by_arithmetic() -> None:
    assert a100().cost(matmul(1, 4096, 4096, dtype=F16), HBM).limited_by == "memory bandwidth"
    assert a100().cost(matmul(4096, 4096, 4096, dtype=F16), HBM).limited_by == "matrix cores"


def test_fused_work_pays_no_launch() -> None:
    work = lanes("elementwise", 1000)
    apart = a100().cost(work, HBM)
    together = a100().cost(replace(work, fused=True), HBM)
    assert apart.ticks - together.ticks == pytest.approx(2.27e6, rel=0.02)
    assert apart.limited_by == "kernel launch"


@pytest.mark.parametrize("work", [lanes("elementwise", 1000), matmul(64, 64, 64, dtype=F16), attention(64, 64)])
def test_a_kernel_that_is_launched_one_by_one_waits_for_the_gap_and_fused_work_does_not(work: Work) -> None:
    eager = a100().scaled(launch_gap_s=8e-6)
    assert eager.cost(work, HBM).ticks - a100().cost(work, HBM).ticks == pytest.approx(8e6, abs=1)
    assert eager.costs([work], HBM) == [eager.cost(work, HBM)]
    fused = replace(work, fused=True)
    assert eager.cost(fused, HBM).ticks == a100().cost(fused, HBM).ticks


def test_gpu_decode_attention_of_many_long_sequences_is_limited_by_its_cache() -> None:
    work = attention(1, 4096, batch=32)
    cost = a100().cost(work, HBM)
    assert cost.limited_by == "memory bandwidth"
    assert cost.ticks == pytest.approx(work.bytes() / (0.727 * 2039e9) * 1e12, rel=0.1)


def test_gpu_attention_of_one_short_sequence_uses_one_sm_for_each_head() -> None:
    full = a100().cost(attention(1, 128, batch=64), HBM).ticks - 4.1e6
    alone = a100().cost(attention(1, 128, batch=1), HBM).ticks - 4.1e6
    assert alone > full / 64


def test_systolic_runs_f16_at_its_rate() -> None:
    wide = Feed(1e15, 1e15)
    int8 = tpu_like(task_overhead_s=0).cost(matmul(512, 512, 512), wide)
    half = tpu_like(task_overhead_s=0).cost(matmul(512, 512, 512, dtype=F16), wide)
    assert half.ticks == 2 * int8.ticks


def test_heads_that_run_side_by_side_fill_arrays_which_one_head_leaves_empty() -> None:
    wide, heads = Feed(1e15, 1e15), attention(16, 16, heads=8, kv_heads=8)
    in_turn = tpu_like(arrays=8, task_overhead_s=0, vector={"lanes": 1 << 20, "clock_hz": 1e9, "kinds": ["softmax"]})
    at_once = in_turn.scaled(side_by_side=8)
    ticks = in_turn.cost(heads, wide).ticks  # in turn the few steps of each head are shared by eight arrays
    assert ticks / 8 < at_once.cost(heads, wide).ticks < ticks / 7
    one = matmul(512, 4096, 512)
    assert at_once.cost(one, wide) == in_turn.cost(one, wide)


def test_systolic_needs_lanes_for_what_is_no_product() -> None:
    unit = tpu_like(vector={"lanes": 8, "clock_hz": 1e9})
    assert "elementwise, cast" in (unit.why_not(lanes("norm", 10)) or "")
    assert "softmax" in (unit.why_not(attention(8, 8)) or "")
    assert unit.why_not(embedding(4, 64)) is None


def test_operands_larger_than_the_scratchpad_are_read_again() -> None:
    work, feed = matmul(1024, 1024, 1024), Feed(1e11, 1e11)
    activations, weights = 2 * 1024 * 1024, 1024 * 1024
    assert blocked_traffic(work, feed, 64 << 20).data == 2 * activations
    small = blocked_traffic(work, feed, 1 << 20)  # weights in two halves: activations in twice
    assert (small.data, small.weights) == (3 * activations, weights)


def test_cpu_runs_everything_and_others_refuse_opaque_ops() -> None:
    assert server_cpu().why_not(OPAQUE) is None
    for unit in (a100(), tpu_like(), simd()):
        assert "opaque" in (unit.why_not(OPAQUE) or "")


def test_cpu_activations_in_cache_do_not_wait_for_memory() -> None:
    unit = server_cpu()
    assert unit.cost(lanes("elementwise", 1 << 20), Feed(10e9)).ticks < 100e6
    assert unit.cost(lanes("elementwise", 1 << 26), Feed(10e9)).ticks > 10e9


def test_default_types_follow_the_policy() -> None:
    static, dynamic = matmul(4, 64, 64, dtype=F16), matmul(4, 64, 64, dtype=F16, static=False)
    chosen = {
        name: (unit.compute_dtype(static, None), unit.compute_dtype(dynamic, None))
        for name, unit in {"cpu": server_cpu(), "gpu": a100(), "dsa": tpu_like(), "simd": simd()}.items()
    }
    assert chosen == {
        "cpu": (DType.F32, DType.F32),
        "gpu": (F16, F16),
        "dsa": (DType.I8, F16),
        "simd": (F16, F16),
    }


def test_a_wanted_type_without_arithmetic_is_refused() -> None:
    assert a100().compute_dtype(matmul(1, 1, 1), DType.F8) is None
    assert a100().compute_dtype(matmul(1, 1, 1), DType.I8) is DType.I8
    assert a100().compute_dtype(lanes("softmax", 4), DType.I8) is F16
    assert a100().compute_dtype(lanes("elementwise", 4, dtype=DType.I64), None) is DType.I64


def test_recurrent_steps_follow_one_another() -> None:
    for unit in (a100(), tpu_like(), simd(), server_cpu()):
        assert unit.cost(lstm(20, 256), HBM).ticks > unit.cost(lstm(10, 256), HBM).ticks


def test_a_view_is_free() -> None:
    assert a100().cost(VIEW, HBM).ticks == 0


def test_a_type_without_a_figure_takes_the_next_wider_one() -> None:
    rates = PerType(f32=2.0, f16=4.0)
    assert (rates.near(DType.I64), rates.near(DType.BOOL), rates.near(DType.F32)) == (4.0, 4.0, 2.0)


def test_a_unit_runs_opaque_ops_where_its_file_says_so() -> None:
    assert "opaque: true" in (server_cpu().scaled(opaque=False).why_not(OPAQUE) or "")
    assert a100().scaled(opaque=True).why_not(OPAQUE) is None


def test_a_kind_that_no_unit_model_knows_goes_to_processors_only() -> None:
    strange = replace(OPAQUE, kind="butterfly")
    assert server_cpu().why_not(strange) is None
    assert "butterfly" in (a100().why_not(strange) or "")


@pytest.mark.parametrize(
    ("own", "wanted", "chosen"),
    [
        (DType.BF16, None, DType.BF16),  # both products of it run on the matrix units
        (DType.BF16, DType.I8, DType.BF16),  # softmax stays in floats
        (DType.I8, None, DType.F32),
        (DType.BF16, DType.F32, DType.F32),
    ],
)
def test_cpu_attention_runs_in_the_floats_of_its_products(own: DType, wanted: DType | None, chosen: DType) -> None:
    cpu = server_cpu().scaled(matmul_dtype=own, matrix_ops_per_cycle={"f32": 64, "bf16": 1024, "i8": 2048})
    assert cpu.compute_dtype(attention(8, 8), wanted) is chosen
