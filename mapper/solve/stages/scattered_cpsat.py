"""A split that fits the memories by CP-SAT, for problems whose memory is too scarce for greedy ones."""

from __future__ import annotations

import numpy as np
from ortools.sat.python import cp_model

from mapper.errors import Infeasible, MapperError
from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome, solve
from mapper.solve.stages.scattered_units import FORBIDDEN, Ints, Units

Place = dict[tuple[int, int], cp_model.IntVar]


def any_split(units: Units, budget: Budget) -> Ints:
    """The device of each unit so that all memories suffice.

    Raises Infeasible, with demand and supply, when there is no such split, MapperError when the budget does not tell.
    """
    model = cp_model.CpModel()
    place = _places(model, units)
    add_device(model, place, units)
    add_memory(model, place, units)
    answer = solve(model, budget)
    if answer.outcome is Outcome.INFEASIBLE:
        raise _infeasible(units)
    if not answer.found:
        raise MapperError(f"no split of {len(units.nodes)} groups that fits the memories was found within the budget")
    device = np.zeros(len(units.nodes), dtype=np.int64)
    for (u, d), here in place.items():
        if answer.solver.boolean_value(here):
            device[u] = d
    return device


def _places(model: cp_model.CpModel, units: Units) -> Place:
    """A Boolean for each unit and device that runs it."""
    return {
        (u, d): model.new_bool_var("")
        for u in range(len(units.nodes))
        for d, c in enumerate(units.problem.devices)
        if units.times[c, u] != FORBIDDEN
    }


def add_device(model: cp_model.CpModel, place: Place, units: Units) -> None:
    """Every unit has a device."""
    devices = range(len(units.problem.devices))
    for u in range(len(units.nodes)):
        model.add_exactly_one(place[u, d] for d in devices if (u, d) in place)


def add_memory(model: cp_model.CpModel, place: Place, units: Units) -> None:
    """The sizes on a device sum to at most its memory."""
    for d, c in enumerate(units.problem.devices):
        limit = units.problem.classes[c].memory
        if limit is not None:
            sizes = [int(units.sizes[u]) * here for (u, at), here in place.items() if at == d]
            model.add(cp_model.LinearExpr.sum(sizes) <= limit)


def _infeasible(units: Units) -> Infeasible:
    """What the units need and what the devices hold."""
    problem = units.problem
    held = {c.name: c.count * c.memory for c in problem.classes if c.count and c.memory is not None}
    bound = [u for u in range(len(units.nodes)) if all(_limited(units, u, c) for c in range(len(problem.classes)))]
    demand, supply = int(units.sizes[bound].sum()), sum(held.values())
    largest = sorted(bound, key=lambda u: -int(units.sizes[u]))[:3]
    names = ", ".join(f"'{problem.nodes[units.nodes[u][0]].name}' ({int(units.sizes[u])} bytes)" for u in largest)
    what = f"{demand - supply} too few" if demand > supply else "but no way to share them out fits"
    return Infeasible(
        f"the nodes fit no split: those that need a device with limited memory take {demand} bytes",
        details=[
            f"such devices hold {supply} bytes ({', '.join(f'{k}: {v}' for k, v in held.items())}), {what}",
            f"largest: {names}",
        ],
        hint="levers: more devices | devices with more memory | smaller weights | fewer ties",
    )


def _limited(units: Units, u: int, c: int) -> bool:
    """Whether the class of devices has limited memory or cannot take the unit anyway."""
    kind = units.problem.classes[c]
    return kind.count == 0 or kind.memory is not None or bool(units.times[c, u] == FORBIDDEN)
