"""Which resource of a unit a task takes, and how much of it per call."""

from __future__ import annotations

from dataclasses import dataclass

from mapper.cost.estimate import Estimator
from mapper.hw.target import Unit
from mapper.hw.work import Cost
from mapper.ir.plan import Option

CHANNEL = 1000
"""Capacity of a memory channel in shares: a task may take part of the bandwidth."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A resource that runs tasks. capacity: copies of the weights; used: copies one call takes. A unit that runs one
    task at a time is an engine of capacity 1; weights that sit in arrays of their own are an engine of their own."""

    name: str
    capacity: int
    used: int

    def load(self, ticks: int) -> int:
        """Ticks per call that count towards the steady state: copies that idle can serve another request."""
        return -(-ticks * self.used // self.capacity)


def engine_of(estimator: Estimator, unit: Unit, cluster: str, option: Option, single: Option, phase: str) -> Engine:
    """The engine for a cluster on a unit. `single` is the same option with one copy of the weights."""
    if not estimator.is_resident(unit, option.source):
        return Engine(unit.name, 1, 1)
    one, many = single.cost(phase).share, option.cost(phase).share
    used = min(option.replicas, max(1, round(many / one))) if one > 0 else option.replicas
    return Engine(f"{unit.name}/{cluster} x{option.replicas}", option.replicas, used)


def channel_share(cost_bytes: int, hold_ticks: int, bandwidth_bytes_per_s: float) -> int:
    """Share of a memory channel (of `CHANNEL`) that moving so many bytes evenly over `hold_ticks` takes."""
    if hold_ticks <= 0 or cost_bytes <= 0:
        return 0
    wanted = CHANNEL * cost_bytes / bandwidth_bytes_per_s / (hold_ticks * 1e-12)
    return min(CHANNEL, max(1, round(wanted)))


def busy_ticks(cost: Cost) -> int:
    """Ticks of one call, at least one for anything that does work."""
    return max(cost.ticks, 0)
