"""The parts of a chip under construction: named, marked with their place in a file, renamed when a system uses it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from mapper.errors import TargetError, did_you_mean
from mapper.hw.marks import Document, Mark
from mapper.hw.schema import TargetFile
from mapper.hw.target import Link, Memory
from mapper.hw.work import UnitModel


@dataclass(frozen=True, slots=True)
class UnitDraft:
    """A unit that does not know its memories yet."""

    name: str
    kind: str
    model_name: str
    model: UnitModel


@dataclass(frozen=True)
class Nested:
    """A chip of a system: its file and its parts, under their names in that file."""

    file: TargetFile
    document: Document
    parts: Parts


@dataclass
class Parts:
    """Everything a chip file brings in, in the order of the file; names are unique over all kinds of parts."""

    units: list[UnitDraft] = field(default_factory=list)
    memories: list[Memory] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    routers: list[str] = field(default_factory=list)
    grids: dict[str, list[list[str]]] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    nested: dict[str, Nested] = field(default_factory=dict)
    """The chips by the names of their instances."""
    rest_power_w: float = 0.0

    def claim(self, name: str, mark: Mark) -> str:
        """The name, now taken."""
        if name in self.marks:
            raise TargetError(f"{mark}: the name '{name}' is taken by {self.marks[name]}")
        self.marks[name] = mark
        return name

    @property
    def unit_names(self) -> list[str]:
        """All units in order."""
        return [u.name for u in self.units]

    @property
    def places(self) -> list[str]:
        """Where links may end: units and routers."""
        return [*self.unit_names, *self.routers]

    def match_units(self, pattern: str, mark: Mark) -> list[str]:
        """The units that a pattern stands for, in order; none is an error."""
        return self._match(pattern, self.unit_names, "unit", mark)

    def match_places(self, pattern: str, mark: Mark) -> list[str]:
        """The units and routers that a pattern stands for, in order; none is an error."""
        return self._match(pattern, self.places, "unit or router", mark)

    def _match(self, pattern: str, names: list[str], noun: str, mark: Mark) -> list[str]:
        if any(sign in pattern for sign in "*?["):
            found = [name for name in names if fnmatchcase(name, pattern)]
        else:
            found = [pattern] if pattern in names else []
        if not found:
            verb = "matches no" if "*" in pattern else "is no"
            taken = f" (it is at {self.marks[pattern]})" if pattern in self.marks else ""
            raise TargetError(f"{mark}: '{pattern}' {verb} {noun}{taken}", hint=did_you_mean(pattern, names))
        return found

    def include(self, chip: Parts, instance: str) -> None:
        """Takes in a chip; each of its parts is named `<instance>.<part>`."""

        def named(part: str) -> str:
            return f"{instance}.{part}"

        for name, mark in chip.marks.items():
            self.claim(named(name), mark)
        self.units += [replace(u, name=named(u.name)) for u in chip.units]
        self.routers += [named(r) for r in chip.routers]
        self.memories += [
            replace(m, name=named(m.name), serves=tuple(map(named, m.serves)), unit=named(m.unit) if m.unit else "")
            for m in chip.memories
        ]
        self.links += [replace(k, name=named(k.name), a=named(k.a), b=named(k.b)) for k in chip.links]
        self.rest_power_w += chip.rest_power_w
        self.grids |= {named(g): [[named(u) for u in row] for row in rows] for g, rows in chip.grids.items()}
