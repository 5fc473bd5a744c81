"""Targets of left-out devices: the shipped data sheet and the blocks that fit scripts hand over."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import left_out_files
from mapper.errors import TargetError
from mapper.hw.load import load_target
from targets.models.decode_grid import DecodeFit
from targets.models.flash import PrefillFits
from targets.models.gpu import Gpu

PRODUCTS = {"f16": {"launch_s": 1.23456e-6, "compute": 0.5}}


def gpu(path: Path | str) -> Gpu:
    (model,) = [unit.model for unit in load_target(path).units if isinstance(unit.model, Gpu)]
    return model


def test_blocks_are_replaced_and_the_data_sheet_stays(tmp_path: Path) -> None:
    found = gpu(left_out_files.write("a100-80", {"products": PRODUCTS}, tmp_path))
    assert (found.products.f16.launch_s, found.products.f16.compute) == (1.23e-6, 0.5)
    assert found.matrix_ops_per_s == gpu("a100-80").matrix_ops_per_s
    assert found.prefill == gpu("a100-80").prefill


def test_what_a_block_leaves_out_is_the_default_and_not_the_shipped_figure(tmp_path: Path) -> None:
    prefill = {"f16": {"tail": 0.5, "kernels": [{"alone": 123.0}]}}
    found = gpu(left_out_files.write("l40s", {"prefill": prefill}, tmp_path)).prefill
    assert found == PrefillFits.model_validate(prefill)
    assert gpu("l40s").prefill.f8 != PrefillFits().f16


def test_scripts_that_write_one_after_the_other_keep_what_is_there(tmp_path: Path) -> None:
    left_out_files.write("a100-80", {"products": PRODUCTS}, tmp_path)
    found = gpu(left_out_files.write("a100-80", {"launch_gap_s": 7e-7}, tmp_path))
    assert (found.products.f16.compute, found.launch_gap_s) == (0.5, 7e-7)


def test_files_are_the_same_whoever_writes_first(tmp_path: Path) -> None:
    blocks = [{"products": PRODUCTS}, {"launch_gap_s": 7e-7}]
    texts = []
    for order, folder in ((blocks, tmp_path / "a"), (blocks[::-1], tmp_path / "b")):
        texts.append([left_out_files.write("h100-sxm", block, folder).read_text() for block in order][-1])
    assert texts[0] == texts[1]


def test_a_block_that_the_unit_model_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="product"):
        left_out_files.write("a100-80", {"product": PRODUCTS}, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_target_without_a_gpu_of_its_own_is_refused() -> None:
    with pytest.raises(ValueError, match="tpu-v6e"):
        left_out_files.gpu_of("tpu-v6e")


def test_a_device_left_out_reads_narrow_caches_by_the_joint_fit() -> None:
    assert gpu("h100-sxm").decode != DecodeFit()
    assert gpu(left_out_files.FOLDER / "h100-sxm.yaml").decode == DecodeFit()
