"""Which part of a folded target stands for a part of the whole one."""

from __future__ import annotations

from mapper.hw.target import Link, Target


class Folded:
    """From parts of the whole to those that were planned with: the names of teams, of their memories and links."""

    def __init__(self, target: Target, whole: Target) -> None:
        self._target = target
        self._names = {name: name for name in (*target.unit, *target.memory)}
        for unit in target.units if whole is not target else ():
            for member in unit.team.members if unit.team else ():
                one = whole.unit[member]
                theirs, ours = (one.data, *one.weights), (unit.data, *unit.weights)
                self._names |= {member: unit.name, **dict(zip(theirs, ours, strict=False))}
        self._links: dict[tuple[str, frozenset[str]], str] = {}
        for link in target.links if whole is not target else ():
            self._links.setdefault(self._key(link), link.name)

    def name(self, part: str) -> str:
        """What stands for a unit or a memory; '' for what nothing stands for."""
        return self._names.get(part, "")

    def link(self, link: Link) -> str:
        """The name of what stands for a link: the one of its kind between the same units, whatever the routers."""
        return link.name if link.name in self._target.link else self._links.get(self._key(link), "")

    def _key(self, link: Link) -> tuple[str, frozenset[str]]:
        return link.kind, frozenset(self._names.get(end, "a router") for end in (link.a, link.b))
