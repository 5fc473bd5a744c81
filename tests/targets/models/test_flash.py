"""Attention over a prompt on a GPU: steps by brute force, what never shrinks, and which kernel runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples
from unit_model_builders import a100

from mapper.cost.works import Types, attention
from mapper.hw.work import DType, Feed, Work
from targets.models.flash import FlashKernel, PrefillFit, PrefillFits, is_prompt, prompts_of, reached, steps

GPU = a100()
FEED = Feed(2e12)
BF16, F8 = Types.all(DType.BF16), Types.all(DType.F8)
SIZES = st.integers(1, 700)
COUNTS = st.integers(1, 9)


def prompt(
    q: int, past: int = 0, *, batch: int = 1, heads: int = 8, kv_heads: int = 0, dim: int = 128, window: int = 0,
    causal: int = 1, types: Types = BF16,
) -> Work:  # fmt: skip
    return attention(
        batch=batch, heads=heads, kv_heads=kv_heads or heads, q=q, kv=q + past, head_dim=dim, types=types,
        causal=causal, window=window,
    )  # fmt: skip


def seconds(work: Work) -> int:
    assert is_prompt(work)
    return GPU.cost(work, FEED).ticks


@examples(80, 300)
@given(q=SIZES, past=SIZES, window=SIZES, rows=st.sampled_from([64, 128]), step=st.sampled_from([16, 32, 64, 128, 256]))
def test_steps_are_those_of_each_block_of_rows_in_turn(q: int, past: int, window: int, rows: int, step: int) -> None:
    work = prompt(q, past, window=window)
    counted = []
    for first in range(0, q, rows):
        last = past + min(first + rows, q)
        hidden = max(0, past + first - window + 1) if window < q + past else 0
        counted.append(-(-last // step) - hidden // step)
    blocks, total, longest = steps(prompts_of([work]), FlashKernel(rows=rows, step=step))
    assert (blocks[0], total[0]) == (len(counted), sum(counted))
    assert max(counted) <= longest[0] <= min(-(-(q + past) // step), (window + rows) // step + 2)


@examples(60, 200)
@given(q=st.integers(9, 3000), past=st.integers(0, 5000), more=SIZES, batch=COUNTS, heads=COUNTS)
def test_a_longer_cache_a_longer_chunk_or_a_larger_batch_is_never_quicker(
    q: int, past: int, more: int, batch: int, heads: int
) -> None:
    now = seconds(prompt(q, past, batch=batch, heads=heads))
    assert now <= seconds(prompt(q, past + more, batch=batch, heads=heads))
    assert now <= seconds(prompt(q + more, past, batch=batch, heads=heads))
    assert now <= seconds(prompt(q, past, batch=batch + more, heads=heads))
    assert now <= seconds(prompt(q, past, batch=batch, heads=heads + more))


def test_a_mask_halves_a_long_prompt_and_a_window_makes_it_linear() -> None:
    whole, masked = (seconds(prompt(16384, heads=64, causal=causal)) for causal in (0, 1))
    assert 0.45 < masked / whole < 0.55
    short, long = (seconds(prompt(q, heads=32, window=128)) for q in (8192, 16384))
    assert long / short == pytest.approx(2, rel=0.15)


def test_fewer_blocks_than_multiprocessors_take_the_time_of_one() -> None:
    assert seconds(prompt(64, 8192, heads=1)) == pytest.approx(
        seconds(prompt(64, 8192, heads=32, kv_heads=1)), rel=0.05
    )


def test_prompts_priced_together_cost_what_each_costs() -> None:
    works = [prompt(q, dim=dim, types=types) for q in (9, 64, 65, 1000) for dim in (64, 128) for types in (BF16, F8)]
    assert [GPU.cost(work, FEED) for work in works] == list(GPU.costs(works, FEED))


def test_a_head_takes_the_next_larger_kernel_and_a_short_cache_its_own() -> None:
    small, large, short = FlashKernel(head_dim=64), FlashKernel(head_dim=128), FlashKernel(head_dim=128, step=32)
    fit = PrefillFit(kernels=(large, small), short=(short,))
    assert fit.kernel(64, 65) == small
    assert fit.kernel(80, 65) == large
    assert fit.kernel(512, 65) == large
    assert fit.kernel(64, 64) == short


def test_a_chunk_of_a_prompt_is_no_decode_however_long_its_cache() -> None:
    assert is_prompt(prompt(16, 100_000, heads=32, kv_heads=8))
    assert not is_prompt(prompt(1, 100_000))
    assert not is_prompt(prompt(4, 100_000))


@examples(30, 100)
@given(past=st.integers(1, 50_000), batch=st.integers(1, 64), kv_heads=st.sampled_from([1, 2, 8]))
def test_a_chunk_is_no_quicker_than_the_few_rows_that_decode_kernels_serve(
    past: int, batch: int, kv_heads: int
) -> None:
    draft, chunk = (prompt(q, past, batch=batch, kv_heads=kv_heads) for q in (8, 9))
    assert not is_prompt(draft)
    assert is_prompt(chunk)
    assert GPU.cost(draft, FEED).ticks <= GPU.cost(chunk, FEED).ticks


def test_a_prompt_of_one_token_has_no_cache() -> None:
    assert is_prompt(prompt(1))
    assert not is_prompt(prompt(1, 1))


def test_each_number_type_has_its_constants() -> None:
    quick = FlashKernel(full=0.9)
    fits = PrefillFits(f8=PrefillFit(kernels=(quick,)))
    gpu = GPU.model_copy(update={"prefill": fits})
    narrow, wide = prompt(8192, types=F8), prompt(8192, types=BF16)
    assert gpu.cost(narrow, FEED).ticks < gpu.cost(wide, FEED).ticks
    assert gpu.cost(wide, FEED) == GPU.cost(wide, FEED)


def test_where_no_speed_was_measured_the_softmax_and_the_power_of_the_board_limit_it() -> None:
    device, fit, width = GPU.prefill_device(DType.F16, FEED.data), PrefillFit(), np.array([128.0, 512.0])
    narrow, wide = reached(width, FlashKernel(), device, fit)
    assert narrow < wide < 1
    powered = replace(device, board_power_w=100.0)
    assert reached(width, FlashKernel(), powered, fit)[1] == pytest.approx(100 * fit.ops_per_joule / device.ops_per_s)
    assert list(reached(width, FlashKernel(full=0.3), powered, fit)) == [0.3, 0.3]


def test_a_cache_is_read_no_quicker_than_the_memory_gives_it() -> None:
    work = prompt(64, 100_000, batch=64, heads=1)
    slow = replace(FEED, data=1e10)
    cached = 64 * 100_000 * 128 * 2 * 2
    assert GPU.cost(work, slow).ticks * 1e-12 >= cached / slow.data


def test_sizes_of_no_work_are_empty() -> None:
    assert prompts_of([]).q.shape == (0,)
    assert np.all(steps(prompts_of([prompt(1)]), FlashKernel())[1] == 1)
