"""What a search minimises: an exact value to keep the best by, and a smooth guide to find the way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mapper.errors import MapperError
from mapper.solve.placement.problem import ROUNDING, Limit
from mapper.solve.placement.state import Outlook, State
from mapper.solve.placement.tables import Floats, Tables
from mapper.solve.placement.timing import Ticks, Timing

Value = tuple[float, float, float]
"""How far from feasible, the objective, and the tie break (energy, or ticks where energy is the objective)."""

BROKEN = 100.0
"""Guide points for one broken rule: more than any change of the objective by a factor below 100."""

OVER = 0.05
"""Guide points for a limit that is exceeded at all, beside about BROKEN for each time it is exceeded by itself: little
gained elsewhere must not pay for a little too much."""

RULES = 1e6
"""How far from feasible a placement that breaks a rule is where there are limits: further than by breaking these."""

SPREAD = 1e-3
"""Weight of the second objective in the guide."""


class Goal:
    """An objective, scaled so that a good placement's guide is about 1."""

    def __init__(self, tables: Tables, objective: str, scale: float) -> None:
        if objective not in ("throughput", "latency", "energy", "edp"):
            raise MapperError(f"unknown objective '{objective}'")
        self.objective = objective
        self.limits = tables.problem.limits
        timed = objective in ("latency", "edp") or any(x.quantity == "latency" for x in self.limits)
        self.timing = Timing(tables) if timed else None
        self._calls = tables.problem.calls
        self._idle = tables.problem.idle_pj_per_tick
        self.scale = max(scale, 1.0)
        self._cost_scale = max(1.0, float(sum(int(row[:, -2].min()) for row in tables.rows)))

    def value(self, state: State) -> Value:
        """The exact value of a whole placement; smaller is better."""
        ends = self.timing.by_phase(state.choice) if self.timing is not None else []
        energy = state.cost + self._idle * state.interval
        broken = state.broken
        if self.limits:
            over = sum(x.excess(self._limited(x, state, ends, energy)) for x in self.limits)
            broken = RULES + broken if broken > 0 else min(over, RULES)
        match self.objective:
            case "throughput":
                return broken, float(state.interval), float(state.cost)
            case "energy":
                return broken, energy, float(state.interval)
        latency = float(_weighted(self._calls, ends))
        return broken, latency if self.objective == "latency" else energy * latency, energy

    def _limited(self, limit: Limit, state: State, ends: Sequence[int], energy: float) -> float:
        """What a limit is about, of a whole placement."""
        if limit.quantity == "latency":
            return float(_weighted(limit.calls, ends))
        return float(state.interval) if limit.quantity == "throughput" else energy

    def guide(self, state: State) -> float:
        """The smooth value of a whole placement."""
        rows = state.row[None, :]
        private = np.array([state.private.max()])
        broken = np.array([state.broken])
        ends = None if self.timing is None else [np.array([t]) for t in self.timing.by_phase(state.choice)]
        return float(self._scores(Outlook(rows, private, broken), ends)[0])

    def scores(self, outlook: Outlook, choice: list[int], i: int) -> Floats:
        """The smooth value under each option of item i; `choice` tells where the others are or were."""
        ends = None if self.timing is None else self.timing.ends_outlook(choice, i)
        return self._scores(outlook, ends)

    def _scores(self, outlook: Outlook, ends: Sequence[Ticks] | None) -> Floats:
        cost = outlook.rows[:, -2]
        found: Floats
        match self.objective:
            case "throughput":
                found = self._smooth_interval(outlook) + SPREAD * cost / self._cost_scale
            case "energy":
                found = (cost + self._idle * outlook.intervals()) / self.scale
            case "latency":
                found = self._scaled_latency(ends or ()) + SPREAD * cost / self._cost_scale
            case _:
                found = (cost + self._idle * outlook.intervals()) * self._scaled_latency(ends or ())
        found = found + BROKEN * outlook.broken
        for limit in self.limits:
            over = np.asarray(self._over(limit, outlook, ends or ())) / limit.most - 1.0
            # logarithmic far from the limit: a long way must not make the rules look cheap
            points = OVER + 10.0 * np.log1p(BROKEN / 10.0 * np.maximum(over, 0.0))
            found += np.where(over > ROUNDING, points, 0.0)
        if self.limits:
            found += outlook.broken > 0
        return found

    def _scaled_latency(self, ends: Sequence[Ticks]) -> Floats:
        return np.asarray(_weighted(self._calls, ends), dtype=np.float64) / self.scale

    def _over(self, limit: Limit, outlook: Outlook, ends: Sequence[Ticks]) -> Ticks | Floats:
        """What a limit is about, under each option."""
        if limit.quantity == "latency":
            return _weighted(limit.calls, ends)
        if limit.quantity == "throughput":
            return outlook.intervals()
        spent: Floats = outlook.rows[:, -2] + self._idle * outlook.intervals()
        return spent

    def _smooth_interval(self, outlook: Outlook) -> Floats:
        """The 16-norm of the loads: close to the largest, yet every busy resource counts."""
        loads: Floats = outlook.rows[:, :-2] / self.scale
        private: Floats = outlook.private / self.scale
        for _ in range(4):
            loads *= loads
            private *= private
        found: Floats = (loads.sum(axis=1) + private) ** (1 / 16)
        return found


def _weighted(calls: Sequence[int], ends: Sequence[Ticks]) -> Ticks:
    """The ends of the phases, each so often as it counts."""
    total: Ticks = 0
    for count, end in zip(calls, ends, strict=True):
        if count:
            total = total + count * end
    return total
