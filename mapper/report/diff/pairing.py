"""Which part of one plan stands for which of another: clusters, phases, units, memories and links."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from mapper.errors import MapperError
from mapper.hw.work import Role
from mapper.ir.plan import Cluster, Plan
from mapper.report.diff.machines import Machines, paired


@dataclass(frozen=True, slots=True)
class Group:
    """Clusters of two plans that hold the same ops. One side is empty where the other plan has nothing like it; one
    holds several where the plans divide the ops into clusters otherwise."""

    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def is_shared(self) -> bool:
        """Whether both plans have it."""
        return bool(self.before and self.after)

    @property
    def is_pair(self) -> bool:
        """Whether one cluster stands for one."""
        return len(self.before) == len(self.after) == 1


@dataclass(frozen=True)
class Pairing:
    """What of a plan stands for what of another. phases: a phase of the first by one of the second, '' where there is
    none. by_class: clusters that were paired by what they compute, as their names differ."""

    groups: tuple[Group, ...]
    phases: tuple[tuple[str, str], ...]
    machines: Machines
    by_class: int

    @cached_property
    def of_before(self) -> dict[str, int]:
        """The index of the group of each cluster of the first plan."""
        return {name: i for i, group in enumerate(self.groups) for name in group.before}

    @cached_property
    def of_after(self) -> dict[str, int]:
        """The index of the group of each cluster of the second plan."""
        return {name: i for i, group in enumerate(self.groups) for name in group.after}

    @cached_property
    def phase(self) -> dict[str, str]:
        """What each phase of the first plan is called in the second; its own name where it has no counterpart."""
        return {a: b or f"{a} (before)" for a, b in self.phases if a}


def pair(before: Plan, after: Plan) -> Pairing:
    """Pair two placed plans. Raises MapperError for plans that have no op in common."""
    groups, by_class = _groups(before, after)
    if not any(group.is_shared for group in groups):
        raise MapperError(
            f"{before.graph.name} and {after.graph.name} have no op in common, by name or by what it computes",
            details=[f"{len(before.graph.ops)} ops before, {len(after.graph.ops)} after"],
            hint="compare plans of one model, or of versions of it",
        )
    phases = _phases(before, after)
    if not any(a and b for a, b in phases):
        raise MapperError(
            "the plans have no phase in common",
            details=[
                f"before: {', '.join(p.name for p in before.phases)}",
                f"after: {', '.join(p.name for p in after.phases)}",
            ],
            hint="give the phases the same names",
        )
    return Pairing(groups, phases, paired(before.target, after.target, _held(before, after, groups, phases)), by_class)


def _phases(before: Plan, after: Plan) -> tuple[tuple[str, str], ...]:
    """Phases of one name; then the last two, where one of each is left."""
    known = {p.name for p in after.phases}
    found = [(p.name, p.name if p.name in known else "") for p in before.phases]
    new = [p.name for p in after.phases if p.name not in before.phase]
    alone = [i for i, (_, b) in enumerate(found) if not b]
    if len(alone) == len(new) == 1:
        found[alone[0]] = (found[alone[0]][0], new[0])
        new = []
    return (*found, *(("", name) for name in new))


def _groups(before: Plan, after: Plan) -> tuple[tuple[Group, ...], int]:
    """Clusters that share an op, by name and kind or as the same nodes of one file; those that are left by what they
    compute, in their order."""
    joined = _Joined()
    sides = (("a", before), ("b", after))
    ops = [{op: side + c.name for c in plan.clusters or () for op in c.ops} for side, plan in sides]
    for home in (*ops[0].values(), *ops[1].values()):
        joined.add(home)
    for a, b in _same_ops(before, after):
        if a in ops[0] and b in ops[1]:
            joined.join(ops[0][a], ops[1][b])
    parts = joined.parts()
    groups = [_group(members) for members in parts]
    lonely = [group for group in groups if not group.is_shared]
    waiting: defaultdict[object, list[str]] = defaultdict(list)
    for group in lonely:
        for name in group.before:
            waiting[_signature(before, before.cluster[name])].append(name)
    found: dict[str, str] = {}
    for group in lonely:
        for name in group.after:
            if same := waiting[_signature(after, after.cluster[name])]:
                found[name] = same.pop(0)
    kept = [g for g in groups if not found.keys() & set(g.after) and not set(found.values()) & set(g.before)]
    return (*kept, *(Group((a,), (b,)) for b, a in found.items())), len(found)


def _digest(plan: Plan) -> str:
    return dict(plan.source).get("sha256", "")


def _same_ops(before: Plan, after: Plan) -> Iterator[tuple[str, str]]:
    """Ops of two graphs with one name and kind; of one file also those that stand for some of the same nodes, where one
    of them has no other partner."""
    mine, theirs = before.graph.op, after.graph.op
    shared = {name for name, op in mine.items() if name in theirs and theirs[name].kind == op.kind}
    yield from ((name, name) for name in mine if name in shared)
    if _digest(before) != _digest(after) or before.graph.name != after.graph.name:
        return
    makers: defaultdict[str, list[str]] = defaultdict(list)
    for op in after.graph.ops:
        for node in op.origin:
            makers[node].append(op.name)
    for op in before.graph.ops:
        for other in dict.fromkeys(name for node in op.origin for name in makers[node]):
            if op.name not in shared or other not in shared:
                yield op.name, other


def _signature(plan: Plan, cluster: Cluster) -> object:
    """What a cluster computes: the kinds of its ops and the shapes of their weights."""
    ops = [plan.graph.op[name] for name in cluster.ops]
    weights = [plan.graph.value[n].shape for op in ops for n in op.inputs if n and _is_weight(plan, n)]
    return tuple(op.kind for op in ops), tuple(weights)


def _is_weight(plan: Plan, value: str) -> bool:
    return plan.graph.value[value].role is Role.WEIGHT


def _group(members: Iterable[str]) -> Group:
    names = list(members)
    return Group(tuple(n[1:] for n in names if n[0] == "a"), tuple(n[1:] for n in names if n[0] == "b"))


class _Joined:
    """Sets that grow together (union-find), in the order in which their first members came."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def add(self, name: str) -> None:
        self._above.setdefault(name, name)

    def _top(self, name: str) -> str:
        while self._above[name] != name:
            self._above[name] = self._above[self._above[name]]
            name = self._above[name]
        return name

    def join(self, a: str, b: str) -> None:
        self._above[self._top(b)] = self._top(a)

    def parts(self) -> list[list[str]]:
        """The sets."""
        found: dict[str, list[str]] = {}
        for name in self._above:
            found.setdefault(self._top(name), []).append(name)
        return list(found.values())


def _held(
    before: Plan, after: Plan, groups: Iterable[Group], phases: Iterable[tuple[str, str]]
) -> Mapping[tuple[str, str], int]:
    """How much two units do of the same: ticks per request of the tasks that one has before and the other after."""
    tasks_a = {(t.cluster, t.phase): t.name for t in before.tasks or ()}
    tasks_b = {(t.cluster, t.phase): t.name for t in after.tasks or ()}
    shared = [(a, b) for a, b in phases if a and b]
    found: defaultdict[tuple[str, str], int] = defaultdict(int)
    for group in groups:
        for a, b in shared:
            for one in group.before:
                for other in group.after:
                    first, second = tasks_a.get((one, a)), tasks_b.get((other, b))
                    if first is not None and second is not None:
                        ticks = before.phase[a].calls * before.chosen(first).cost(a).ticks
                        found[before.place[first].unit, after.place[second].unit] += 1 + ticks
    return found
