"""What a search minimises: an exact value to keep the best by, and a smooth guide to find the way."""

from __future__ import annotations

import numpy as np

from mapper.errors import MapperError
from mapper.solve.placement.state import Outlook, State
from mapper.solve.placement.tables import Floats, Ints, Tables
from mapper.solve.placement.timing import Timing

Value = tuple[float, float, float]
"""How far from feasible, the objective, and the tie break (energy, or ticks where energy is the objective)."""

BROKEN = 100.0
"""Guide points for one broken rule: more than any change of the objective by a factor below 100."""

SPREAD = 1e-3
"""Weight of the second objective in the guide."""


class Goal:
    """An objective, scaled so that a good placement's guide is about 1."""

    def __init__(self, tables: Tables, objective: str, scale: float) -> None:
        if objective not in ("throughput", "latency", "energy", "edp"):
            raise MapperError(f"unknown objective '{objective}'")
        self.objective = objective
        self.timing = Timing(tables) if objective in ("latency", "edp") else None
        self._idle = tables.problem.idle_pj_per_tick
        self.scale = max(scale, 1.0)
        self._cost_scale = max(1.0, float(sum(int(row[:, -2].min()) for row in tables.rows)))

    def value(self, state: State) -> Value:
        """The exact value of a whole placement; smaller is better."""
        energy = state.cost + self._idle * state.interval
        match self.objective:
            case "throughput":
                return state.broken, float(state.interval), float(state.cost)
            case "energy":
                return state.broken, energy, float(state.interval)
        assert self.timing is not None
        latency = float(self.timing.latency(state.choice))
        return state.broken, latency if self.objective == "latency" else energy * latency, energy

    def guide(self, state: State) -> float:
        """The smooth value of a whole placement."""
        rows = state.row[None, :]
        private = np.array([state.private.max()])
        latency = None if self.timing is None else np.array([self.timing.latency(state.choice)])
        broken = np.array([state.broken])
        return float(self._scores(Outlook(rows, private, broken), latency)[0])

    def scores(self, outlook: Outlook, choice: list[int], i: int) -> Floats:
        """The smooth value under each option of item i; `choice` tells where the others are or were."""
        latency = None if self.timing is None else self.timing.outlook(choice, i)
        return self._scores(outlook, latency)

    def _scores(self, outlook: Outlook, latency: Ints | None) -> Floats:
        cost = outlook.rows[:, -2]
        found: Floats
        match self.objective:
            case "throughput":
                found = self._smooth_interval(outlook) + SPREAD * cost / self._cost_scale
            case "energy":
                found = (cost + self._idle * outlook.intervals()) / self.scale
            case "latency":
                assert latency is not None
                found = latency / self.scale + SPREAD * cost / self._cost_scale
            case _:
                assert latency is not None
                found = (cost + self._idle * outlook.intervals()) * (latency / self.scale)
        return found + BROKEN * outlook.broken

    def _smooth_interval(self, outlook: Outlook) -> Floats:
        """The 16-norm of the loads: close to the largest, yet every busy resource counts."""
        loads: Floats = outlook.rows[:, :-2] / self.scale
        private: Floats = outlook.private / self.scale
        for _ in range(4):
            loads, private = loads * loads, private * private
        found: Floats = (loads.sum(axis=1) + private) ** (1 / 16)
        return found
