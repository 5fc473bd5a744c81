"""Which resource of a unit a task takes, and how much of it per call."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from mapper.cost.estimate import Estimator
from mapper.cost.shards.names import weights_division
from mapper.errors import TargetError
from mapper.hw.target import Target, Unit
from mapper.ir.plan import Option

CHANNEL = 1000
"""Capacity of a memory channel in shares: a task may take part of the bandwidth."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A resource that runs tasks. capacity: copies of the weights; used: copies one call takes. A unit that runs one
    task at a time is an engine of capacity 1, a team one of as many as it has sets of ranks; weights that sit in arrays
    of their own are an engine of their own, of which a pool has no more than each of its copies keeps. copies: so many
    requests have an equal part of the capacity each."""

    name: str
    capacity: int
    used: int
    copies: int = 1
    is_pool: bool = False

    @property
    def of_request(self) -> int:
        """How much of the capacity one request can use."""
        return self.capacity // self.copies

    def load(self, ticks: int) -> int:
        """Ticks per call that count towards the steady state: copies that idle can serve another request. A pool, which
        only bounds are for, rounds down."""
        return ticks * self.used // self.capacity if self.is_pool else -(-ticks * self.used // self.capacity)


def engine_of(estimator: Estimator, unit: Unit, cluster: str, option: Option, single: Option, phase: str) -> Engine:
    """The engine for a cluster on a unit. `single` is the same option with one copy of the weights."""
    if not estimator.is_resident(unit, option.source):
        return Engine(unit.name, unit.sets, 1, unit.copies, unit.sets > unit.copies)
    one, many = single.cost(phase).share, option.cost(phase).share
    used = min(option.replicas, max(1, round(many / one))) if one > 0 else option.replicas
    divided = f" {kept}" if (kept := weights_division(option.shard)) else ""
    own = f" {phase}" if unit.sets > unit.copies else ""  # the stages of a pool may keep weights for a phase each
    name = f"{unit.name}/{cluster}{own}{divided} x{option.replicas}"
    return Engine(name, option.replicas * unit.copies, used, unit.copies)


def channel_share(cost_bytes: int, hold_ticks: int, bandwidth_bytes_per_s: float) -> int:
    """Share of a memory channel (of `CHANNEL`) that moving so many bytes evenly over `hold_ticks` takes."""
    if hold_ticks <= 0 or cost_bytes <= 0:
        return 0
    wanted = CHANNEL * cost_bytes / bandwidth_bytes_per_s / (hold_ticks * 1e-12)
    return min(CHANNEL, max(1, round(wanted)))


POWER = "power"
"""The resource that stands for the target's power limit: its busy ticks are energy over the power left for work."""


def power_ticks(target: Target, dynamic_pj: int) -> int:
    """Ticks over which an energy must be spread to stay within the target's power limit; 0 without a limit.

    Average power over an interval T is idle power + energy/T, so sum(energy) <= (limit - idle) * T, with 1 W = 1 pJ per
    tick. Raises TargetError for a limit that idle power alone exceeds.
    """
    if target.power_limit_w is None:
        return 0
    left = target.power_limit_w - target.idle_power_w
    if left <= 0:
        raise TargetError(
            f"{target.name}: idle power of {target.idle_power_w:g} W leaves nothing of the limit of "
            f"{target.power_limit_w:g} W",
            hint="raise power.limit_w or lower idle_power_w of its parts",
        )
    return ceil(dynamic_pj / left)  # rounded to the safe side: the limit is kept
