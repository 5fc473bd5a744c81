"""What happens in one call of a phase: activities, and the program that they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing that takes time.

    where: the unit, or the route of a move. ticks: start to result; hold: ticks during which it holds its resources.
    exclusive: (resource, amount). channels: (memory, share of CHANNEL). loads: ticks per call by resource, which the
    steady state must fit. after: activities whose results it needs. makes: (value, memory, bytes) left by it; reads:
    (maker, value) it uses, where maker is the index of the activity that left it, -1 for a graph input. Of a value that
    is made or read in tiles the pieces have names of their own. task: the plan's task that it is, or is a tile of.
    """

    name: str
    kind: str
    where: str
    ticks: int
    hold: int
    exclusive: tuple[tuple[str, int], ...]
    channels: tuple[tuple[str, int], ...]
    loads: tuple[tuple[str, int], ...]
    energy_pj: tuple[tuple[str, int], ...]
    after: tuple[int, ...]
    makes: tuple[tuple[str, str, int], ...]
    reads: tuple[tuple[int, str], ...]
    bytes: int = 0
    share: float = 1.0
    limited_by: str = ""
    band: float = 0.0
    validated: bool = False
    energy_band: float = 0.0
    energy_validated: bool = False
    task: str = ""


@dataclass(frozen=True)
class Program:
    """The activities of one call of a phase, in an order in which each comes after what it needs; and what must be in
    each memory from before the call (graph inputs: (value, memory, bytes)). kept: (maker, value) that stay until the
    end of the call: the graph's outputs in the io memory. capacities are those that one call may use; of the resources
    in `sets` several requests can have as much each, since copies of a team serve different ones."""

    phase: str
    activities: tuple[Activity, ...]
    given: tuple[tuple[str, str, int], ...]
    kept: tuple[tuple[int, str], ...]
    capacities: tuple[tuple[str, int], ...]
    sets: tuple[tuple[str, int], ...] = ()

    @cached_property
    def index(self) -> dict[str, int]:
        """Positions of activities by name."""
        return {a.name: i for i, a in enumerate(self.activities)}
