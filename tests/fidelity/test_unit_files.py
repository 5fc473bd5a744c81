"""Fitted blocks in unit files: one block is replaced, every other line stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.unit_files import flow, replace_block, replace_source

BEFORE = """name: gpu-x
products: {}
l2_bytes: 4
energy_pj_per_op: {f16: 1}
source_of:
  products: "assumed"
  l2_bytes: "read"
"""
AFTER = """name: gpu-x
products:
  f16: {compute: 0.5}
l2_bytes: 4
energy_pj_per_op: {f16: 1}
source_of:
  products: "fitted, 5 %"
  l2_bytes: "read"
"""


def test_a_block_and_its_source_are_replaced_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "gpu-x.yaml").write_text(BEFORE)
    for _ in range(2):
        replace_block("gpu-x", "products", {"f16": flow({"compute": 0.50001})}, "fitted, 5 %", tmp_path)
        assert (tmp_path / "gpu-x.yaml").read_text() == AFTER


def test_a_file_without_the_block_gets_it(tmp_path: Path) -> None:
    (tmp_path / "gpu-x.yaml").write_text(BEFORE.replace("products: {}\n", "").replace('  products: "assumed"\n', ""))
    replace_block("gpu-x", "products", {"f16": flow({"compute": 0.5})}, "fitted, 5 %", tmp_path)
    text = (tmp_path / "gpu-x.yaml").read_text()
    assert "products:\n  f16: {compute: 0.5}\nenergy_pj_per_op" in text
    assert text.endswith('  l2_bytes: "read"\n  products: "fitted, 5 %"\n')


def test_a_file_with_no_place_for_the_block_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("name: x\n")
    with pytest.raises(ValueError, match="products"):
        replace_block("x", "products", {}, "fitted", tmp_path)


def test_constants_have_three_digits_at_any_depth() -> None:
    assert flow({"a": [{"b": 1234.5, "c": 7}], "d": False, "e": 1.2345e-6}) == (
        "{a: [{b: 1230, c: 7}], d: false, e: 1.23e-06}"
    )


def test_a_source_goes_into_its_block_whatever_follows(tmp_path: Path) -> None:
    path = tmp_path / "gpu-x.yaml"
    path.write_text(BEFORE + "range_of:\n  l2_bytes: [1, 9]\n")
    for text in ("read, here", "derived"):
        replace_source("gpu-x", "energy_pj_per_op.f16", text, tmp_path)
    assert path.read_text() == BEFORE + '  energy_pj_per_op.f16: "derived"\nrange_of:\n  l2_bytes: [1, 9]\n'
