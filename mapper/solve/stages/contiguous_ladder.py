"""Contiguous stages as a CP-SAT model: a ladder of Booleans for each unit over the positions of the pipeline.

For graphs with too many ideals for `contiguous_ideals`, and for groups of backward nodes alone, which no order binds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from mapper.solve import cpsat
from mapper.solve.budget import Budget
from mapper.solve.stages.contiguous_units import NEVER, Units

RESOLUTION = 2**30
"""The largest load is cut into this many steps: rounding then moves the bound of a thousand terms by a millionth."""


@dataclass(frozen=True)
class Variables:
    """The model's variables.

    reached[u][k]: unit u is at position k or before. at[u][k]: it is at position k. runs[k][c]: position k is a device
    of class c. sent[n][k], got[n][k]: position k sends or receives net n. load: the largest load in steps.
    """

    reached: list[list[cp_model.IntVar]]
    at: list[list[cp_model.IntVar]]
    runs: list[list[cp_model.IntVar]]
    sent: list[list[cp_model.IntVar]]
    got: list[list[cp_model.IntVar]]
    load: cp_model.IntVar


@dataclass(frozen=True)
class Answer:
    """A device for each unit and the devices in order (None: none found), and the bound on any value in ticks.

    done: the model is solved, so that only its rounding may be between value and bound.
    """

    chain: tuple[list[int], list[int]] | None
    bound: int
    done: bool


def solve(units: Units, upper: int, start: Sequence[int] | None, budget: Budget, step: int | None = None) -> Answer:
    """Search for loads below `upper` ticks. start: the position of each unit in a known solution, as a hint.

    step: ticks are rounded to multiples of it, for `RESOLUTION` where it is not given.
    """
    step = max(1, upper // RESOLUTION) if step is None else step
    model = cp_model.CpModel()
    v = _variables(model, units, -(-upper // step) if step > 1 else upper - 1)
    add_one_class(model, v, units)
    add_precedence(model, v, units)
    add_support(model, v, units)
    add_memory(model, v, units)
    add_transfers(model, v, units)
    add_loads(model, v, units, step)
    model.minimize(v.load)
    if start is not None:
        cpsat.add_hints(model, ((x, int(start[u] == k)) for u, row in enumerate(v.at) for k, x in enumerate(row)))
    answer = cpsat.solve(model, budget, linearization_level=2)
    done = answer.outcome in (cpsat.Outcome.INFEASIBLE, cpsat.Outcome.OPTIMAL)
    if answer.outcome is cpsat.Outcome.INFEASIBLE:
        return Answer(None, upper, done)
    bound = min(upper, math.ceil((answer.bound or 0) - 1e-3) * step)
    return Answer(_read_back(units, v, answer.solver) if answer.found else None, bound, done)


def _variables(model: cp_model.CpModel, units: Units, most: int) -> Variables:
    positions, classes = range(len(units.problem.devices)), range(len(units.problem.classes))
    at = [[model.new_bool_var("") for _ in positions] for _ in units.members]
    reached: list[list[cp_model.IntVar]] = []
    for row in at:
        model.add_exactly_one(row)
        steps = [row[0], *(model.new_bool_var("") for _ in positions[1:])]
        for k in positions[1:]:
            model.add(steps[k] == steps[k - 1] + row[k])
        reached.append(steps)
    return Variables(
        reached,
        at,
        [[model.new_bool_var("") for _ in classes] for _ in positions],
        [[model.new_bool_var("") for _ in positions] for _ in units.nets],
        [[model.new_bool_var("") for _ in positions] for _ in units.nets],
        model.new_int_var(0, most, "load"),
    )


def add_one_class(model: cp_model.CpModel, v: Variables, units: Units) -> None:
    """Each position is a device of one class, and no class has more positions than devices."""
    for row in v.runs:
        model.add_exactly_one(row)
    for c, device in enumerate(units.problem.classes):
        model.add(sum(row[c] for row in v.runs) == device.count)


def add_precedence(model: cp_model.CpModel, v: Variables, units: Units) -> None:
    """A unit that has reached a position has there all that it waits for."""
    for a, b in units.edges:
        for k in range(len(v.runs) - 1):
            model.add_implication(v.reached[b][k], v.reached[a][k])


def add_support(model: cp_model.CpModel, v: Variables, units: Units) -> None:
    """No unit is at a position whose class cannot run it."""
    for c in range(len(units.problem.classes)):
        for u in range(len(units.members)):
            if units.times[c, u] >= NEVER:
                for k, row in enumerate(v.runs):
                    model.add_bool_or(~v.at[u][k], ~row[c])


def add_memory(model: cp_model.CpModel, v: Variables, units: Units) -> None:
    """The units at a position fit the memory of its class."""
    total = int(units.sizes.sum())
    for c, device in enumerate(units.problem.classes):
        if device.memory is None or total <= device.memory:
            continue
        for k, row in enumerate(v.runs):
            used = sum(int(size) * v.at[u][k] for u, size in enumerate(units.sizes))
            model.add(used <= device.memory).only_enforce_if(row[c])


def add_transfers(model: cp_model.CpModel, v: Variables, units: Units) -> None:
    """A position sends a net whose home is there and a reader is not, and receives one read there with its home not."""
    for n, (home, readers, _) in enumerate(units.nets):
        for k in range(len(v.runs)):
            for u in readers:
                model.add_bool_or(v.sent[n][k], ~v.at[home][k], v.at[u][k])
                model.add_bool_or(v.got[n][k], ~v.at[u][k], v.at[home][k])


def add_loads(model: cp_model.CpModel, v: Variables, units: Units, step: int) -> None:
    """The work at a position, and its transfers where its class pays for them, are at most the largest load."""
    for k, row in enumerate(v.runs):
        moved = sum(ticks // step * (v.sent[n][k] + v.got[n][k]) for n, (_, _, ticks) in enumerate(units.nets))
        for c, device in enumerate(units.problem.classes):
            work = sum(
                int(units.times[c, u]) // step * v.at[u][k]
                for u in range(len(units.members))
                if units.times[c, u] < NEVER
            )
            model.add(work + (moved if device.transfers else 0) <= v.load).only_enforce_if(row[c])


def _read_back(units: Units, v: Variables, solver: cp_model.CpSolver) -> tuple[list[int], list[int]]:
    free: dict[int, list[int]] = {}
    for d, c in enumerate(units.problem.devices):
        free.setdefault(c, []).append(d)
    order = [free[next(c for c, x in enumerate(row) if solver.boolean_value(x))].pop(0) for row in v.runs]
    device = [order[next(k for k, x in enumerate(row) if solver.boolean_value(x))] for row in v.at]
    return device, order
