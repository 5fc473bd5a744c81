"""A placement's energy as a selection: the same choices, rules and values."""

import itertools
from dataclasses import replace

import pytest
from placement_builders import tiny
from placement_oracle import best

from mapper.errors import Infeasible, MapperError
from mapper.solve.budget import Budget
from mapper.solve.placement import problem as pb
from mapper.solve.placement.as_selection import AsSelection, as_selection
from mapper.solve.placement.driver import solve
from mapper.solve.selection.problem import Solution
from mapper.solve.selection.verify import verify


def least_completion(made: AsSelection, choice: tuple[int, ...]) -> int | None:
    """The least cost of a selection whose items are as in `choice`: what is sent and kept is tried both ways."""
    extra = [range(len(node.costs)) for node in made.selection.nodes[made.items :]]
    values = []
    for rest in itertools.product(*extra):
        whole = (*choice, *rest)
        try:
            verify(made.selection, Solution(whole))
        except MapperError:
            continue
        values.append(made.selection.objective(whole))
    return min(values, default=None)


def few_helpers(seed: int) -> bool:
    made = as_selection(tiny(seed, items=4, options=3))
    return len(made.selection.nodes) - made.items <= 9


@pytest.mark.parametrize("seed", [s for s in range(120) if few_helpers(s)][:60])
def test_every_choice_costs_in_the_selection_what_it_costs_as_a_placement(seed: int) -> None:
    problem = tiny(seed, items=4, options=3)
    made = as_selection(problem)
    for choice in itertools.product(*(range(len(item.options)) for item in problem.items)):
        found = least_completion(made, choice)
        try:
            pb.verify(problem, pb.Solution(choice))
        except MapperError:
            assert found is None
        else:
            assert found is not None
            assert made.energy(found) == pb.totals(problem, pb.Solution(choice)).cost


@pytest.mark.parametrize("seed", [s for s in range(120) if few_helpers(s)][:30])
def test_idle_power_is_left_out_so_that_no_choice_costs_more_than_its_energy(seed: int) -> None:
    problem = tiny(seed, items=3, options=3)
    made = as_selection(problem)
    for choice in itertools.product(*(range(len(item.options)) for item in problem.items)):
        found = least_completion(made, choice)
        if found is not None:
            energy = pb.objective(problem, pb.totals(problem, pb.Solution(choice)), "energy")
            assert made.energy(found) <= energy * (1 + 1e-12)


def test_large_costs_are_rounded_down_until_their_sum_fits() -> None:
    option = pb.Option("o", 0, 1, 0, (), 1 << 61)
    items = tuple(pb.Item(f"i{k}", "i", 0, (option,)) for k in range(4))
    problem = pb.Problem(items, (), (), (), ("r",), (), (), ("p",), (1,))
    made = as_selection(problem)
    made.selection.check()
    assert made.energy(made.selection.objective((0, 0, 0, 0))) == float(1 << 63)


@pytest.mark.parametrize("seed", range(30))
def test_energy_without_idle_power_is_placed_by_selection_as_well_as_by_trying_all(seed: int) -> None:
    problem = replace(tiny(seed), idle_pj_per_tick=0.0)
    optimum = best(problem, ("energy",))
    if optimum is None:
        with pytest.raises(Infeasible):
            solve(problem, "energy", Budget(0.5))
        return
    found = solve(problem, "energy", Budget(0.5))
    assert found.value == optimum["energy"]
    assert found.bound <= found.value
