"""Rooflines: what each unit could reach at the intensity of its ops, and what they reach (Williams et al., 2009)."""

from __future__ import annotations

from dataclasses import dataclass, field

from mapper.cost.activity import Activity
from mapper.cost.estimate import Estimator
from mapper.cost.judge import Verdict
from mapper.hw.target import Unit
from mapper.hw.work import TICKS_PER_SECOND
from mapper.ir.graph import Phase
from mapper.ir.plan import Cluster, Plan
from mapper.report.holdings import kind_of


@dataclass(frozen=True, slots=True)
class Point:
    """Equal tasks of one phase on a unit: runs per request, arithmetic operations, bytes that move between the unit and
    its memories, and seconds, each of one run; what limits them, and one of their clusters."""

    what: str
    phase: str
    cluster: str
    runs: int
    ops: float
    bytes: int
    seconds: float
    limited_by: str
    dtype: str

    @property
    def intensity(self) -> float | None:
        """Operations per byte; None where nothing moves or nothing is computed."""
        return self.ops / self.bytes if self.ops and self.bytes else None

    @property
    def ops_per_s(self) -> float:
        """The rate that is reached while it runs."""
        return self.ops / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Roofline:
    """A unit's roofs and its ops. peaks: operations/s by type. bandwidths: bytes/s by the memories that its tasks use;
    of a team both are of one set of ranks. resident: whether weights sit in its arrays, so that they do not count as
    moving. points: its classes of ops, those of the longest time per request first."""

    unit: str
    kind: str
    peaks: dict[str, float]
    bandwidths: dict[str, float]
    resident: bool
    points: tuple[Point, ...]


@dataclass(slots=True)
class _Sum:
    """A class while its tasks are added up: those of one call of its phase, tiles as parts of their task."""

    what: str
    cluster: str
    dtype: str
    ops: float
    calls: int
    tasks: set[str] = field(default_factory=set)
    bytes: int = 0
    ticks: int = 0
    limits: dict[str, int] = field(default_factory=dict)

    def add(self, activity: Activity) -> None:
        """Count a task, or a tile of one."""
        self.tasks.add(activity.task)
        self.bytes += activity.bytes
        self.ticks += activity.ticks
        self.limits[activity.limited_by] = self.limits.get(activity.limited_by, 0) + activity.ticks

    def point(self, phase: str) -> Point:
        """The mean of its tasks."""
        n = len(self.tasks)
        limit = max(sorted(self.limits), key=lambda name: self.limits[name])
        seconds = self.ticks / n / TICKS_PER_SECOND
        return Point(
            self.what, phase, self.cluster, n * self.calls, self.ops, round(self.bytes / n), seconds, limit, self.dtype
        )


def rooflines(verdict: Verdict) -> tuple[Roofline, ...]:
    """The roofline of each unit that runs tasks, in the target's order."""
    plan = verdict.plan
    estimator = Estimator(plan.target, plan.graph, plan.phases, plan.precision)
    points: dict[str, list[Point]] = {}
    for (unit, phase, _), one in _sums(verdict, estimator).items():
        points.setdefault(unit, []).append(one.point(phase))
    return tuple(
        _of_unit(plan, estimator, unit, points[unit.name]) for unit in plan.target.units if unit.name in points
    )


def _of_unit(plan: Plan, estimator: Estimator, unit: Unit, points: list[Point]) -> Roofline:
    taken = dict.fromkeys(p.weights for p in plan.placement or () if p.unit == unit.name and p.weights)
    inside = {m for m in taken if estimator.is_resident(unit, unit.weights.index(m))}
    memories = dict.fromkeys([unit.data, *(m for m in taken if m not in inside)])
    return Roofline(
        unit.name,
        unit.kind,
        {str(dtype): rate * unit.ranks for dtype, rate in unit.model.peak_ops_per_s().items()},
        {m: plan.target.memory[m].bandwidth_bytes_per_s / unit.sets for m in memories},
        bool(inside),
        tuple(sorted(points, key=lambda p: (-p.runs * p.seconds, p.phase, p.cluster))),
    )


def _sums(verdict: Verdict, estimator: Estimator) -> dict[tuple[str, str, str], _Sum]:
    """What tasks of a class do on a unit in a phase, added up; a class runs in one way there."""
    plan = verdict.plan
    found: dict[tuple[str, str, str], _Sum] = {}
    for phase, program in zip(plan.phases, verdict.programs, strict=True):
        for activity in program.activities:
            if not activity.task:
                continue
            cluster, option = plan.cluster[plan.task[activity.task].cluster], plan.chosen(activity.task)
            key = (activity.where, phase.name, f"{cluster.repeat} {option.source} {option.replicas} {option.shard}")
            if key not in found:
                counts = op_counts(estimator, cluster, phase)
                dtype = option.types[counts.index(max(counts))]
                found[key] = _Sum(kind_of(verdict, activity.task), cluster.name, str(dtype), sum(counts), phase.calls)
            found[key].add(activity)
    return found


def op_counts(estimator: Estimator, cluster: Cluster, phase: Phase) -> list[float]:
    """The arithmetic operations of each op of a cluster in one call, in the mean over the phase's samples."""
    samples = estimator.works(cluster)[estimator.phases.index(phase)]
    pairs = list(zip(phase.shares, samples, strict=True))
    return [sum(share * works[i].flops for share, works in pairs) for i in range(len(cluster.ops))]
