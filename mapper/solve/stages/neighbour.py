"""Annealing over splits: the search for a better split in the neighbourhood of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mapper.solve.budget import Budget
from mapper.solve.stages.problem import MOST
from mapper.solve.stages.scattered_units import Ints, Units

SECONDS_PER_STEP = 4e-7
"""Deterministic seconds of one step of the annealing, measured."""


@dataclass(frozen=True)
class Schedule:
    """How to anneal: the first and last temperature, and the energy's sharpness.

    The energy is the sum of loads to the power 2 ** sharpness, as shares of the largest load at the start: blunt ones
    let work wander between devices, sharp ones look at the busiest device alone.
    """

    hot: float
    cold: float
    sharpness: int


class Neighbourhood:
    """Units and nets as arrays for the compiled search."""

    def __init__(self, units: Units, order: Ints) -> None:
        self.order = order
        classes = [units.problem.classes[c] for c in units.problem.devices]
        net_at, members = _rows(units.nets)
        around_at, around = _rows(units.around)
        self._arrays = (
            order,
            net_at,
            members,
            around_at,
            around,
            np.array(units.costs, dtype=np.int64),
            units.times,
            units.sizes,
            units.devices,
            np.array([c.transfers for c in classes], dtype=np.int64),
            np.array([MOST if c.memory is None else c.memory for c in classes], dtype=np.int64),
        )

    def anneal(
        self, device: Ints, schedules: Sequence[Schedule], steps: int, seed: int, budget: Budget
    ) -> tuple[Ints, int]:
        """The best split met on the way from `device` through the schedules, steps for each, and its largest load.

        Stops early when the budget is over. `device` keeps the memory limits, and so does the answer.
        """
        from mapper.solve.stages.neighbour_kernels import anneal

        at, best, least = device.copy(), device, MOST
        if budget.deadline is not None:
            steps = min(steps, int(budget.seconds_left() / (2 * SECONDS_PER_STEP * len(schedules))))
        for schedule in schedules:
            if least < MOST and budget.over():
                break
            found, load = anneal(
                at, *self._arrays, steps, schedule.hot, schedule.cold, schedule.sharpness, seed % 2**32
            )
            budget.spend("annealing", steps * SECONDS_PER_STEP)
            if load < least:
                best, least = found, int(load)
        return best, least


def _rows(lists: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    """Lists of different lengths as one array, and where each begins."""
    begins = np.concatenate([[0], np.cumsum([len(row) for row in lists])]).astype(np.int64)
    return begins, np.array([x for row in lists for x in row], dtype=np.int64)
