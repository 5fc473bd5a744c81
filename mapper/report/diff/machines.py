"""Which unit, memory and link of one target stands for which of another.

Equal units may do each other's work from one plan to the next, which changes their names and nothing else. So of the
units of a kind each stands for the one that does most of the same (a maximum-weight assignment), and for the one of its
own name where that is nearly as good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mapper.cost.engines import POWER
from mapper.hw.target import Link, Target, Unit
from mapper.hw.teams import fabric

LOYALTY = 0.25
"""A unit keeps its name unless another does more of its work, by this part of all that both plans have of it."""


@dataclass(frozen=True)
class Machines:
    """What stands for what, by names of the first target; what is not there has no counterpart. known: all names of the
    second target; kinds: the kind of what stands for each unit."""

    units: Mapping[str, str]
    memories: Mapping[str, str]
    links: Mapping[str, str]
    known: frozenset[str]
    kinds: Mapping[str, str]

    @property
    def renamed(self) -> tuple[tuple[str, str], ...]:
        """The units that stand for one of another name."""
        return tuple((a, b) for a, b in self.units.items() if a != b)

    @cached_property
    def _names(self) -> dict[str, str]:
        fabrics = {fabric(a): fabric(b) for a, b in self.units.items()}
        return {**self.links, **self.memories, **fabrics, **self.units, POWER: POWER}

    def name(self, before: str) -> str:
        """What a unit, memory, link or route of the first target is called in the second; its own name where it has no
        counterpart, told apart from what has that name there."""
        if before in self._names:
            return self._names[before]
        if " > " in before:
            return " > ".join(map(self.name, before.split(" > ")))
        return f"{before} (before)" if before in self.known else before

    def has(self, before: str) -> bool:
        """Whether a resource of the first target has a counterpart."""
        return before in self._names or before.rpartition(":")[0] in self.links

    def resource(self, before: str) -> str:
        """The name of a resource that several tasks take turns at: a unit, a memory, or a direction of a link."""
        link, _, way = before.rpartition(":")
        if before in self._names or link not in self.links:
            return self.name(before)
        return f"{self.links[link]}:{'>'.join(self.name(end) for end in way.split('>'))}"


def paired(before: Target, after: Target, held: Mapping[tuple[str, str], int]) -> Machines:
    """Pair two targets. held: how much of the same two units do, by their names."""
    units: dict[str, str] = {}
    for mine, theirs in _classes(before, after):
        units.update(_assigned([u.name for u in mine], [u.name for u in theirs], held))
    units = {u.name: units[u.name] for u in before.units if u.name in units}
    memories = _memories(before, after, units)
    known = frozenset((*after.unit, *after.memory, *after.link))
    kinds = {a: after.unit[b].kind for a, b in units.items()}
    return Machines(units, memories, _links(before, after, units), known, kinds)


def _classes(before: Target, after: Target) -> list[tuple[list[Unit], list[Unit]]]:
    """Units of each kind, and those of a kind that took its place: a unit of the same name has it."""
    mine, theirs = _by_kind(before), _by_kind(after)
    found = []
    left = [kind for kind in theirs if kind not in mine]
    for kind, units in mine.items():
        heir = kind if kind in theirs else next((k for k in left if _share_a_name(units, theirs[k])), None)
        if heir is None:
            continue
        if heir in left:
            left.remove(heir)
        found.append((units, theirs[heir]))
    taken = {u.name for _, units in found for u in units}
    done = {u.name for units, _ in found for u in units}
    alone = [u for u in before.units if u.name not in done and u.name in after.unit and u.name not in taken]
    return [*found, *(([u], [after.unit[u.name]]) for u in alone)]


def _by_kind(target: Target) -> dict[tuple[str, int, int], list[Unit]]:
    """Units by kind; teams by how many of the kind they are."""
    found: dict[tuple[str, int, int], list[Unit]] = {}
    for unit in target.units:
        found.setdefault((unit.kind, unit.ranks, unit.sets), []).append(unit)
    return found


def _share_a_name(some: Sequence[Unit], others: Sequence[Unit]) -> bool:
    return not {u.name for u in some}.isdisjoint(u.name for u in others)


def _assigned(mine: Sequence[str], theirs: Sequence[str], held: Mapping[tuple[str, str], int]) -> dict[str, str]:
    """For each of some units the one of others that stands for it: as much as possible is held by the same."""
    kept = {a: b for a in mine for b in theirs if a == b}
    within = {(a, b): held.get((a, b), 0) for a in mine for b in theirs}
    same_names = len(kept) == len(mine) == len(theirs)
    if same_names and not any(n for (a, b), n in within.items() if a != b):
        return kept
    whole = {a: sum(n for (one, _), n in held.items() if one == a) for a in kept}
    return _most(mine, theirs, {(a, b): n + (LOYALTY * whole[a] if a == b else 0.0) for (a, b), n in within.items()})


def _most(mine: Sequence[str], theirs: Sequence[str], worth: Mapping[tuple[str, str], float]) -> dict[str, str]:
    """The assignment of greatest weight, by the cost-scaling push-relabel method of OR-tools (Goldberg, Kennedy 1995).

    Where the sides are not equally many, some stay alone."""
    from ortools.graph.python.linear_sum_assignment import SimpleLinearSumAssignment

    size, whole = max(len(mine), len(theirs)), max(1.0, sum(worth.values()))
    solver = SimpleLinearSumAssignment()
    for i in range(size):
        for j in range(size):
            weight = 0
            if i < len(mine) and j < len(theirs):
                a, b = mine[i], theirs[j]
                weight = round(1e9 * worth[a, b] / whole) + (a == b)
            solver.add_arc_with_cost(i, j, -weight)
    solver.solve()
    pairs = [(i, solver.right_mate(i)) for i in range(len(mine))]
    return {mine[i]: theirs[j] for i, j in pairs if j < len(theirs)}


def _memories(before: Target, after: Target, units: Mapping[str, str]) -> dict[str, str]:
    """Memories of units that stand for each other, then those of one name."""
    found: dict[str, str] = {}
    for a, b in units.items():
        first, second = before.unit[a], after.unit[b]
        for one, other in ((first.data, second.data), *zip(first.weights, second.weights, strict=False)):
            alike = before.memory[one].kind == after.memory[other].kind and len(before.memory[one].serves) == 1
            if alike and one not in found and other not in found.values():
                found[one] = other
    for memory in before.memories:
        if memory.name not in found and memory.name in after.memory and memory.name not in found.values():
            found[memory.name] = memory.name
    return found


def _links(before: Target, after: Target, units: Mapping[str, str]) -> dict[str, str]:
    """Links between the same ends, then those of one name."""
    by_ends: dict[frozenset[str], list[Link]] = {}
    for link in after.links:
        by_ends.setdefault(frozenset((link.a, link.b)), []).append(link)
    found: dict[str, str] = {}
    for link in before.links:
        ends = frozenset(units.get(end, end) for end in (link.a, link.b))
        if beside := by_ends.get(ends):
            one = next((other for other in beside if other.name == link.name), beside[0])
            beside.remove(one)
            found[link.name] = one.name
    for link in before.links:
        if link.name not in found and link.name in after.link and link.name not in found.values():
            found[link.name] = link.name
    return found
