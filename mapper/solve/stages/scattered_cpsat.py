"""A split that fits the memories by CP-SAT, for problems whose memory is too scarce for greedy ones."""

from __future__ import annotations

import numpy as np
from ortools.sat.python import cp_model

from mapper.solve.budget import Budget
from mapper.solve.cpsat import Outcome, solve
from mapper.solve.stages.infeasible import no_split
from mapper.solve.stages.scattered_units import FORBIDDEN, Ints, Units

Place = dict[tuple[int, int], cp_model.IntVar]


def any_split(units: Units, budget: Budget) -> Ints | None:
    """The device of each unit so that all memories suffice; None when the budget does not tell.

    Raises Infeasible, with demand and supply, when there is no such split.
    """
    model = cp_model.CpModel()
    place = _places(model, units)
    add_device(model, place, units)
    add_memory(model, place, units)
    answer = solve(model, budget)
    if answer.outcome is Outcome.INFEASIBLE:
        raise no_split(units.problem)
    if not answer.found:
        return None
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
