"""The ways to fold a target that are worth trying, and the folded targets."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from mapper.errors import UsageError
from mapper.hw.target import Target
from mapper.hw.teams.atoms import Family, family
from mapper.hw.teams.fold import Group, folded
from mapper.hw.teams.nearness import Nearness
from mapper.hw.teams.pooled import starred

MOST = 25
"""So many arrangements are listed at most: each costs a bound, and between neighbours in the list little changes."""

MOST_RANKS = 256
"""More ranks on one task are not listed: their parts are small and their exchanges long."""
FEW = 8
"""Up to so many ranks every count is worth its place in the list."""


@dataclass(frozen=True, slots=True, order=True)
class Arrangement:
    """How the equal chips of a target work together: so many ranks on one task, so many copies of everything for
    different requests (data parallelism); what is left are stages (pipeline parallelism)."""

    ranks: int = 1
    copies: int = 1


@dataclass(frozen=True)
class _Atoms:
    family: Family
    near: Nearness


def arrangements(target: Target) -> tuple[Arrangement, ...]:
    """The arrangements worth trying, that of single chips first, at most `MOST`.

    Ranks are counts whose sets quick links join (divisors of a node, multiples of it; rectangles of a mesh), copies
    divide the sets. Of counts of ranks that lie within a factor of two of each other one is listed (of more than
    `FEW` within a larger factor, where the list would be too long), and every level of the machine; of counts of
    copies a few from one to all: `arranged` takes those between as well."""
    sizes = [r for r in _divisors(_size(target)) if r <= MOST_RANKS and _sets(target, r) is not None]
    factor, most = 2, 4
    while True:
        ranks = _thinned(sizes, factor, _levels(target))
        copies = {r: _divisors(_size(target) // r) for r in ranks}
        if factor > _size(target) or sum(min(len(some), most) for some in copies.values()) <= MOST:
            break
        factor += 1
    while most > 2 and sum(min(len(some), most) for some in copies.values()) > MOST:
        most -= 1
    while sum(min(len(some), most + 1) for some in copies.values()) <= MOST and most < len(copies[1]):
        most += 1
    return tuple(Arrangement(r, c) for r in ranks for c in _spread(copies[r], most))


def folds(target: Target) -> bool:
    """Whether there are equal chips to fold. Not where units of several kinds stand beside the equal ones, as in one
    package: there each unit counts."""
    if len(arrangements(target)) < 2:
        return False
    pool = arranged(target, Arrangement(), pooled=True)
    return len({unit.kind for unit in pool.units if unit.team is None}) <= 1


def with_more_copies(target: Target, ranks: int) -> tuple[Arrangement, ...]:
    """The arrangements with so many ranks and every number of copies up to `FEW`, or as many as leave up to `FEW`
    stages: few copies make the stages longer, and more even, at little cost of memory; of a model that is small beside
    the machine few stages hold each copy."""
    sets = _size(target) // ranks
    return tuple(Arrangement(ranks, c) for c in _divisors(sets) if min(c, sets // c) <= FEW)


def arranged(target: Target, arrangement: Arrangement, pooled: bool = False) -> Target:
    """The target in which `ranks` equal chips are one, and as many sets of them as there are copies; its `group` is the
    target. Arrangement(1, 1) is the target itself. Sets follow each other as stages do: set s of a copy is near s + 1.

    pooled: the stages are one too (`Team.pool`), and so are the nodes around the chips. What it costs to move values
    between stages is gone, and everything else leaves its place by one link as wide as all its links. It is a
    relaxation (docs/decisions/0006): take any plan on the explicit target and give each task to the pool in place of
    its stage. What loads a memory, a unit or a place's links there is the sum over the stages, and so is the
    capacity: a sum of loads over the sum of capacities is no more than the largest quotient (the mediant). Nothing
    takes longer, since units are the same and bandwidths no smaller.

    Raises UsageError where the target cannot be arranged so, with the arrangements that it can."""
    if pooled:
        return _pooled(target, arrangement)
    if arrangement == Arrangement():
        return target
    groups = _explicit(target, arrangement)
    return folded(target, groups, _atoms(target).near)


def arrangement_of(target: Target) -> Arrangement:
    """The arrangement that a target is in."""
    teams = [unit.team for unit in target.units if unit.team]
    ranks = max((team.ranks for team in teams), default=1)
    return Arrangement(ranks, max((team.copies for team in teams if team.ranks == ranks), default=1))


def _atoms(target: Target) -> _Atoms:
    """The atoms of a target, kept with it as its routes are."""
    if "_teams" not in target.__dict__:
        found = Family(()) if target.group else family(target)
        target.__dict__["_teams"] = _Atoms(found, Nearness(target, tuple(atom.places for atom in found.atoms)))
    kept: _Atoms = target.__dict__["_teams"]
    return kept


def _size(target: Target) -> int:
    return max(1, len(_atoms(target).family.atoms))


def _sets(target: Target, ranks: int) -> list[list[int]] | None:
    return _atoms(target).near.sets(ranks) if _atoms(target).family.atoms else [[0]]


def _levels(target: Target) -> set[int]:
    return {level.count(level[0]) for level in _atoms(target).near.levels}


def _divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def _thinned(counts: list[int], factor: int, always: Set[int]) -> list[int]:
    """Ascending counts a factor of two apart, beyond `FEW` another factor; the last and some others stay anyway."""
    kept: list[int] = []
    for count in counts:
        apart = 2 if count <= FEW else factor
        if not kept or count >= apart * kept[-1] or count in always or count == counts[-1]:
            kept.append(count)
    return kept


def _spread(counts: list[int], most: int) -> list[int]:
    """At most so many of the counts, the first and the last among them."""
    if len(counts) <= most:
        return counts
    return [counts[i * (len(counts) - 1) // (most - 1)] for i in range(most)]


def _explicit(target: Target, arrangement: Arrangement) -> list[Group]:
    """A group for each stage of the equal chips, and the nodes around them where copies have nodes of their own."""
    found = _atoms(target).family
    sets = _sets(target, arrangement.ranks)
    if sets is None or arrangement.copies < 1 or len(sets) % arrangement.copies or not found.atoms:
        known = ", ".join(f"{a.ranks} x {a.copies}" for a in arrangements(target))
        raise UsageError(
            f"{target.name} cannot be arranged in {arrangement.ranks} ranks x {arrangement.copies} copies",
            hint=f"it can in {known}",
        )
    stages = len(sets) // arrangement.copies
    copies = [sets[c * stages : (c + 1) * stages] for c in range(arrangement.copies)]
    groups = [
        Group(tuple(found.atoms[i] for copy in copies for i in copy[s]), arrangement.ranks, arrangement.copies)
        for s in range(stages)
    ]
    return groups + _nodes(found, copies)


def _nodes(found: Family, copies: list[list[list[int]]]) -> list[Group]:
    """Node k of every copy where each copy has nodes of its own; all nodes where each holds equally many copies; else
    they stay single."""
    if not found.containers or len(copies) < 2:
        return []
    nodes = [sorted({found.within[i] for one in copy for i in one}) for copy in copies]
    if sum(map(len, nodes)) == len(found.containers) == len({n for some in nodes for n in some}):
        return [Group(tuple(found.containers[n] for n in row), 1, len(row)) for row in zip(*nodes, strict=True)]
    if all(len(some) == 1 for some in nodes):
        return [Group(found.containers, 1, len(found.containers))]
    return []


def _pooled(target: Target, arrangement: Arrangement) -> Target:
    explicit = [] if arrangement == Arrangement() else _explicit(target, arrangement)
    found = _atoms(target).family
    stages = len(found.atoms) // (arrangement.ranks * arrangement.copies)
    groups = []
    if found.atoms:
        sets = _sets(target, arrangement.ranks) or []
        order = [found.atoms[i] for one in sets for i in one]
        groups.append(Group(tuple(order), arrangement.ranks, arrangement.copies, stages))
    nodes = [g for g in explicit if g.atoms[0] in found.containers] or [Group((n,)) for n in found.containers]
    if nodes:
        copies = nodes[0].copies
        groups.append(Group(found.containers, 1, copies, len(found.containers) // copies))
    if all(group.pool == 1 for group in groups):
        return arranged(target, arrangement)
    return starred(target, folded(target, groups, _atoms(target).near), groups)
