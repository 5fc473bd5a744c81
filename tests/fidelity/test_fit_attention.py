"""Fits of prompts: constants that made the times are found again, and blocks are as unit files want them."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from benchmarks import fit_attention, fit_attention_joint
from benchmarks.attention_samples import LIBRARIES, Group, Sample
from benchmarks.unit_files import flow
from mapper.cost.works import Types, attention
from mapper.hw.work import DType
from targets.models.flash import SHORT, PrefillDevice, PrefillFit, prefill_seconds, prompts_of

DEVICE = PrefillDevice(
    sms=100, clock_hz=1.5e9, ops_per_s=3e14, bytes_per_s=2e12, l2_bytes=4e7, board_power_w=400
)  # fmt: skip
LIBRARY = LIBRARIES["trtllm-sm80", "f16"]
TRUE = {
    "launch_s": 8e-6, "tail": 0.5, "exposed": 0.5, "memory": 0.8, "l2": 15.0, "l2_reach": 0.8,
    "128.full": 0.5, "128.alone": 600.0, "128.block_cycles": 1500.0, "short": 0.6,
}  # fmt: skip


def made_by(constants: PrefillFit) -> Sample:
    """Prompts of one head size with the times that the constants give them."""
    groups = []
    for lengths in ((16, 64), (128, 512, 2048, 8192)):
        works = [
            attention(batch=b, heads=h, kv_heads=h, q=q, kv=q, head_dim=128, types=Types.all(DType.BF16))
            for b in (1, 4, 32)
            for h in (2, 8, 32)
            for q in lengths
        ]
        compute, traffic = prefill_seconds(works, DEVICE, constants, DEVICE.bytes_per_s)
        kv = SHORT if max(lengths) <= SHORT else SHORT + 1
        groups.append(Group(128, kv, prompts_of(works), constants.launch_s + compute + traffic))
    return Sample("made", "gpu-made", "f16", False, DEVICE, DEVICE.bytes_per_s, LIBRARY, tuple(groups))


def test_constants_that_made_the_times_explain_them() -> None:
    sample = made_by(PrefillFit(**fit_attention.block(TRUE, LIBRARY, [128])))
    found = PrefillFit(**fit_attention.fitted(sample, [128]))
    assert np.abs(sample.errors(found)).mean() < 0.01
    assert found.kernels[0].full == pytest.approx(0.5, rel=0.05)


def test_a_block_reads_back_from_its_text() -> None:
    block = fit_attention.block(TRUE, LIBRARY, [128])
    assert PrefillFit(**yaml.safe_load(flow(block))) == PrefillFit(**block)


def test_joint_kernels_lie_between_those_of_short_and_of_long_steps() -> None:
    x = {name: r.start for name, r in fit_attention_joint.RANGES.items()}
    block = fit_attention_joint.block(x, LIBRARIES["flash-sm86", "f16"], [64, 128])
    wide, square = (kernel["alone"] for kernel in block["kernels"])
    assert x["brief"] < square < x["long"]
    assert wide == pytest.approx(2 * x["long"])  # twice the rows, twice the operations at once
    assert (block["preparation"], block["launch_s"]) == (0.0, x["alone_s"])
