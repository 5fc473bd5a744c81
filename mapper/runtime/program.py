"""The phases of a manifest as a dataflow: values and steps by number, who waits for what, sizes by call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

from mapper.emit.manifest import Manifest, PhasePart, Step, Tensor
from mapper.errors import MapperError
from mapper.runtime.tensors import Kind, Shape, kind_of, spelled

MOST_BYTES = 1 << 62
"""Of a value: what numpy can count."""


@dataclass(frozen=True)
class Part:
    """One phase. values, steps: those of the manifest; a value or step has the number of its place there."""

    line: PhasePart

    @cached_property
    def number(self) -> dict[str, int]:
        """Each value's number."""
        return {tensor.name: k for k, tensor in enumerate(self.line.values)}

    @cached_property
    def kinds(self) -> tuple[Kind, ...]:
        """Number type of each value."""
        return tuple(kind_of(tensor.dtype) for tensor in self.line.values)

    @cached_property
    def reads(self) -> tuple[tuple[int, ...], ...]:
        """Values by step, in the order of its ports."""
        return tuple(tuple(self._of(s, p.value) for p in s.inputs) for s in self.line.steps)

    @cached_property
    def makes(self) -> tuple[tuple[int, ...], ...]:
        """Values by step, in the order of its ports."""
        return tuple(tuple(self._of(s, p.value) for p in s.outputs) for s in self.line.steps)

    @cached_property
    def readers(self) -> tuple[tuple[int, ...], ...]:
        """Steps by value, each once."""
        found: list[list[int]] = [[] for _ in self.line.values]
        for step, values in enumerate(self.reads):
            for value in dict.fromkeys(values):
                found[value].append(step)
        return tuple(map(tuple, found))

    @cached_property
    def handed(self) -> tuple[tuple[int, int, int], ...]:
        """Values that a step makes and another reads: maker, reader, value."""
        maker = {value: step for step, values in enumerate(self.makes) for value in values}
        return tuple(
            (maker[value], step, value)
            for step, values in enumerate(self.reads)
            for value in dict.fromkeys(values)
            if value in maker
        )

    def handed_to(self, step: int) -> tuple[tuple[int, int, int], ...]:
        """Of these, what one step reads."""
        return self._handed_to.get(step, ())

    @cached_property
    def _handed_to(self) -> dict[int, tuple[tuple[int, int, int], ...]]:
        found: dict[int, list[tuple[int, int, int]]] = {}
        for row in self.handed:
            found.setdefault(row[1], []).append(row)
        return {step: tuple(rows) for step, rows in found.items()}

    @cached_property
    def results(self) -> tuple[int, ...]:
        """Values that outlive the steps: results, and the states that the next call takes."""
        names = [*self.line.outputs, *(s.present for s in self.line.states)]
        return tuple(dict.fromkeys(self.number[n] for n in names if n in self.number))

    @cached_property
    def given(self) -> tuple[int, ...]:
        """Values that a call starts with: inputs and states."""
        names = [*(i.value for i in self.line.inputs), *(s.past for s in self.line.states)]
        return tuple(dict.fromkeys(self.number[n] for n in names if n in self.number))

    def _of(self, step: Step, value: str) -> int:
        if value not in self.number:
            raise _broken(self.line, f"step {step.name} has a port for '{value}', which is no value of the phase")
        return self.number[value]

    def shapes(self, call: int) -> tuple[Shape, ...]:
        """Shape of each value in a call."""
        sizes = self.sizes(call)
        return tuple(self._shape(tensor, sizes) for tensor in self.line.values)

    def sizes(self, call: int) -> dict[str, int]:
        """Sizes of the open dims in a call: from first to last in even steps."""
        last = max(1, self.line.calls - 1)
        return {d.name: d.first + (d.last - d.first) * min(call, last) // last for d in self.line.dims}

    def _shape(self, tensor: Tensor, sizes: Mapping[str, int]) -> Shape:
        missing = [d for d in tensor.shape if isinstance(d, str) and d not in sizes]
        if missing:
            raise _broken(self.line, f"dim '{missing[0]}' of '{tensor.name}' has no size")
        return tuple(d if isinstance(d, int) else sizes[d] for d in tensor.shape)

    def check(self) -> None:
        """Values have names of their own, every step gets all that it reads, each value is made once, and every result
        and state is made."""
        self._check_values()
        self._check_sizes()
        there, waiting = set(self.given), list(range(len(self.line.steps)))
        for step in waiting:
            for value in self.makes[step]:
                if value in there or self.makes[step].count(value) > 1:
                    raise _broken(self.line, f"'{self.line.values[value].name}' is made twice")
            late = [v for v in self.reads[step] if v not in there]
            if late:
                name = self.line.steps[step].name
                raise _broken(
                    self.line, f"step {name} reads '{self.line.values[late[0]].name}', which no step before it makes"
                )
            there.update(self.makes[step])
        lost = [n for n in self.line.outputs if self.number.get(n, -1) not in there]
        if lost:
            raise _broken(self.line, f"no step makes the result '{lost[0]}'")
        left = [s.present for s in self.line.states if self.number.get(s.present, -1) not in {-1, *there}]
        if left:
            raise _broken(self.line, f"no step makes the state '{left[0]}'")

    def _check_values(self) -> None:
        if len(self.number) < len(self.line.values):
            names = [tensor.name for tensor in self.line.values]
            raise _broken(self.line, f"two values are called '{next(n for n in names if names.count(n) > 1)}'")
        unknown = [i.value for i in self.line.inputs if i.value not in self.number]
        if unknown:
            raise _broken(self.line, f"the input '{unknown[0]}' is no value of the phase")
        for tensor in self.line.values:
            cut, axes = tensor.part, len(tensor.shape)
            if cut is not None and cut.stop and not -axes <= cut.axis < axes:
                raise _broken(self.line, f"'{tensor.name}' is cut along axis {cut.axis}, but has {axes}")

    def _check_sizes(self) -> None:
        """In the first and the last call, between which sizes lie."""
        for call in {0, self.line.calls - 1}:
            for tensor, kind, shape in zip(self.line.values, self.kinds, self.shapes(call), strict=True):
                if prod(max(1, size) for size in shape) * kind.numpy.itemsize > MOST_BYTES:
                    raise _broken(self.line, f"'{tensor.name}' of {spelled(shape)} has more bytes than can be counted")


def _broken(line: PhasePart, what: str) -> MapperError:
    return MapperError(f"the manifest cannot be followed: phase {line.name}: {what}", hint="emit the plan again")


@dataclass(frozen=True, order=True)
class Place:
    """Who runs a step: a unit, or one rank of a team. copy: which of several that do the same for other requests."""

    unit: str
    rank: int = 0
    copy: int = 0

    def __str__(self) -> str:
        rank = f" [{self.rank}]" if self.rank else ""
        return f"{self.unit}{rank}" + (f" #{self.copy + 1}" if self.copy else "")


@dataclass(frozen=True)
class Program:
    """What every request does: the phases one after the other, each so many calls.

    calls: phase and number of each call, in order. handed: by input (`file/name`), the result it is. places: copies of
    a place stand behind it. copies: how many a place has with itself, by its number; each step goes to the least busy.
    """

    parts: tuple[Part, ...]
    calls: tuple[tuple[int, int], ...]
    handed: Mapping[str, str]
    places: tuple[Place, ...]
    copies: tuple[int, ...]

    @cached_property
    def results_wanted(self) -> frozenset[str]:
        """Results that another file takes."""
        return frozenset(self.handed.values())

    @cached_property
    def where(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """By phase and step: the number of its first place, and the step's number among all of that place."""
        number = {place: k for k, place in enumerate(self.places)}
        count = [0] * len(self.places)
        found = []
        for part in self.parts:
            row = []
            for step in part.line.steps:
                place = number[Place(step.unit, step.rank)]
                row.append((place, count[place]))
                count[place] += 1
            found.append(tuple(row))
        return tuple(found)

    def at_most(self, calls: int) -> Program:
        """The same with so many calls of each phase at most."""
        kept = tuple(c for c in self.calls if c[1] < calls)
        return replace(self, calls=kept)


def program_of(manifest: Manifest, copies: int = 1) -> Program:
    """The program of a manifest, with so many copies of a unit at most, where it has them.

    Raises MapperError for one that cannot be followed."""
    parts = tuple(Part(line) for line in manifest.phases)
    for part in parts:
        part.check()
    known = {u.name: u for u in manifest.units}
    places = dict.fromkeys(Place(s.unit, s.rank) for part in parts for s in part.line.steps)
    for place in places:
        if place.unit not in known:
            raise MapperError(
                f"the manifest has steps for '{place.unit}', which is none of its units", hint="emit the plan again"
            )
    calls = tuple((k, call) for k, part in enumerate(parts) for call in range(part.line.calls))
    dealt = [
        (replace(place, copy=k), count if not k else 1)
        for place in _sorted(list(places), manifest)
        for count in [max(1, min(copies, len(known[place.unit].members) // known[place.unit].ranks))]
        for k in range(count)
    ]
    handed = {sink: source for source, sink in manifest.handed}
    return Program(parts, calls, handed, tuple(p for p, _ in dealt), tuple(n for _, n in dealt))


def _sorted(places: Sequence[Place], manifest: Manifest) -> tuple[Place, ...]:
    order = {unit.name: k for k, unit in enumerate(manifest.units)}
    return tuple(sorted(places, key=lambda p: (order[p.unit], p.rank)))
