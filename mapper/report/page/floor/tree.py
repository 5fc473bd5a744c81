"""Parts of a target as a tree: the parts of a chip stand together, chips of a node, nodes of a system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mapper.hw.target import Link, Memory, Target


@dataclass(slots=True)
class Group:
    """A chip, a node or the whole system. path: the words before the dots in the names of its parts. places: units and
    routers of its own, of which `routers` only pass on. memories: those whose units are all in here, but in no smaller
    group. links: those that end at two different children, with the positions of these."""

    path: tuple[str, ...]
    groups: list[Group] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    routers: set[str] = field(default_factory=set)
    memories: list[Memory] = field(default_factory=list)
    links: list[tuple[Link, int, int]] = field(default_factory=list)

    @property
    def children(self) -> list[str]:
        """Names: of its places first, then of its groups."""
        return [*self.places, *(".".join(g.path) for g in self.groups)]


def tree_of(target: Target) -> Group:
    """The system as a group, without the memories that units bring along."""
    root = Group(())
    known: dict[tuple[str, ...], Group] = {(): root}
    for place in (*target.unit, *target.routers):
        group = _group(known, _path(place))
        group.places.append(place)
        if place not in target.unit:
            group.routers.add(place)
    for memory in target.memories:
        if not memory.unit:
            paths = [_path(name) for name in memory.serves]
            _group(known, _shared(paths) if paths else _path(memory.name)).memories.append(memory)
    for link in target.links:
        _add_link(known, link)
    return root


def _path(name: str) -> tuple[str, ...]:
    return tuple(name.split(".")[:-1])


def _group(known: dict[tuple[str, ...], Group], path: tuple[str, ...]) -> Group:
    """The group of a path, made with those around it when first met."""
    if path not in known:
        known[path] = Group(path)
        _group(known, path[:-1]).groups.append(known[path])
    return known[path]


def _shared(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The path of the smallest group that all are in."""
    first, last = min(paths), max(paths)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:same]


def _add_link(known: dict[tuple[str, ...], Group], link: Link) -> None:
    group = known[_shared([_path(link.a), _path(link.b)])]
    a, b = (child_of(group, name) for name in (link.a, link.b))
    group.links.append((link, a, b))


def child_of(group: Group, place: str) -> int:
    """The position among a group's children of the one that a place is, or is in."""
    depth = len(group.path) + 1
    words = tuple(place.split("."))
    if len(words) == depth:
        return group.places.index(place)
    return len(group.places) + next(i for i, g in enumerate(group.groups) if g.path == words[:depth])
