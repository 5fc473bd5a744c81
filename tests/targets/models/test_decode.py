"""Attention against a cache on GPUs: the library's rules worked out by hand, measurements, and bounds of any price."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples
from unit_model_builders import a100

from mapper.cost.pricing import Pricer, Question
from mapper.cost.rows import question_of
from mapper.cost.works import Types, attention
from mapper.hw.load import load_target
from mapper.hw.work import DType, Feed, Role, Work
from targets.models.decode import decode_seconds
from targets.models.decode_grid import DecodeDevice, DecodeFit, Grid, grid_of, steps_of
from targets.models.gpu import Gpu

A100 = DecodeDevice(sms=108, clock_hz=1.41e9, bytes_per_s=2039e9, l2_bytes=40 * 2**20, shared_bytes=163 * 1024)
SINGLE, GROUPED, GROUPED_NARROW = 0, 1, 3


def step(batch: int, heads: int, kv_heads: int, kv: int, *, head_dim: int = 128, q: int = 1, **more: object) -> Work:
    """Attention of q rows after kv - q cached ones, in bf16."""
    sizes = {"batch": batch, "heads": heads, "kv_heads": kv_heads, "q": q, "kv": kv, "head_dim": head_dim}
    return attention(**sizes, types=Types.all(DType.BF16), **more)  # type: ignore[arg-type]


def grid(work: Work, fit: DecodeFit | None = None) -> Grid:
    return grid_of(steps_of([work]), A100, fit or DecodeFit())


def seconds(work: Work, fit: DecodeFit | None = None) -> float:
    total, _, launch = decode_seconds(steps_of([work]), A100, fit or DecodeFit())
    return float(total[0] + launch[0])


@pytest.mark.parametrize(
    ("heads", "kv_heads", "kernel"), [(32, 32, SINGLE), (32, 16, GROUPED), (32, 1, GROUPED), (48, 1, SINGLE)]
)
def test_groups_of_2_to_32_heads_have_a_kernel_of_their_own(heads: int, kv_heads: int, kernel: int) -> None:
    assert grid(step(64, heads, kv_heads, 4096)).kernel == [kernel]


@pytest.mark.parametrize(("kv", "kernel"), [(26 * 128 + 127, SINGLE), (27 * 128, GROUPED)])
def test_it_runs_only_if_its_blocks_fill_a_quarter_of_the_sms(kv: int, kernel: int) -> None:
    assert grid(step(1, 8, 1, kv)).kernel == [kernel]


def test_several_query_rows_are_the_grouped_kernels_alone() -> None:
    assert grid(step(1, 8, 8, 64, q=4)).kernel == [GROUPED]


@pytest.mark.parametrize(
    ("few_parts", "parts"),
    [(True, 91), (False, 108)],  # of 1024 tiles: round(sqrt(8 * 1024)); 8 waves of 108 SMs over 8 caches
)
def test_a_cache_is_split_until_the_sms_are_full(few_parts: bool, parts: int) -> None:
    assert grid(step(1, 64, 8, 131072), DecodeFit(few_parts=few_parts)).parts == [parts]


def test_a_cache_whose_scores_exceed_the_shared_memory_is_split() -> None:
    assert grid(step(64, 64, 64, 131072)).parts == [5]  # 131073 scores of 6 bytes in 161 KiB
    assert grid(step(64, 64, 64, 16384)).parts == [1]


@pytest.mark.parametrize(("heads", "threads"), [(4, 1024), (250, 512), (431, 512), (432, 256)])
def test_a_single_block_has_more_threads_while_sms_are_empty(heads: int, threads: int) -> None:
    assert grid(step(1, heads, heads, 64)).threads == [threads]


def test_a_library_that_does_not_split_narrow_caches_takes_the_grouped_kernel_for_any_number_of_blocks() -> None:
    found = grid(step(1, 8, 1, 2048, cache=DType.F8), DecodeFit(splits_narrow=False))
    assert (found.kernel, found.parts) == ([GROUPED_NARROW], [1])


MEASURED = [  # AIConfigurator (A100, L40S) and LLMServingSim (RTX PRO 6000), all held out of the fits; microseconds
    ("a100-80,256,96,8,128,7,,,1", 136.0),
    ("a100-80,128,48,48,128,1,,,1", 103.1),
    ("a100-80,256,4,2,128,127,,,1", 37.4),
    ("l40s,16,8,1,256,16383,,,", 424.4),
    ("l40s,1024,1,1,256,4095,,,", 5766.8),
    ("l40s,2048,8,1,256,15,,,", 74.2),
    ("l40s,4,40,40,128,127,f8,,", 27.3),
    ("l40s,32,48,4,128,2047,f8,,", 41.6),
    ("l40s,64,32,2,64,2047,,128,", 22.2),
    ("l40s,2,10,2,128,2047,f8,8192,", 41.1),
    ("rtx-pro-6000,128,16,4,128,1151,,,", 248.2),
    ("rtx-pro-6000,8,16,4,128,4095,,,", 59.2),
]
COLUMNS = ("target", "batch", "heads", "kv_heads", "head_dim", "past", "kv_dtype", "window", "kv_shared")


def test_decode_matches_steps_it_was_not_fitted_on() -> None:
    rows = [dict(zip(COLUMNS, row.split(","), strict=True)) for row, _ in MEASURED]
    asked = [question_of({**row, "kind": "attention", "seq": "1", "dtype": "bf16"}) for row in rows]
    found = Pricer().answers([question for question in asked if isinstance(question, Question)])
    errors = [answer.seconds * 1e6 / us - 1 for answer, (_, us) in zip(found, MEASURED, strict=True)]  # type: ignore[union-attr]
    assert np.mean(np.abs(errors)) < 0.12
    assert np.max(np.abs(errors)) < 0.25


def test_a_window_is_all_that_is_read() -> None:
    whole, part = step(64, 32, 8, 8192), step(64, 32, 8, 8192, window=128)
    assert seconds(part) < seconds(whole) / 10


def test_a_cache_of_half_the_width_takes_little_more_than_half_the_time_where_memory_is_the_limit() -> None:
    wide, narrow = step(64, 32, 8, 16384), step(64, 32, 8, 16384, cache=DType.F8)
    assert 1.6 < seconds(wide) / seconds(narrow) < 2


def test_values_that_are_the_keys_own_bytes_are_read_once_unless_they_have_left_the_l2() -> None:
    grouped = [step(64, 32, 8, 16384, shared=shared) for shared in (False, True)]
    assert 1.6 < seconds(grouped[0]) / seconds(grouped[1]) < 2
    single = [step(64, 8, 8, 4096, shared=shared) for shared in (False, True)]
    assert seconds(single[0]) == pytest.approx(seconds(single[1]), rel=0.01)
    assert 2 * single[1].bytes(Role.STATE) == single[0].bytes(Role.STATE)


def test_caches_that_fit_the_l2_are_read_faster_than_the_memory_can() -> None:
    small = step(16, 32, 32, 64)
    assert small.bytes() < 20e6
    none = DecodeFit(l2_reach=0.01)
    assert seconds(small) < seconds(small, none)
    assert seconds(step(64, 32, 32, 16384)) == pytest.approx(seconds(step(64, 32, 32, 16384), none))


SIZES = {
    "batch": st.integers(1, 2048),
    "kv": st.integers(1, 200_000),
    "kv_heads": st.sampled_from([1, 2, 3, 8, 64]),
    "group": st.sampled_from([1, 2, 5, 16, 32, 33, 96]),
    "head_dim": st.sampled_from([40, 64, 96, 128, 192, 256, 576]),
    "q": st.integers(1, 4),
    "cache": st.sampled_from([DType.BF16, DType.F8, DType.I4]),
    "window": st.sampled_from([0, 1, 128, 4096]),
}


def any_step(sizes: dict[str, object]) -> Work:
    sizes = dict(sizes)
    group = int(str(sizes.pop("group")))
    kv = max(int(str(sizes.pop("kv"))), int(str(sizes["q"])))
    return step(heads=group * int(str(sizes["kv_heads"])), kv=kv, **sizes)  # type: ignore[arg-type]


@examples(30, 100)
@given(st.fixed_dictionaries(SIZES))
def test_no_step_is_quicker_than_its_memory_or_its_launch(sizes: dict[str, object]) -> None:
    work, fit = any_step(sizes), DecodeFit()
    total, traffic, launch = (float(part[0]) for part in decode_seconds(steps_of([work]), A100, fit))
    assert total >= traffic * (1 - 1e-9)
    assert launch > 1e-6
    if work.bytes(Role.STATE) > 4 * A100.l2_bytes:
        assert total * A100.bytes_per_s > work.bytes(Role.STATE)


@examples(30, 100)
@given(st.lists(st.fixed_dictionaries(SIZES), min_size=1, max_size=5))
def test_steps_priced_together_cost_what_they_cost_alone(many: list[dict[str, object]]) -> None:
    works, feed = [any_step(sizes) for sizes in many], Feed(2039e9, 2039e9)
    assert list(a100().costs(works, feed)) == [a100().cost(work, feed) for work in works]


@pytest.mark.parametrize("name", ["h200", "b200", "mi300x", "t4", "p100", "l4", "rtx-4090"])
def test_a_gpu_never_measured_reads_large_caches_at_most_of_its_bandwidth(name: str) -> None:
    target = load_target(name)
    unit, model = next((unit, unit.model) for unit in target.units if isinstance(unit.model, Gpu))
    bandwidth = target.memory[unit.data].bandwidth_bytes_per_s
    work = step(64, 32, 8, 32768)
    time = model.cost(work, Feed(bandwidth, bandwidth)).ticks * 1e-12
    assert 0.6 < work.bytes() / bandwidth / time < 0.85
