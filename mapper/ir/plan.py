"""What was decided: the plan, from its inputs to every decision in the order it is taken."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cached_property

from mapper.hw.layout import Layout
from mapper.hw.target import Target
from mapper.hw.work import Cost, DType
from mapper.ir.goal import Goal as Goal
from mapper.ir.goal import Limit as Limit
from mapper.ir.goal import Objective as Objective
from mapper.ir.goal import Quantity as Quantity
from mapper.ir.graph import Graph, Phase, main_weight, ops_in


@dataclass(frozen=True, slots=True)
class Cluster:
    """Ops that run together on one unit, in graph order; the same in every phase that runs them.

    Clusters with equal `repeat` are structurally equal (same kinds, sizes and weights' shapes) and share their options.
    """

    name: str
    ops: tuple[str, ...]
    repeat: str


@dataclass(frozen=True, slots=True)
class Block:
    """Equal blocks one after another, as layers are: instances[i][j] is the cluster at place j of block i.

    Clusters at one place are of one repeat class, and wired alike. `name` is that of the first cluster.
    """

    name: str
    instances: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One way to run any cluster of a repeat class.

    units: the units (all alike) where it applies. source: which entry of `Unit.weights` the weights come from, -1 when
    the cluster has none. replicas: copies of the weights inside the unit that work side by side. footprint_bytes: what
    one copy takes of the weights memory. types: arithmetic type of each op, by position in the cluster. costs: mean
    cost of one call, over the phase's samples, by phase; a phase that is not there cannot run this way.
    shard: how a team divides it among its ranks (empty: it does not); takes, leaves: how the ranks then hold what it
    reads and what it makes. What all ranks do together is what costs count: energy and bytes of all, ticks of one.
    tiles: by phase, in how many tiles of its rows a call goes at least, where the unit's memory cannot hold all that it
    reads and leaves; costs are then those of so many tiles together.
    """

    repeat: str
    units: tuple[str, ...]
    source: int
    replicas: int
    footprint_bytes: int
    types: tuple[DType, ...]
    costs: tuple[tuple[str, Cost], ...]
    shard: str = ""
    takes: Layout = Layout.ONE
    leaves: Layout = Layout.ONE
    tiles: tuple[tuple[str, int], ...] = ()

    def cost(self, phase: str) -> Cost:
        """The cost of one call in a phase that the option serves."""
        return next(c for name, c in self.costs if name == phase)

    def serves(self, phase: str) -> bool:
        """Whether the phase can run this way."""
        return any(name == phase for name, _ in self.costs)

    def least_tiles(self, phase: str) -> int:
        """In how many tiles a call in a phase goes at least; 0 where it can be whole."""
        return next((tiles for name, tiles in self.tiles if name == phase), 0)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a kind of unit cannot run a repeat class: the first op that it refuses, and the unit model's own words.

    `phase` is empty when it refuses in all phases.
    """

    repeat: str
    unit_kind: str
    op: str
    reason: str
    phase: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """A cluster (or one shard of it: dim, index, of) in one phase: the atom that is placed and scheduled."""

    name: str
    cluster: str
    phase: str
    shard: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task runs, from which memory its weights come ('' when it has none), with how many copies of them, and
    how a team divides it among its ranks.

    late: operands that are brought for this task alone, when its others set out, instead of lying there since another
    task needed them. tiles: in how many smaller runs, one after another, it goes through its rows; 0 where it takes
    them all at once.
    """

    task: str
    unit: str
    weights: str = ""
    replicas: int = 1
    shard: str = ""
    late: tuple[str, ...] = ()
    tiles: int = 0


@dataclass(frozen=True, slots=True)
class Resident:
    """Something that stays in a memory for all phases: a cluster's weights (all copies) or a state of one request."""

    what: str
    memory: str
    bytes: int
    per_request: bool = False


@dataclass(frozen=True, slots=True)
class Slot:
    """An activity (a task, a cast or a move) in the schedule of one call of its phase, in ticks."""

    what: str
    where: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Buffer:
    """A value in a memory of one request in one phase: bytes [offset, offset+size) during ticks [start, end)."""

    value: str
    phase: str
    memory: str
    offset: int
    size: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Bound:
    """A proven lower bound on an objective, in its own unit, and the argument that gave it.

    relaxed: the value of the linear program (or path) that the argument starts from, never more than `value`; 0 where
    there is none. rests_on: by resource, memory (`room in ...`) or cause of energy, the percent by which `relaxed`
    falls for each percent more of it (docs/whatif.md). Passes that only prove bounds tell these two.
    """

    objective: str
    value: float
    name: str
    relaxed: float = 0.0
    rests_on: tuple[tuple[str, float], ...] = ()


class Status(StrEnum):
    """How good the placement is known to be."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Search:
    """What the placement search says of itself: who found the plan, how it ended, and what it believes.

    loads: the busy ticks per request that the solver counted for each resource; the replay must find the same.
    """

    status: Status
    method: str
    loads: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Plan:
    """A workload on a target and every decision so far, in the order they are taken; None means not yet decided.

    limits: what the plan must keep beside its objective. batch: requests that one run of the phases serves together; 0
    where a run of the phases is itself what the user calls a request.
    """

    target: Target
    graph: Graph
    phases: tuple[Phase, ...]
    objective: Objective = Objective.THROUGHPUT
    precision: DType | None = None
    source: tuple[tuple[str, str], ...] = ()
    limits: tuple[Limit, ...] = ()
    batch: int = 0
    clusters: tuple[Cluster, ...] | None = None
    blocks: tuple[Block, ...] | None = None
    options: tuple[Option, ...] | None = None
    refusals: tuple[Refusal, ...] | None = None
    tasks: tuple[Task, ...] | None = None
    placement: tuple[Place, ...] | None = None
    residency: tuple[Resident, ...] | None = None
    bounds: tuple[Bound, ...] | None = None
    search: Search | None = None
    schedule: tuple[Slot, ...] | None = None
    memory: tuple[Buffer, ...] | None = None
    inflight: int | None = None
    figures: tuple[tuple[str, int], ...] | None = None

    @property
    def goal(self) -> Goal:
        """The objective with its limits."""
        return Goal(self.objective, self.limits)

    @property
    def requests_per_run(self) -> int:
        """Requests that one run of all phases serves: what figures per request are divided by."""
        return max(1, self.batch)

    @cached_property
    def cluster(self) -> dict[str, Cluster]:
        """Clusters by name."""
        return {c.name: c for c in self.clusters or ()}

    @cached_property
    def task(self) -> dict[str, Task]:
        """Tasks by name."""
        return {t.name: t for t in self.tasks or ()}

    @cached_property
    def place(self) -> dict[str, Place]:
        """Where each task runs, by task name."""
        return {p.task: p for p in self.placement or ()}

    @cached_property
    def phase(self) -> dict[str, Phase]:
        """Phases by name."""
        return {p.name: p for p in self.phases}

    @cached_property
    def options_of(self) -> dict[str, tuple[Option, ...]]:
        """Options by repeat class."""
        found: dict[str, list[Option]] = {}
        for option in self.options or ():
            found.setdefault(option.repeat, []).append(option)
        return {name: tuple(options) for name, options in found.items()}

    @cached_property
    def ops_of(self) -> dict[str, frozenset[str]]:
        """The ops that each phase runs, by phase name."""
        return {p.name: ops_in(self.graph, p) for p in self.phases}

    @cached_property
    def values_of(self) -> dict[str, frozenset[str]]:
        """The values that each phase's ops read or make, by phase name."""
        op = self.graph.op
        return {
            name: frozenset(n for o in ops for n in (*op[o].inputs, *op[o].outputs) if n)
            for name, ops in self.ops_of.items()
        }

    @cached_property
    def holder(self) -> dict[str, str]:
        """For each cluster, the first one whose weights it shares: a cluster of another file, in other phases, with the
        same main weight. What one holds in arrays, both use."""
        if not any(p.results for p in self.phases):
            return {c.name: c.name for c in self.clusters or ()}
        found: dict[str, str] = {}
        seen: dict[str, list[tuple[str, set[str]]]] = {}
        for cluster in self.clusters or ():
            phases = {p.name for p in self.phases if self.runs(cluster, p.name)}
            sharing = seen.setdefault(main_weight(self.graph, cluster.ops) or f" {cluster.name}", [])
            home = next((row for row in sharing if row[1].isdisjoint(phases)), None)
            if home is None:
                home = (cluster.name, set())
                sharing.append(home)
            home[1].update(phases)
            found[cluster.name] = home[0]
        return found

    @cached_property
    def sharers(self) -> dict[str, tuple[Cluster, ...]]:
        """The clusters that share the weights of each holder, itself among them."""
        found: dict[str, list[Cluster]] = {}
        for cluster in self.clusters or ():
            found.setdefault(self.holder[cluster.name], []).append(cluster)
        return {name: tuple(clusters) for name, clusters in found.items()}

    def runs(self, cluster: Cluster, phase: str) -> bool:
        """Whether a phase runs a cluster: all of its ops or none."""
        return cluster.ops[0] in self.ops_of[phase]

    def chosen(self, task: str) -> Option:
        """The option that the task's placement stands for."""
        place = self.place[task]
        unit = self.target.unit[place.unit]
        source = unit.weights.index(place.weights) if place.weights else -1
        for option in self.options_of[self.cluster[self.task[task].cluster].repeat]:
            key = (option.source, option.replicas, option.shard)
            if place.unit in option.units and key == (source, place.replicas, place.shard):
                return option
        raise KeyError(f"task '{task}' is placed on '{place.unit}' in a way that no option offers")


FIELDS: tuple[str, ...] = tuple(f.name for f in fields(Plan))
DECISIONS: tuple[str, ...] = FIELDS[FIELDS.index("clusters") :]
"""The fields that passes fill in, in order; those before are the inputs."""
