"""The fit of decode kernels on times made up from known constants, and how its tables are read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import fit_decode
from benchmarks.fit_decode import Sample, best, block, constants_of
from benchmarks.measured import aiconfigurator
from benchmarks.unit_files import flow
from mapper.cost.works import Types, attention
from mapper.hw.work import DType
from targets.models.decode_grid import DecodeDevice, DecodeFit, KernelFit, steps_of

DEVICE = DecodeDevice(sms=100, clock_hz=1.5e9, bytes_per_s=1e12, l2_bytes=40e6, shared_bytes=1e5)
HEADER = "batch_size,isl,num_heads,num_key_value_heads,head_dim,window_size,attn_dtype,kv_cache_dtype,step,latency_us\n"


def sample(constants: DecodeFit) -> Sample:
    """Steps of many sizes, with the times that the constants say."""
    works = [
        attention(batch=b, heads=h, kv_heads=g, q=1, kv=kv, head_dim=d, types=Types.all(DType.BF16))
        for b in (1, 8, 64, 512)
        for h, g in ((8, 8), (32, 8), (32, 32), (48, 1))
        for kv in (16, 256, 1024, 8192)
        for d in (64, 128)
    ]
    count = len(works)
    empty = Sample("a100-80", fit_decode.LIBRARY, steps_of(works), DEVICE, np.ones(count), np.zeros(count, bool),
                   np.full(count, "decode bf16"))  # fmt: skip
    return replace(empty, seconds=empty.predict(constants))


def test_known_constants_are_found_again() -> None:
    single = KernelFit(launch_s=6e-6, block=5000, thread_bytes=0.06, l2=30, split_s=3e-6, overlap=3, resident=4)
    known = sample(DecodeFit(single=single, memory=0.7, l2_reach=0.9, few_parts=False))
    x, flags = best(known)
    found = constants_of(x, flags)
    assert np.mean(np.abs(known.predict(found) / known.seconds - 1)) < 0.02
    assert found.memory == pytest.approx(0.7, rel=0.1)
    assert found.single.launch_s == pytest.approx(6e-6, rel=0.15)
    assert not flags["only_grouped"]


def test_kernels_without_points_of_narrow_caches_take_the_constants_of_wide_ones() -> None:
    grouped = {f"grouped.{name}": r.start for name, r in (fit_decode.KERNEL | fit_decode.GROUPED).items()}
    found = constants_of({**grouped, "grouped.block": 1234.5, "memory": 0.7}, {})
    assert (found.grouped.block, found.grouped_narrow.block, found.memory) == (1230, 1230, 0.7)
    assert found.single == DecodeFit().single


def test_a_block_says_what_differs_from_the_defaults_in_one_line() -> None:
    assert flow(block(DecodeFit(memory=0.5, few_parts=False))) == "{memory: 0.5, few_parts: false}"


@pytest.mark.parametrize(("microseconds", "shared"), [(1000, False), (400, True)])
def test_a_table_that_beats_its_memory_was_measured_with_values_that_are_the_keys(
    tmp_path: Path, microseconds: int, shared: bool
) -> None:
    folder = tmp_path / "aiconfigurator"
    folder.mkdir()
    rows = [f"64,1,32,8,128,0,bfloat16,bfloat16,4095,{microseconds}", "1,1,32,8,128,0,bfloat16,bfloat16,15,9"]
    (folder / "attn_decode_a100_sxm.csv").write_text(HEADER + "\n".join(rows) + "\n")  # 1 GiB at 2.0 TB/s: 527 us
    assert ["kv_shared" in point.columns for point in aiconfigurator.points(tmp_path)] == [shared, shared]
