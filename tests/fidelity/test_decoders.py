"""Whole decoders priced kernel by kernel."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.decoders import price
from samples.models.decoder import TINY

PHASES = ["prefill: batch=2 seq=16 past=0", "decode: batch=2 seq=1 past=16..23"]


def test_layers_are_priced_once_and_counted_as_often_as_there_are() -> None:
    two, ten = (price(replace(TINY, layers=n), "a100-80", PHASES) for n in (2, 10))
    for phase in ("prefill", "decode"):
        layer = sum(k.seconds for k in two[phase].layer)
        assert ten[phase].seconds - two[phase].seconds == pytest.approx(8 * layer)
        assert ten[phase].launches - two[phase].launches == 8 * len(two[phase].layer)


def test_a_rank_does_its_part_of_the_products_and_exchanges_twice_a_layer() -> None:
    alone, one_of_two = (price(replace(TINY, ranks=n), "a100-80", PHASES)["prefill"] for n in (1, 2))
    kinds = [k.kind for k in one_of_two.layer]
    assert kinds.count("all_reduce") == 2
    assert kinds.count("matmul") == [k.kind for k in alone.layer].count("matmul") == 4
    assert [k.kind for k in one_of_two.outside].count("all_gather") == 1
