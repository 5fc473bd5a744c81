"""Whole decoders priced kernel by kernel."""

from __future__ import annotations

from dataclasses import replace

import pytest
from onnx import TensorProto

from benchmarks.decoders import price
from samples.models.decoder import TINY

PHASES = ["prefill: batch=2 seq=16 past=0", "decode: batch=2 seq=1 past=16..23"]


def test_layers_are_priced_once_and_counted_as_often_as_there_are() -> None:
    two, ten = (price(replace(TINY, layers=n), "a100-80", PHASES) for n in (2, 10))
    for phase in ("prefill", "decode"):
        layer = sum(k.seconds for k in two[phase].layer)
        assert ten[phase].seconds - two[phase].seconds == pytest.approx(8 * layer)
        assert ten[phase].launches - two[phase].launches == 8 * len(two[phase].layer)


def test_tokens_of_a_decoder_with_experts_go_through_those_that_its_router_picks() -> None:
    gated = replace(TINY, gated=True, rms=True, rotary=True, bias=False)
    dense, sparse = (price(c, "a100-80", PHASES)["prefill"] for c in (gated, replace(gated, experts=4)))
    assert [k.kind for k in sparse.layer].count("matmul") == [k.kind for k in dense.layer].count("matmul") + 2
    assert sum("/experts/" in k.name and k.kind == "matmul" for k in sparse.layer) == 3


def test_a_narrow_cache_is_half_as_long_to_read() -> None:
    wide = replace(TINY, layers=2, width=4096, heads=32, kv_heads=8, positions=8192)
    steps = [price(c, "l40s", ["step: batch=64 seq=1 past=4096"])["step"]
             for c in (wide, replace(wide, cache=TensorProto.FLOAT8E4M3FN))]  # fmt: skip
    traffic = [next(k.memory_j for k in step.layer if k.kind == "attention") for step in steps]
    assert traffic[1] == pytest.approx(traffic[0] / 2, rel=0.01)


def test_the_energy_of_a_kernel_is_that_of_its_memory_of_being_busy_and_of_its_operations() -> None:
    for kernel in price(TINY, "h100-sxm", PHASES)["prefill"].layer:
        assert 0 < kernel.memory_j + kernel.active_j < kernel.joules
        assert kernel.active_j == pytest.approx(0.46 * 700 * kernel.seconds)


def test_a_rank_does_its_part_of_the_products_and_exchanges_twice_a_layer() -> None:
    alone, one_of_two = (price(replace(TINY, ranks=n), "a100-80", PHASES)["prefill"] for n in (1, 2))
    kinds = [k.kind for k in one_of_two.layer]
    assert kinds.count("all_reduce") == 2
    assert kinds.count("matmul") == [k.kind for k in alone.layer].count("matmul") == 4
    assert [k.kind for k in one_of_two.outside].count("all_gather") == 1
