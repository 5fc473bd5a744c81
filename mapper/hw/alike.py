"""The parts of a target in groups of alike ones, and one name for each group."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import takewhile
from typing import TypeVar

from mapper.hw.target import Link, Memory, Target, Unit

_NUMBERS = re.compile(r"\d+|(_\d+)+")
"""What an entry's `count` or `grid` puts behind its name."""

Part = TypeVar("Part", Unit, Memory, Link)


@dataclass(frozen=True, slots=True)
class Alike:
    """Parts with equal figures: a pattern that stands for them all and for no other, and their names."""

    pattern: str
    names: tuple[str, ...]


def alike_units(target: Target) -> tuple[Alike, ...]:
    """Units by kind."""
    return _groups(target.units, lambda u: u.kind)


def outside(target: Target) -> list[Memory]:
    """Memories that stand outside units; those inside follow from their unit's figures."""
    return [m for m in target.memories if not m.unit]


def alike_memories(target: Target) -> tuple[Alike, ...]:
    """Memories outside units, by kind and figures."""
    return _groups(outside(target), lambda m: (m.kind, m.capacity_bytes, m.bandwidth_bytes_per_s, m.energy_pj_per_bit,
                                       m.latency_s, m.idle_power_w, m.holds))  # fmt: skip


def alike_links(target: Target) -> tuple[Alike, ...]:
    """Links by kind and figures."""
    return _groups(target.links, lambda k: (k.kind, k.bandwidth_bytes_per_s, k.latency_s, k.energy_pj_per_bit,
                                            k.idle_power_w, k.overhead_s))  # fmt: skip


def named(parts: Iterable[Part], pattern: str) -> list[Part]:
    """The parts that a pattern means: by name or a part of it between dots, by kind, or by the entry of the target file
    that made them (links `d2d.a-b` are `d2d`, units `cim0` to `cim3` are `cim`). `*` stands for any characters,
    `a|b` for both."""
    words = pattern.split("|")
    return [part for part in parts if any(_means(word, part.name, part.kind) for word in words)]


def _means(word: str, name: str, kind: str) -> bool:
    if fnmatchcase(name, word) or kind == word or f".{word}." in f".{name}.":
        return True
    return name.startswith(word) and _NUMBERS.fullmatch(name, len(word)) is not None


def _groups(parts: Sequence[Part], key: Callable[[Part], Hashable]) -> tuple[Alike, ...]:
    found: dict[Hashable, list[Part]] = {}
    for part in parts:
        found.setdefault(key(part), []).append(part)
    return tuple(Alike(_pattern(group, parts), tuple(p.name for p in group)) for group in found.values())


def _pattern(group: Sequence[Part], among: Sequence[Part]) -> str:
    """The shortest-looking word that means the whole group and nothing else among such parts."""
    names = [p.name for p in group]
    if len(names) == 1:
        return names[0]
    start = _start(names)
    end = _start([n[len(start) :][::-1] for n in names])[::-1]
    entry = start.rstrip("0123456789").partition(".")[0] if "." in start else ""
    for word in (entry, f"{start}*{end}", group[0].kind):
        if word and [p.name for p in named(among, word)] == names:
            return word
    return "|".join(names)


def _start(names: Sequence[str]) -> str:
    """What all names begin with."""
    return "".join(cs[0] for cs in takewhile(lambda cs: len(set(cs)) == 1, zip(*names, strict=False)))
