"""Each rule of the verifier, broken once, and problems that are refused."""

from dataclasses import replace

import pytest

from mapper.errors import MapperError
from mapper.solve.placement.problem import Item, Net, Option, Problem, Resident, Solution, Transfer, verify


def _problem(capacity: int = 10, ties: tuple[tuple[int, ...], ...] = (), *, route: bool = True) -> Problem:
    def options(needs: tuple[int, ...]) -> tuple[Option, ...]:
        return tuple(Option(f"at{p}", p, 1, p, ((p, 1),), 1, needs) for p in range(2))

    items = (Item("first", "a", 0, options((0,))), Item("second", "b", 0, options((0, 1))))
    transfers = ({(0, 1): Transfer(1, (), 1), (1, 0): Transfer(1, (), 1)} if route else {},)
    residents = (Resident("w0", 0, 4), Resident("w1", 0, 5))
    net = Net(0, (1,), 0, 0)
    return Problem(
        items, (net,), transfers, residents, ("u0", "u1"), ("mem",), (capacity,), ("left", "right"), (1,), ties
    )


def test_residents_are_counted_once() -> None:
    verify(_problem(9), Solution((0, 1)))


def test_capacity_is_enforced() -> None:
    with pytest.raises(MapperError, match="capacity: memory 'mem' would hold 9 bytes of at most 8"):
        verify(_problem(8), Solution((0, 0)))


def test_ties_are_enforced() -> None:
    with pytest.raises(MapperError, match=r"tie: .*'first' in 'left', 'second' in 'right'"):
        verify(_problem(ties=((0, 1),)), Solution((0, 1)))


def test_routes_must_exist() -> None:
    with pytest.raises(MapperError, match="route: nothing leads from 'left' to 'right'"):
        verify(_problem(route=False), Solution((0, 1)))


@pytest.mark.parametrize("choice", [(0,), (0, 2), (-1, 0)])
def test_every_item_has_one_of_its_options(choice: tuple[int, ...]) -> None:
    with pytest.raises(MapperError, match="one-option"):
        verify(_problem(), Solution(choice))


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (Net(0, (7,), 0, 0), "net 0 item: index 7 is not among 2"),
        (Net(9, (1,), 0, 0), "net 0 item: index 9 is not among 2"),
        (Net(0, (1,), 3, 0), "net 0 size: index 3 is not among 1"),
        (Net(-1, (1,), 0, 0, origin=5), "net 0 place: index 5 is not among 2"),
        (Net(0, (1,), 0, 0, ends=(2,)), "net 0 place: index 2 is not among 2"),
    ],
)
def test_the_ends_of_a_net_must_exist(net: Net, words: str) -> None:
    with pytest.raises(MapperError, match=words):
        replace(_problem(), nets=(net,)).check()


def test_a_number_that_64_bits_do_not_hold_is_refused_by_its_option() -> None:
    item = Item("first", "a", 0, (Option("slow", 0, 2**70, 0, (), 1),))
    with pytest.raises(MapperError, match=f"item 'first', option 'slow': {2**70} is beyond"):
        replace(_problem(), items=(item,), nets=()).check()


def test_a_capacity_that_64_bits_do_not_hold_is_refused() -> None:
    with pytest.raises(MapperError, match="capacities must be one number per memory"):
        _problem(2**70).check()
