from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples

from mapper.cost.shards.spread import Columns
from mapper.emit.shards.combine import taken
from mapper.emit.shards.layouts import Ranges, Split, by_columns, even, located, packed, regrouped, within


def entries(row: tuple[tuple[int, int], ...]) -> list[int]:
    return [i for a, b in row for i in range(a, b)]


def cut(array: np.ndarray[tuple[int, ...], np.dtype[np.int64]], axis: int, ranges: Ranges, rank: int) -> list[int]:
    return [int(x) for x in np.take(array, entries(ranges[rank]), axis=axis).reshape(-1)]


@examples(30, 100)
@given(st.data())
def test_a_divided_axis_under_other_sizes_holds_the_same_numbers(data: st.DataObject) -> None:
    factors = data.draw(st.lists(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=4))
    olds = data.draw(st.sampled_from([factors, [int(np.prod(factors))], [factors[0], int(np.prod(factors[1:]))]]))
    news = data.draw(st.sampled_from([factors, [int(np.prod(factors))], [int(np.prod(factors[:-1])), factors[-1]]]))
    place = data.draw(st.integers(0, len(olds) - 1))
    ranks = data.draw(st.integers(1, 3))
    ranges = even(olds[place], ranks)
    if any(a == b for row in ranges for a, b in row):
        return
    found = regrouped(olds, place, ranges, news)
    array = np.arange(int(np.prod(olds)))
    for rank in range(ranks) if found else ():
        assert found is not None
        mine = cut(array.reshape(olds), place, ranges, rank)
        assert mine == cut(array.reshape(news), found[0], found[1], rank)


def test_heads_merge_into_features_and_fall_apart_again() -> None:
    assert regrouped([4, 16], 0, even(4, 2), [64]) == (0, (((0, 32),), ((32, 64),)))
    assert regrouped([64], 0, even(64, 2), [4, 16]) == (0, (((0, 2),), ((2, 4),)))
    assert regrouped([64], 0, even(64, 4), [2, 32]) is None


def test_the_inner_of_merged_axes_becomes_a_stretch_for_each_outer_entry() -> None:
    found = regrouped([2, 4], 1, even(4, 2), [8])
    assert found == (0, (((0, 2), (4, 6)), ((2, 4), (6, 8))))
    assert regrouped([8], 0, found[1], [2, 4]) == (1, even(4, 2))


@given(st.integers(1, 8), st.integers(1, 4), st.integers(1, 8), st.integers(1, 3))
def test_every_head_is_some_ranks_and_groups_stay_whole(groups: int, each: int, ranks: int, size: int) -> None:
    heads = groups * each
    found = by_columns((Columns(heads, heads, groups),), heads * size, ranks)
    shared = by_columns((Columns(groups, groups, groups),), groups * size, ranks)
    if found is None or shared is None or heads < ranks:
        return
    mine = [entries(row) for row in found]
    assert sorted(i for row in mine for i in row) == list(range(heads * size))
    for row, keys in zip(mine, shared, strict=True):
        own = {i // size for i in entries(keys)}
        assert {i // size // each for i in row} <= own


def test_ranks_that_share_a_head_of_keys_are_known_to() -> None:
    shared = by_columns((Columns(2, 2, 2),), 2, 4)
    assert shared is not None
    assert not Split(0, shared).apart
    assert Split(0, even(8, 4)).apart


def test_parts_that_lie_one_behind_the_other_are_each_divided() -> None:
    assert packed([4, 2], 2) == (((0, 2), (4, 5)), ((2, 4), (5, 6)))
    assert packed([4, 1], 2) is None
    assert within((((0, 2), (4, 5)), ((2, 4), (5, 6))), 4, 6) == (((0, 1),), ((1, 2),))


@given(st.lists(st.integers(1, 4), min_size=2, max_size=4), st.integers(2, 4), st.booleans())
def test_what_ranks_have_together_is_the_whole(sizes: list[int], ranks: int, again: bool) -> None:
    ranges = packed([s * ranks for s in sizes], ranks)
    assert ranges is not None
    ranges = (*ranges, *ranges[-1:]) if again else ranges
    whole = []
    for rank, (start, stop), size in taken(ranges):
        row = entries(ranges[rank])
        assert size == len(row)
        whole += row[start:stop]
    assert whole == list(range(sum(sizes) * ranks))


def test_stretches_are_found_in_what_is_held() -> None:
    assert located([(2, 3)], [(0, 1), (2, 4)]) == [(1, 2)]
    assert located([(0, 1), (2, 4)], [(0, 1), (2, 4)]) == [(0, 3)]
    assert located([(1, 3)], [(0, 1), (2, 4)]) is None
