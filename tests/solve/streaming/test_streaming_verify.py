"""Each rule of a schedule refuses a schedule that breaks only it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streaming_builders import one_layer, two_layers

from mapper.errors import MapperError
from mapper.solve.streaming import Problem, Solution, verify
from mapper.solve.streaming.place import place
from mapper.solve.streaming.verify import share


def moved(problem: Problem, step: int, start: int, end: int) -> Solution:
    """The placed schedule with one step somewhere else."""
    found = place(problem, [0] * len(problem.values), 1.0)
    assert isinstance(found, Solution)
    starts, ends = list(found.start), list(found.end)
    starts[step], ends[step] = start, end
    return replace(found, start=tuple(starts), end=tuple(ends))


def test_a_placed_schedule_keeps_all_rules_and_takes_what_a_hand_counts() -> None:
    # reads at 0-4 and 4-8, layers at 4-7 and 8-11, saves at 8-12 and 12-16: the memory outside is the bottleneck
    found = place(one_layer(), [], 1.0)
    assert isinstance(found, Solution)
    verify(one_layer(), found)
    assert (found.start, found.end) == ((0, 4, 4, 8, 8, 12), (4, 8, 7, 11, 12, 16))


def test_a_step_that_is_too_short_breaks_duration() -> None:
    with pytest.raises(MapperError, match="duration: 'layer' of group 'a', firing 1 takes from 8 to 10, at least 3"):
        verify(one_layer(), moved(one_layer(), 3, 8, 10))


def test_a_layer_before_its_tile_breaks_order() -> None:
    with pytest.raises(MapperError, match=r"order: from 'in' .* firing 1 to 'layer' .* available at 8, starts at 7"):
        verify(one_layer(), moved(one_layer(), 3, 7, 11))


def test_a_save_before_the_drain_breaks_order() -> None:
    problem = one_layer(drain=5)
    with pytest.raises(MapperError, match=r"order: from 'layer' .* available at 12, starts at 8"):
        verify(problem, moved(problem, 4, 8, 12))


def test_two_transfers_at_once_break_the_line_outside() -> None:
    with pytest.raises(MapperError, match=r"lines: 'outside' at cycle 3: 2.0"):
        verify(one_layer(), moved(one_layer(), 1, 3, 7))


def test_slower_transfers_may_share_a_line() -> None:
    problem = one_layer(rounds=2)
    starts, ends = (0, 0, 8, 11, 14, 18), (8, 8, 11, 14, 18, 22)
    verify(problem, Solution((), starts, ends))
    with pytest.raises(MapperError, match="lines: 'outside'"):
        verify(problem, Solution((), starts, (8, 7, 11, 14, 18, 22)))


def test_tiles_that_do_not_fit_break_stores() -> None:
    # at cycle 4 the first tile is still read, its result is made, the second tile comes: 30 bits
    found = place(one_layer(), [], 1.0)
    assert isinstance(found, Solution)
    verify(one_layer(capacity=30), found)
    with pytest.raises(MapperError, match="stores: 'memory 0' at cycle 4: 30 bits in 29, 1 too many"):
        verify(one_layer(capacity=29), found)


def test_a_reader_waits_for_the_whole_value() -> None:
    problem = two_layers()
    found = place(problem, [1], 1.0)
    assert isinstance(found, Solution)
    verify(problem, found)
    first_read = 4  # two reads and two layers of the first group come before, its save is not needed
    starts, ends = list(found.start), list(found.end)
    starts[first_read], ends[first_read] = 5, 7
    with pytest.raises(MapperError, match="order: from 'layer' of group 'a', firing 1 to 'in' of group 'b', firing 0"):
        verify(problem, replace(found, start=tuple(starts), end=tuple(ends)))


def test_a_kept_value_takes_room_until_its_last_reader_has_ended() -> None:
    problem = two_layers(capacity=25)
    found = place(problem, [3], 0.0)
    assert isinstance(found, Solution)
    verify(problem, found)
    roomy = place(two_layers(), [1], 0.0)
    assert isinstance(roomy, Solution)
    with pytest.raises(MapperError, match="stores: 'memory 0'"):
        verify(problem, roomy)


def test_ways_that_are_none_are_refused() -> None:
    found = place(two_layers(), [0])
    assert isinstance(found, Solution)
    with pytest.raises(MapperError, match="ways: value 'v' has no way 4"):
        verify(two_layers(), replace(found, ways=(4,)))


def test_a_share_is_rounded_up() -> None:
    assert share(1, 3) * 3 >= share(3, 3)
