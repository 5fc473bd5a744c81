"""Each rule of a schedule refuses a schedule that breaks only it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streaming_builders import one_layer, two_layers

from mapper.errors import MapperError
from mapper.solve.streaming import Piece, Problem, Solution, verify
from mapper.solve.streaming.place import place
from mapper.solve.streaming.verify import WHOLE, share, speed_of


def moved(problem: Problem, step: int, start: int, end: int) -> Solution:
    """The placed schedule with one step somewhere else, at an even speed."""
    found = place(problem, [0] * len(problem.values), 1.0)
    assert isinstance(found, Solution)
    return put(found, step, start, end)


def put(found: Solution, step: int, start: int, end: int) -> Solution:
    starts, ends, pieces = list(found.start), list(found.end), list(found.pieces)
    done = sum((piece.end - piece.start) * piece.speed for piece in pieces[step])
    starts[step], ends[step] = start, end
    pieces[step] = (Piece(start, end, min(WHOLE, -(-done // (end - start)))),)
    return Solution(found.ways, tuple(starts), tuple(ends), tuple(pieces))


def test_a_placed_schedule_keeps_all_rules_and_takes_what_a_hand_counts() -> None:
    # reads at 0-4 and 4-8, layers at 4-7 and 8-11, saves at 8-12 and 12-16: the memory outside is the bottleneck
    found = place(one_layer(), [], 1.0)
    assert isinstance(found, Solution)
    verify(one_layer(), found)
    assert (found.start, found.end) == ((0, 4, 4, 8, 8, 12), (4, 8, 7, 11, 12, 16))


def test_a_step_that_is_too_short_breaks_duration() -> None:
    with pytest.raises(MapperError, match=r"duration: 'layer' .* takes from 8 to 10 and does 2\.0 of 3"):
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
    found = put(put(moved(one_layer(), 0, 0, 8), 1, 0, 8), 2, 8, 11)
    late = found
    for step, start in ((3, 11), (4, 14), (5, 18)):
        late = put(late, step, start, start + (3 if step == 3 else 4))
    verify(one_layer(), late)
    with pytest.raises(MapperError, match=r"lines: 'outside' at cycle 0: 1\.5"):
        verify(one_layer(), put(late, 1, 0, 4))


def test_a_transfer_may_pause_and_a_layer_may_not() -> None:
    problem = one_layer()
    found = place(problem, [], 1.0)
    assert isinstance(found, Solution)
    pieces = list(found.pieces)
    pieces[5] = (Piece(12, 14, WHOLE), Piece(20, 22, WHOLE))
    paused = replace(found, end=(*found.end[:5], 22), pieces=tuple(pieces))
    verify(problem, paused)
    pieces[3] = (Piece(8, 9, WHOLE), Piece(9, 11, WHOLE))
    with pytest.raises(MapperError, match="duration: 'layer' of group 'a', firing 1 is interrupted"):
        verify(problem, replace(paused, pieces=tuple(pieces)))


def test_a_piece_faster_than_full_speed_breaks_duration() -> None:
    found = place(one_layer(), [], 1.0)
    assert isinstance(found, Solution)
    pieces = list(found.pieces)
    pieces[0] = (Piece(0, 2, 2 * WHOLE),)
    with pytest.raises(MapperError, match="out of order or too fast"):
        verify(one_layer(), replace(found, pieces=tuple(pieces)))


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
    with pytest.raises(MapperError, match="order: from 'layer' of group 'a', firing 1 to 'in' of group 'b', firing 0"):
        verify(problem, put(found, first_read, 5, 7))


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
    assert share(1, 3, WHOLE) * 3 > WHOLE
    assert speed_of(1, 3) * 3 > WHOLE
