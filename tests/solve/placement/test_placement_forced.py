"""What an option loads whatever the others do, and the bounds that follow from it."""

import pytest
from placement_builders import tiny

from mapper.solve.budget import Budget
from mapper.solve.placement.bound import energy_bound, throughput_bound
from mapper.solve.placement.forced import forced_loads
from mapper.solve.placement.problem import Item, Net, Option, Problem, Solution, Transfer, totals
from mapper.solve.placement.tables import build

HOST, LINK = 0, 2


def head_on_two_equal_units() -> Problem:
    """An item that takes 10 ticks on either unit, and whose result goes home over that unit's own link in 60."""
    options = tuple(Option(f"unit{u}", 1 + u, 10, u, ((u, 10),), 5) for u in range(2))
    home = {(1 + u, HOST): Transfer(60, ((LINK + u, 60),), 1) for u in range(2)}
    return Problem(
        items=(Item("head", "head", 0, options),),
        nets=(Net(0, (), 0, 0, ends=(HOST,)),),
        transfers=(home,),
        residents=(),
        resources=("unit0", "unit1", "link0", "link1"),
        memories=(),
        capacities=(),
        places=("host", "die0", "die1"),
        calls=(1,),
        idle_pj_per_tick=2.0,
    )


def test_a_result_that_must_go_home_is_a_forced_load() -> None:
    assert forced_loads(build(head_on_two_equal_units()), 0).tolist() == [60, 60]


def test_one_item_cannot_be_spread_over_two_links() -> None:
    assert throughput_bound(build(head_on_two_equal_units()), Budget(), 100.0).value == 60


def test_idle_power_is_paid_for_as_long_as_an_item_forces_a_link_to_be_busy() -> None:
    problem = head_on_two_equal_units()
    assert energy_bound(build(problem), Budget(), 1000.0).value == pytest.approx(5 + 1 + 2.0 * 60, rel=1e-6)


@pytest.mark.parametrize("seed", range(60))
def test_no_option_brings_less_than_its_forced_load(seed: int) -> None:
    problem = tiny(seed)
    tables = build(problem)
    rows = [forced_loads(tables, i) for i in range(len(problem.items))]
    for turn in range(4):
        choice = tuple((turn * 7 + i) % len(item.options) for i, item in enumerate(problem.items))
        try:
            interval = totals(problem, Solution(choice)).interval
        except KeyError:  # a route is missing: no placement
            continue
        assert all(row[o] <= interval for row, o in zip(rows, choice, strict=True))
