"""Windows say which firing brings what, and malformed problems are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streaming_builders import LINES, READ, one_layer, stores, two_layers

from mapper.errors import MapperError
from mapper.solve.streaming import Group, Loop, Node, Problem, Role


def window(*loops: Loop, rounds: int = 8) -> Node:
    return Node("w", Role.READ, rounds, READ, window=loops)


def test_without_a_window_every_round_is_a_transfer() -> None:
    assert window().served() == [[k] for k in range(8)]


def test_a_loop_that_does_not_move_uses_a_tile_again() -> None:
    assert window(Loop(4, False)).served() == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_an_inner_loop_that_moves_is_held_for_the_outer_one() -> None:
    assert window(Loop(4, True), Loop(2, False)).served() == [[0, 4], [1, 5], [2, 6], [3, 7]]


def test_three_loops() -> None:
    node = window(Loop(2, True), Loop(2, False), Loop(2, True))
    assert node.served() == [[0, 2], [1, 3], [4, 6], [5, 7]]


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (window(Loop(3, False)), "8 rounds with a window of 3"),
        (Node("n", Role.READ, 1, ((9, 1),)), "names line 9"),
        (Node("n", Role.READ, 1, ((0, -1),)), "takes -1 of line 0"),
        (Node("n", Role.READ, 1, (), (0,)), "waits for position 0"),
        (Node("n", Role.READ, 1, (), target=((7, 1),)), "names store 7"),
    ],
)
def test_a_malformed_node_is_refused(node: Node, message: str) -> None:
    with pytest.raises(MapperError, match=message):
        Problem(LINES, stores(), (Group("g", (node,)),), ()).check()


def test_a_value_read_before_it_is_made_is_refused() -> None:
    problem = two_layers()
    value = replace(problem.values[0], maker=(1, 2), readers=((0, 0),))
    with pytest.raises(MapperError, match="value 'v' is read in group 0, made in group 1"):
        replace(problem, values=(value,)).check()


def test_good_problems_are_not_refused() -> None:
    one_layer().check()
    two_layers().check()
