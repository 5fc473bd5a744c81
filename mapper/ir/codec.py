"""Values of annotated types as plain JSON data and back: one writer and one reader per type, made from the annotation.

A field at its empty default (None, (), '', 0, False) is left out; every other one is spelled, so that a default
changed later does not change what was written before. Nothing is reordered: the order of a tuple may have a meaning.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from itertools import repeat, takewhile
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from mapper.errors import did_you_mean

_PLAIN = {int: "an integer", float: "a number", str: "a string", bool: "true or false"}


class DataError(Exception):
    """What is wrong with a value; the path to it grows from the inside out while the error travels up."""

    def __init__(self, problem: str, *, hint: str = "", path: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint
        self.path = path

    def __str__(self) -> str:
        return f"{self.path.removeprefix('.')}: {self.problem}" if self.path else self.problem


class Codec(NamedTuple):
    """How values of one type are written and read; both raise DataError for a value of another type.

    as_is: Python's types of JSON data that need no reading, as what is read is the same.
    """

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    as_is: frozenset[type] = frozenset()


class Codecs:
    """The codec of any type made of ints, floats, strings, bools, enums, tuples, unions and dataclasses of such.

    `special` holds the codecs of types that are written in a way of their own.
    """

    def __init__(self, special: Mapping[Any, Codec]) -> None:
        self._known: dict[Any, Codec] = dict(special)

    def of(self, kind: Any) -> Codec:
        """The codec of a type; TypeError for a type that has none."""
        if kind not in self._known:
            self._known[kind] = Codec(lambda v: self._known[kind].write(v), lambda r: self._known[kind].read(r))
            self._known[kind] = self._made(kind)  # a type that holds itself finds the one above
        return self._known[kind]

    def _made(self, kind: Any) -> Codec:
        origin, inner = get_origin(kind), get_args(kind)
        if kind in _PLAIN:
            return _plain(kind)
        if origin is tuple and inner[1:] == (...,):
            return _table(self.of(inner[0]))
        if origin is tuple:
            return _row(tuple(map(self.of, inner)))
        if origin in (Union, types.UnionType):
            return _union([self.of(k) for k in inner if k is not type(None)], types.NoneType in inner)
        if isinstance(kind, type) and issubclass(kind, Enum):
            return _enum(kind)
        if is_dataclass(kind):
            return self._record(kind)
        raise TypeError(f"no way to write a {kind} as JSON")

    def _record(self, kind: Any) -> Codec:
        hints = get_type_hints(kind)
        parts = {f.name: (f.default, self.of(hints[f.name])) for f in fields(kind)}
        needed = [name for name, (default, _) in parts.items() if default is MISSING or default]

        def write(value: Any) -> dict[str, Any]:
            if not isinstance(value, kind):
                raise DataError(f"expected a {kind.__name__}, found {shown(value)}")
            given = {name: getattr(value, name) for name in parts}
            kept = [name for name in parts if name in needed or given[name] != parts[name][0]]
            return {name: at(f".{name}", parts[name][1].write, given[name]) for name in kept}

        reads = {name: (codec.as_is, codec.read) for name, (_, codec) in parts.items()}
        least, most = set(needed), reads.keys()

        def read(raw: Any) -> Any:
            if not isinstance(raw, dict):
                raise DataError(f"expected a {kind.__name__}, found {shown(raw)}")
            if not least <= raw.keys() <= most:
                raise _wrong_keys(kind.__name__, raw, needed, most)
            done = {}
            name = ""
            try:
                for name, part in raw.items():
                    as_is, way = reads[name]
                    done[name] = part if type(part) in as_is else way(part)
            except DataError as wrong:
                wrong.path = f".{name}{wrong.path}"
                raise
            return kind(**done)

        return Codec(write, read)


def _wrong_keys(kind: str, raw: Iterable[str], needed: Iterable[str], known: Iterable[str]) -> DataError:
    """Which key of an object is unknown or, else, which one is missing."""
    for name in raw:
        if name not in known:
            return DataError(f"unknown key '{name}'", hint=did_you_mean(name, known, otherwise="the keys are"))
    return DataError(f"a {kind} needs the key '{next(name for name in needed if name not in raw)}'")


def at(step: str, way: Callable[[Any], Any], value: Any) -> Any:
    """The value written or read; an error inside it learns the step that leads there."""
    try:
        return way(value)
    except DataError as wrong:
        wrong.path = step + wrong.path
        raise


def shown(raw: Any) -> str:
    """A wrong value as it is shown in an error, in a few words."""
    if isinstance(raw, dict):
        return "an object"
    if isinstance(raw, list):
        return "a list"
    text = "null" if raw is None else repr(raw)
    return text if len(text) <= 60 else text[:57] + "..."


def _plain(kind: Any) -> Codec:
    accepted = (int, float) if kind is float else kind

    def write(value: Any) -> Any:
        if not isinstance(value, accepted):
            raise DataError(f"expected {_PLAIN[kind]}, found {shown(value)} ({type(value).__name__})")
        return _finite(kind, value)

    def read(raw: Any) -> Any:
        if not isinstance(raw, accepted) or (isinstance(raw, bool) and kind is not bool):
            raise DataError(f"expected {_PLAIN[kind]}, found {shown(raw)}")
        return _finite(kind, raw)

    return Codec(write, read, frozenset({kind}) if kind is not float else frozenset())  # a float may be infinite


def _finite(kind: Any, value: Any) -> Any:
    if kind is not float:
        return kind(value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise DataError(f"{shown(value)} is not a finite number")
    return number


def _enum(kind: type[Enum]) -> Codec:
    members = {member.value: member for member in kind}

    def read(raw: Any) -> Enum:
        if not isinstance(raw, str) or raw not in members:
            hint = did_you_mean(raw, members) if isinstance(raw, str) else ""
            raise DataError(f"{shown(raw)} is not a {kind.__name__}", hint=hint)
        return members[raw]

    return Codec(lambda value: read(value).value, read)


def _table(item: Codec) -> Codec:
    def write(values: Any) -> list[Any]:
        return [at(f"[{i}]", item.write, v) for i, v in enumerate(_of_type(tuple, values))]

    def read(raw: Any) -> tuple[Any, ...]:
        parts = _of_type(list, raw)
        if item.as_is.issuperset(map(type, parts)):
            return tuple(parts)
        return _each(zip(repeat(item.read), parts, strict=False))

    return Codec(write, read)


def _each(pairs: Iterable[tuple[Callable[[Any], Any], Any]]) -> tuple[Any, ...]:
    """The elements, each read in its way."""
    done: list[Any] = []
    try:
        for read, part in pairs:
            done.append(read(part))
    except DataError as wrong:
        wrong.path = f"[{len(done)}]{wrong.path}"
        raise
    return tuple(done)


def _row(items: tuple[Codec, ...]) -> Codec:
    reads = [item.read for item in items]

    def as_many(values: Any) -> Any:
        if len(values) != len(items):
            raise DataError(f"expected {len(items)} entries, found {len(values)}")
        return values

    def write(row: Any) -> list[Any]:
        values = as_many(_of_type(tuple, row))
        return [at(f"[{i}]", item.write, v) for i, (item, v) in enumerate(zip(items, values, strict=True))]

    return Codec(write, lambda raw: _each(zip(reads, as_many(_of_type(list, raw)), strict=True)))


def _of_type(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise DataError(f"expected a {kind.__name__}, found {shown(value)}")
    return value


def _union(members: list[Codec], optional: bool) -> Codec:
    """The first member that takes a value wins; of a single member besides None, its own complaint is the answer."""

    def choose(value: Any, ways: list[Callable[[Any], Any]]) -> Any:
        if value is None and optional:
            return None
        if len(ways) == 1:
            return ways[0](value)
        for way in ways:
            try:
                return way(value)
            except DataError:
                continue
        raise DataError(f"{shown(value)} is of no type that is allowed here")

    writers, readers = [c.write for c in members], [c.read for c in members]
    first = takewhile(bool, (c.as_is for c in members))  # another one may take what a later one has as is
    as_is = frozenset[type]().union(*first, {types.NoneType} if optional else ())
    return Codec(lambda value: choose(value, writers), lambda raw: choose(raw, readers), as_is)
