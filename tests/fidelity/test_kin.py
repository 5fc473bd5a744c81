"""Kinship of GPUs: which measured device counts most for one that was never measured."""

from __future__ import annotations

from benchmarks.kin import BIRTHS, TWINS, kinship
from mapper.hw.library import target_names


def test_a_device_of_the_same_generation_counts_most() -> None:
    assert kinship("m40", "titan-x-maxwell") > kinship("m40", "p100") > kinship("m40", "v100")


def test_every_device_with_a_birth_has_a_target() -> None:
    assert {*BIRTHS, *TWINS} <= set(target_names())
