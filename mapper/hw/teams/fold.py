"""Folds groups of equal atoms of a target into one each: units become teams, memories and parallel links sums."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from mapper.hw.target import Link, Memory, Target, Team, Unit
from mapper.hw.teams.atoms import Atom
from mapper.hw.teams.names import ranged
from mapper.hw.teams.nearness import Nearness


@dataclass(frozen=True, slots=True)
class Group:
    """Equal atoms that become one, set by set of so many ranks; the sets of a copy follow each other."""

    atoms: tuple[Atom, ...]
    ranks: int = 1
    copies: int = 1
    pool: int = 1

    def copy(self, i: int) -> int:
        """The copy that atom i belongs to."""
        return i // (self.ranks * self.pool)


@dataclass(frozen=True, slots=True)
class _Seat:
    """What a part became: its new name, the number of its group, and of its atom in the group."""

    name: str
    group: int
    atom: int


class Seating:
    """The new name of every part; parts outside all groups keep theirs."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self.groups = groups
        self.members: dict[str, tuple[str, ...]] = {}
        self._seats: dict[str, _Seat] = {}
        for g, group in enumerate(groups):
            for parts in _aligned(group.atoms):
                name = ranged(parts)
                self.members[name] = parts
                self._seats |= {part: _Seat(name, g, i) for i, part in enumerate(parts)}

    def name(self, part: str) -> str:
        """The new name of a part."""
        return self._seats[part].name if part in self._seats else part

    def seat(self, part: str) -> _Seat | None:
        """Where the part is, unless it is outside all groups."""
        return self._seats.get(part)

    def apart(self, a: str, b: str) -> bool:
        """Whether two parts belong to different copies of everything, between which no value ever moves."""
        one, other = self._seats.get(a), self._seats.get(b)
        if one is None or other is None or self.groups[one.group].copies != self.groups[other.group].copies:
            return False
        return self.groups[one.group].copy(one.atom) != self.groups[other.group].copy(other.atom)

    def first(self, part: str) -> bool:
        """Whether the part is the one that stands for its team."""
        return part not in self._seats or self._seats[part].atom == 0


def _aligned(atoms: Sequence[Atom]) -> Iterator[tuple[str, ...]]:
    """The equal parts of equal atoms."""
    yield from zip(*(atom.units for atom in atoms), strict=True)
    yield from zip(*(atom.memories for atom in atoms), strict=True)
    yield from zip(*(atom.routers for atom in atoms), strict=True)


def folded(target: Target, groups: Sequence[Group], near: Nearness) -> Target:
    """The target with each group in place of its atoms, units of groups first, in their order. Idle power,
    the limit and what fans take stay those of the whole; links inside a team are gone (`Target.group` prices what moves
    there)."""
    seating = Seating(groups)
    links = _Links(target, seating, near)
    kept = [unit for unit in target.units if seating.first(unit.name)]
    return Target(
        name=target.name,
        about=target.about,
        units=tuple(_unit(unit, seating) for unit in _in_order(kept, seating)),
        memories=tuple(_memory(target, m, seating) for m in target.memories if seating.first(m.name)),
        links=links.merged,
        routers=tuple(seating.name(router) for router in target.routers if seating.first(router)),
        io=seating.name(target.io),
        power_limit_w=target.power_limit_w,
        rest_power_w=target.rest_power_w + links.hidden_power_w,
        source=target.source,
        system=target.system,
        group=target,
    )


def _in_order(units: Sequence[Unit], seating: Seating) -> list[Unit]:
    """The units of the groups, group by group, then the others."""
    last = len(seating.groups)
    seats = {unit.name: seating.seat(unit.name) for unit in units}
    return sorted(units, key=lambda unit: seat.group if (seat := seats[unit.name]) else last)


def _unit(unit: Unit, seating: Seating) -> Unit:
    seat = seating.seat(unit.name)
    if seat is None:
        return replace(unit, data=seating.name(unit.data), weights=tuple(map(seating.name, unit.weights)))
    group = seating.groups[seat.group]
    return replace(
        unit,
        name=seat.name,
        data=seating.name(unit.data),
        weights=tuple(map(seating.name, unit.weights)),
        team=Team(seating.members[seat.name], group.ranks, group.copies, group.pool) if len(group.atoms) > 1 else None,
    )


def _memory(target: Target, memory: Memory, seating: Seating) -> Memory:
    parts = [target.memory[name] for name in seating.members.get(seating.name(memory.name), (memory.name,))]
    return replace(
        memory,
        name=seating.name(memory.name),
        capacity_bytes=sum(part.capacity_bytes for part in parts),
        bandwidth_bytes_per_s=_total(part.bandwidth_bytes_per_s for part in parts),
        idle_power_w=_total(part.idle_power_w for part in parts),
        serves=tuple(map(seating.name, memory.serves)),
        unit=seating.name(memory.unit),
    )


def _total(figures: Iterable[float]) -> float:
    """The sum of equal figures as their product, which has one rounding."""
    listed = list(figures)
    return listed[0] * len(listed) if len(set(listed)) == 1 else sum(listed)


def _beginning(names: Sequence[str], name: str) -> int:
    """How many of the names, which are sorted, begin with this one."""
    first = bisect_left(names, name)
    return bisect_left(names, True, first, key=lambda known: not known.startswith(name)) - first


class _Links:
    """Links between what the groups became: those between the same two places are one as wide as all."""

    def __init__(self, target: Target, seating: Seating, near: Nearness) -> None:
        self._seating, self._near = seating, near
        self._atom = {place: i for i, places in enumerate(near.atoms) for place in places}
        bundles: dict[tuple[object, ...], list[Link]] = {}
        self._hidden: list[Link] = []
        for link in target.links:
            a, b = seating.name(link.a), seating.name(link.b)
            key = (link.kind, link.latency_s, link.energy_pj_per_bit, min(a, b), max(a, b))
            (bundles.setdefault(key, []) if a != b else self._hidden).append(link)
        taken: list[str] = []
        self.merged = tuple(self._one(bundle, taken) for bundle in bundles.values())

    @property
    def hidden_power_w(self) -> float:
        """Idle power of the links that the folded target does not show."""
        return sum(link.idle_power_w for link in self._hidden)

    def _one(self, bundle: list[Link], taken: list[str]) -> Link:
        """A link in place of several; its name joins those taken, which are sorted. Links between copies carry nothing
        where others join the copies' own parts."""
        own = [link for link in bundle if not self._seating.apart(link.a, link.b)] or bundle
        first = own[0]
        a, b = self._seating.name(first.a), self._seating.name(first.b)
        if (a, b) == (first.a, first.b) and len(bundle) == 1:
            return first
        name = f"{first.kind}.{a}-{b}"
        name += f"-{n}" if (n := _beginning(taken, name)) else ""
        insort(taken, name)
        hops = self._hops(own)
        return replace(
            first,
            name=name,
            a=a,
            b=b,
            bandwidth_bytes_per_s=_total(link.bandwidth_bytes_per_s for link in own),
            latency_s=first.latency_s * hops,
            energy_pj_per_bit=first.energy_pj_per_bit * hops,
            idle_power_w=_total(link.idle_power_w for link in bundle),
        )

    def _hops(self, bundle: list[Link]) -> float:
        """Links of a mesh that a value takes from a rank to its peer in the other team, or to where a single place is
        joined to the team; 1 where each rank has a link of its own."""
        mesh = self._near.mesh
        ends = [(self._atom.get(link.a, -1), self._atom.get(link.b, -1)) for link in bundle]
        if mesh is None or mesh.rows * mesh.columns < 3:
            return 1.0
        one, other = (self._team(place) for place in (bundle[0].a, bundle[0].b))
        if one and other:
            return max(1.0, fmean(mesh.hops(a, b) for a, b in zip(one, other, strict=True)))
        joined = {max(pair) for pair in ends} - {-1}
        return 1.0 + fmean(min(mesh.hops(atom, gate) for gate in joined) for atom in one or other or joined)

    def _team(self, place: str) -> list[int]:
        """The atoms of the team that a place belongs to."""
        return [
            self._atom[part] for part in self._seating.members.get(self._seating.name(place), ()) if part in self._atom
        ]
