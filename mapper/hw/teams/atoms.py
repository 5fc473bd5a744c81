"""Finds the equal chips of a target, or equal units with memories of their own: what teams are formed of."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from mapper.hw.target import Memory, Target

MOST_UNITS = 16
"""A chip of more units is no atom: its units are, where they have memories of their own."""


@dataclass(frozen=True, slots=True)
class Atom:
    """A chip, or a unit with its memories. Equal atoms name their parts in the same order."""

    name: str
    units: tuple[str, ...]
    memories: tuple[str, ...]
    routers: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """Where links may end."""
        return (*self.units, *self.routers)


@dataclass(frozen=True, slots=True)
class Family:
    """Equal atoms in the order of the target. containers: equal groups of parts around them, as the host and the switch
    of a node, and for each atom the number of its container (-1: none)."""

    atoms: tuple[Atom, ...]
    containers: tuple[Atom, ...] = ()
    within: tuple[int, ...] = ()


def family(target: Target) -> Family:
    """The equal atoms of a target that move most bytes a second; none where nothing is there twice."""
    chips = _largest(target, _chips(target))
    atoms = chips or _largest(target, _lone_units(target))
    return _contained(target, atoms)


def _prefix(name: str) -> str:
    """The chip that a part belongs to, '' for none (mapper.hw.assemble names parts `<chip>.<part>`)."""
    return name.rpartition(".")[0]


def _chips(target: Target) -> list[Atom]:
    """Chips of one or a few units whose memories serve nobody else."""
    units: defaultdict[str, list[str]] = defaultdict(list)
    routers: defaultdict[str, list[str]] = defaultdict(list)
    for unit in target.units:
        if _prefix(unit.name):
            units[_prefix(unit.name)].append(unit.name)
    for router in target.routers:
        routers[_prefix(router)].append(router)
    few = {name: parts for name, parts in units.items() if len(parts) <= MOST_UNITS}
    return _with_memories(target, few, routers)


def _lone_units(target: Target) -> list[Atom]:
    """Units whose memories serve nobody else."""
    return _with_memories(target, {unit.name: [unit.name] for unit in target.units}, {})


def _with_memories(target: Target, units: dict[str, list[str]], routers: dict[str, list[str]]) -> list[Atom]:
    owner = {unit: name for name, parts in units.items() for unit in parts}
    memories: defaultdict[str, list[str]] = defaultdict(list)
    shared: set[str] = set()
    for memory in target.memories:
        owners = {owner.get(unit, "") for unit in memory.serves}
        if len(owners) > 1:
            shared |= owners
        memories[min(owners)].append(memory.name)
    return [
        Atom(name, tuple(parts), tuple(memories[name]), tuple(routers.get(name, ())))
        for name, parts in units.items()
        if name not in shared
    ]


def _largest(target: Target, atoms: Iterable[Atom]) -> tuple[Atom, ...]:
    """Of the sets of equal atoms with equal names (numbers apart) the one with most bandwidth of memories."""
    inner = _inner_links(target, atoms := tuple(atoms))
    alike: dict[object, list[Atom]] = {}
    for atom in atoms:
        key = (re.sub(r"\d+", "#", atom.name), *_figures(target, atom), inner[atom.name])
        alike.setdefault(key, []).append(atom)
    sets = [tuple(found) for found in alike.values() if len(found) > 1]
    return max(sets, key=lambda found: len(found) * _bandwidth(target, found[0]), default=())


def _bandwidth(target: Target, atom: Atom) -> float:
    return sum(target.memory[name].bandwidth_bytes_per_s for name in atom.memories)


def _figures(target: Target, atom: Atom) -> tuple[object, ...]:
    """What makes an atom what it is, its name apart."""
    number = {name: i for i, name in enumerate((*atom.units, *atom.memories))}
    units = tuple(
        (u.kind, u.model, number.get(u.data, -1), tuple(number.get(w, -1) for w in u.weights))
        for u in map(target.unit.__getitem__, atom.units)
    )
    return units, tuple(_memory(target.memory[m], number) for m in atom.memories), len(atom.routers)


def _memory(memory: Memory, number: dict[str, int]) -> tuple[object, ...]:
    return (
        *(memory.kind, memory.capacity_bytes, memory.bandwidth_bytes_per_s, memory.energy_pj_per_bit, memory.holds),
        *(memory.latency_s, memory.idle_power_w, memory.alignment_bytes),
        tuple(number.get(unit, -1) for unit in memory.serves),
        number.get(memory.unit, -1),
    )


def _inner_links(target: Target, atoms: Iterable[Atom]) -> dict[str, tuple[object, ...]]:
    """The links inside each atom, by the numbers of its places."""
    number = {place: (atom.name, i) for atom in atoms for i, place in enumerate(atom.places)}
    found: dict[str, list[object]] = {atom.name: [] for atom in atoms}
    for link in target.links:
        a, b = number.get(link.a), number.get(link.b)
        if a and b and a[0] == b[0]:
            figures = (link.kind, link.bandwidth_bytes_per_s, link.latency_s, link.energy_pj_per_bit)
            found[a[0]].append((a[1], b[1], *figures))
    return {name: tuple(links) for name, links in found.items()}


def _contained(target: Target, atoms: tuple[Atom, ...]) -> Family:
    """The family with the nodes that its atoms sit in, where there are several and they are equal."""
    names = tuple(dict.fromkeys(_prefix(atom.name) for atom in atoms))
    if len(names) < 2:
        return Family(atoms)
    inside = {part for atom in atoms for part in (*atom.places, *atom.memories)}

    def parts(name: str, of: Iterable[str]) -> tuple[str, ...]:
        return tuple(part for part in of if part.startswith(f"{name}.") and part not in inside)

    found = tuple(
        Atom(name, parts(name, target.unit), parts(name, target.memory), parts(name, target.routers)) for name in names
    )
    inner = _inner_links(target, found)
    if len({(_figures(target, node), inner[node.name]) for node in found}) > 1 or not found[0].places:
        return Family(atoms)
    return Family(atoms, found, tuple(names.index(_prefix(atom.name)) for atom in atoms))
