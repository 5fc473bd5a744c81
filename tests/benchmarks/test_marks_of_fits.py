"""What a fit on some GPUs lets one say of the constants of another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.fit_gemm import texts_of
from benchmarks.kin import BIRTHS, maker, mark_of


@pytest.mark.parametrize(
    ("device", "measured", "mark"),
    [
        ("a40", ["a40", "t4"], "measured"),
        ("l4", ["l40s"], "derived"),
        ("mi100", ["mi210", "a100-80"], "derived"),
        ("mi300x", ["mi25", "t4"], "assumed"),  # an AMD chip of 2017 that weighs less than another maker's
        ("mi300x", ["l40s", "h100-sxm"], "assumed"),
        ("tiangai-100", ["a100-80", "mi25"], "assumed"),
    ],
)
def test_constants_by_chips_of_other_makers_are_assumed(device: str, measured: list[str], mark: str) -> None:
    assert mark_of(device, measured) == mark


def test_types_that_are_known_better_than_the_least_have_texts_of_their_own() -> None:
    others = ("by others, most by t4", ["t4"])
    texts = texts_of("mi25", {"f32": ("on mi25: deepbench 14.0% of 44 (+3%)", ["mi25"]), "f16": others, "f8": others})
    assert texts == {
        "products": "assumed: benchmarks/fit_gemm.py, f16 by others, most by t4; f8 by others, most by t4",
        "products.f32": "measured: benchmarks/fit_gemm.py, mean error held out: on mi25: deepbench 14.0% of 44 (+3%)",
    }


def test_no_file_calls_derived_what_hangs_most_on_chips_of_other_makers() -> None:
    found = 0
    for file in sorted(Path("targets/units").glob("gpu-*.yaml")):
        device = file.stem.removeprefix("gpu-")
        for line in file.read_text(encoding="utf-8").splitlines():
            said = re.search(r'"(\w+): .*by others, most by ([\w-]+)', line)
            if said and device in BIRTHS:
                found += 1
                assert maker(said[2]) == maker(device) or said[1] == "assumed", f"{file.name}: {line}"
    assert found
