"""A chip, package or system as the compiler sees it: units, memories and links with names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from mapper.hw.curves import Measured
from mapper.hw.work import UnitModel


@dataclass(frozen=True, slots=True)
class Team:
    """Alike units of `Target.group`, by name, that a unit stands for.

    ranks: so many work on one task together, each on its part. copies: so many sets of ranks serve different requests,
    each with weights of its own. pool: so many sets share the tasks, and the weights are kept once: what no machine
    does by itself, but no assignment of the tasks to the sets can beat it (a relaxation).
    """

    members: tuple[str, ...]
    ranks: int = 1
    copies: int = 1
    pool: int = 1


@dataclass(frozen=True, slots=True)
class Unit:
    """Something that computes. `data` is the memory where it reads and leaves activations and states; `weights` are
    the memories it can take weights from, the preferred one first; `kind` is the name of its unit file. With a `team`,
    `model` is the model of one member, and its memories are those of all members together."""

    name: str
    kind: str
    model_name: str
    model: UnitModel
    data: str
    weights: tuple[str, ...]
    team: Team | None = None

    @property
    def ranks(self) -> int:
        """How many units work on one task together."""
        return self.team.ranks if self.team else 1

    @property
    def copies(self) -> int:
        """How many sets of ranks serve different requests, with weights of their own."""
        return self.team.copies if self.team else 1

    @property
    def sets(self) -> int:
        """How many tasks run at once."""
        return self.team.copies * self.team.pool if self.team else 1

    @property
    def count(self) -> int:
        """How many units this stands for."""
        return self.ranks * self.sets


@dataclass(frozen=True, slots=True)
class Memory:
    """Something that holds bytes. `unit` is set when the memory sits inside that unit; `serves` names every unit
    with direct access. Bandwidth is what all of them share, in bytes per second."""

    name: str
    kind: str
    capacity_bytes: int
    bandwidth_bytes_per_s: float
    energy_pj_per_bit: float
    holds: tuple[str, ...]
    serves: tuple[str, ...]
    unit: str = ""
    latency_s: float = 0.0
    idle_power_w: float = 0.0
    alignment_bytes: int = 64


@dataclass(frozen=True, slots=True)
class Link:
    """A connection between two places (units or routers), full duplex: each direction has the whole bandwidth. A
    transfer takes the units at its ends for `overhead_s`."""

    name: str
    kind: str
    a: str
    b: str
    bandwidth_bytes_per_s: float
    latency_s: float
    energy_pj_per_bit: float
    idle_power_w: float = 0.0
    overhead_s: float = 0.0


@dataclass(frozen=True)
class Target:
    """The whole machine. `io` is the memory where graph inputs appear and graph outputs must end; `system` names the
    target that several of this one form, which answers what needs more units than there are here; `group` is that
    target itself where the graph is one rank's part, or the one whose alike units are teams here: it prices the
    exchanges among ranks."""

    name: str
    about: str
    units: tuple[Unit, ...]
    memories: tuple[Memory, ...]
    links: tuple[Link, ...]
    routers: tuple[str, ...] = ()
    io: str = ""
    power_limit_w: float | None = None
    rest_power_w: float = 0.0
    source: str = ""
    system: str = ""
    collectives: Measured | None = None
    group: Target | None = None

    @cached_property
    def unit(self) -> dict[str, Unit]:
        """Units by name."""
        return {u.name: u for u in self.units}

    @cached_property
    def memory(self) -> dict[str, Memory]:
        """Memories by name."""
        return {m.name: m for m in self.memories}

    @cached_property
    def link(self) -> dict[str, Link]:
        """Links by name."""
        return {link.name: link for link in self.links}

    @cached_property
    def is_pool(self) -> bool:
        """Whether it stands for all splits into stages at once, which only bounds are for."""
        return any(u.team is not None and u.team.pool > 1 for u in self.units)

    @cached_property
    def copies_at(self) -> dict[str, int]:
        """Into how many equal parts each memory is divided: what a copy of a team keeps lies in its own part."""
        serving = {m.name: [self.unit[name] for name in m.serves if name in self.unit] for m in self.memories}
        return {name: max((unit.copies for unit in units), default=1) for name, units in serving.items()}

    @cached_property
    def idle_power_w(self) -> float:
        """Power of everything that is switched on and does nothing, in watts."""
        return (
            sum(u.count * u.model.idle_power_w for u in self.units)
            + sum(m.idle_power_w for m in self.memories)
            + sum(k.idle_power_w for k in self.links)
            + self.rest_power_w
        )
