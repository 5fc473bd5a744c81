"""How much of a value the fullest rank has, and how many rows the busiest expert gets."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples

from mapper.cost.shards.expected import _exact, _normal, busiest
from mapper.cost.shards.reshard import exchange_between, memory_bytes
from mapper.cost.shards.spread import Columns, Experts, Spread
from mapper.hw.layout import Layout
from mapper.hw.work import DType


@examples(30, 100)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 9))
def test_the_fullest_rank_has_its_part_rounded_up(columns: int, rows: int, ranks: int) -> None:
    value = Spread(columns * rows, (Columns(1, columns, columns),), rows)
    if columns >= ranks:
        assert value.part(Layout.FEATURES, ranks) == rows * -(-columns // ranks)
    assert value.part(Layout.TOKENS, ranks) == columns * -(-rows // ranks)
    assert value.part(Layout.COPY, ranks) == value.part(Layout.SUM, ranks) == columns * rows


@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 16))
def test_heads_that_share_keys_stay_with_them(groups: int, times: int, ranks: int) -> None:
    heads = Columns(1, groups * times, groups)
    taken, keys = heads.taken(ranks), Columns(1, groups, groups).taken(ranks)
    assert taken <= keys * times  # a rank has the keys of all its heads
    assert taken * ranks >= min(groups * times, taken * ranks)
    if ranks <= groups:
        assert taken * ranks >= groups * times
        assert keys * ranks >= groups
    elif ranks % groups == 0:
        assert taken * ranks >= groups * times
        assert keys == 1


def test_what_cannot_be_divided_lies_whole() -> None:
    mask = Spread(64)
    assert mask.held(Layout.FEATURES) is Layout.COPY
    assert mask.part(Layout.TOKENS, 4) == 64


@pytest.mark.parametrize(("rows", "ranks", "experts"), [(3, 2, 4), (4, 4, 4), (6, 3, 6)])
def test_the_busiest_rank_is_the_mean_over_all_ways_to_deal(rows: int, ranks: int, experts: int) -> None:
    mine = experts // ranks
    loads = [
        max(sum(e // mine == rank for e in dealt) for rank in range(ranks))
        for dealt in product(range(experts), repeat=rows)
    ]
    mean = sum(loads) / len(loads)
    assert _exact(rows, 1 / ranks, ranks) == pytest.approx(mean, rel=0.2)  # ranks are taken as independent
    assert abs(busiest(rows, ranks, experts) - mean) <= 0.2 * mean + 0.5


@examples(30, 100)
@given(st.integers(1, 5000), st.sampled_from([2, 4, 8, 16]))
def test_the_busiest_rank_has_at_least_its_share(rows: int, ranks: int) -> None:
    assert rows // ranks <= busiest(rows, ranks, ranks) <= rows
    assert busiest(rows, 1, ranks) == rows


def test_many_rows_are_as_good_as_normal() -> None:
    assert _normal(4000, 1 / 8, 8) == pytest.approx(_exact(4000, 1 / 8, 8), rel=0.01)


VALUE = Spread(1024, (Columns(1, 64, 64),), 16, Experts(32, 8, 2))
DIVIDED = (Layout.FEATURES, Layout.TOKENS, Layout.EXPERTS)


@pytest.mark.parametrize("b", DIVIDED)
def test_cutting_a_whole_and_keeping_a_part_as_summand_are_free(b: Layout) -> None:
    assert exchange_between(VALUE, DType.F16, Layout.COPY, b, 4) == ("", 0)
    assert exchange_between(VALUE, DType.F16, b, Layout.SUM, 4) == ("", 0)


def test_each_change_of_layout_has_its_collective() -> None:
    copy, features, tokens, summed = Layout.COPY, Layout.FEATURES, Layout.TOKENS, Layout.SUM
    assert exchange_between(VALUE, DType.F16, features, copy, 4) == ("all_gather", 2048)
    assert exchange_between(VALUE, DType.F16, tokens, copy, 4) == ("all_gather", 2048)
    assert exchange_between(VALUE, DType.F16, summed, copy, 4) == ("all_reduce", 2048)
    assert exchange_between(VALUE, DType.F16, summed, tokens, 4) == ("reduce_scatter", 2048)
    assert exchange_between(VALUE, DType.F16, features, tokens, 4) == ("all_to_all", 512)
    assert exchange_between(VALUE, DType.F16, summed, Layout.EXPERTS, 4) == ("all_reduce", 2048)


def test_an_all_reduce_moves_twice_what_a_gathering_does() -> None:
    assert memory_bytes("all_reduce", 8, 100) == 2 * memory_bytes("all_gather", 8, 100) == 4 * 7 * 100
