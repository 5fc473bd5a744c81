"""Dealing: pieces of a chain to bins that take so many of each class."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples

from mapper.solve.dealing import Ints, changes, dealt


@st.composite
def dealings(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """A chain of pieces by class, and some bin for each."""
    chain = draw(st.lists(st.integers(0, 3), min_size=1, max_size=30))
    return chain, draw(st.lists(st.integers(0, 4), min_size=len(chain), max_size=len(chain)))


def counted(chain: list[int], bins: list[int] | tuple[int, ...]) -> Ints:
    counts = np.zeros((5, 4), dtype=np.int64)
    np.add.at(counts, (np.array(bins), np.array(chain)), 1)
    return counts


@examples(30, 100)
@given(dealings())
def test_every_bin_takes_what_it_should_under_some_number(given_: tuple[list[int], list[int]]) -> None:
    chain, bins = given_
    found = dealt(chain, counted(chain, bins))
    before, after = counted(chain, bins).tolist(), counted(chain, found).tolist()
    assert Counter(map(tuple, after)) == Counter(map(tuple, before))


def test_stretches_stay_stretches() -> None:
    chain = [0, 1, 1, 2, 0, 1, 1, 2, 0, 1, 1, 2]
    bins = [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2]
    assert dealt(chain, counted(chain, bins)) == tuple(bins)


def test_a_bin_that_lacks_one_piece_does_not_shift_all_others() -> None:
    """Bin 0 takes one large piece less than its layers have, and bin 3 one more: dealt in turn, each bin between would
    take a large piece of the layer before."""
    chain = [0, 0, 1, 0, 0, 1] * 4
    bins = [k // 6 for k in range(24)]
    bins[2] = 3
    found = dealt(chain, counted(chain, bins))
    assert changes(found) <= changes(bins)
