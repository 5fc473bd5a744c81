"""Kept: what a placement problem's options need in memories, each thing counted once at the largest of its sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mapper.solve.placement import problem as pb


class Kept:
    """The residents of a placement problem: (what, memory, bytes).

    One thing may take different bytes in one memory: units that share it keep a state in different types. The judge
    keeps it once, at the largest size that is used (`mapper.cost.residency`). So of a thing's sizes a < b, b stands
    for the b - a bytes more, and what needs b needs a too.
    """

    def __init__(self, memories: Mapping[str, int]) -> None:
        self._memories = memories
        self._index: dict[tuple[str, str, int], int] = {}
        self._found: list[pb.Resident] = []

    def index(self, what: str, memory: str, size_bytes: int) -> int:
        """The number under which an option needs this."""
        key = (what, memory, size_bytes)
        if key not in self._index:
            self._index[key] = len(self._found)
            self._found.append(pb.Resident(f"{what} in {memory}", self._memories[memory], size_bytes))
        return self._index[key]

    def bytes(self) -> dict[str, int]:
        """By memory, the bytes of all that any option keeps there."""
        found = dict.fromkeys(self._memories, 0)
        for _, memory, size in self._index:
            found[memory] += size
        return found

    def named(self, *names: str) -> frozenset[int]:
        """The numbers of all sizes of some things, in all memories."""
        return frozenset(k for (what, _, _), k in self._index.items() if what in names)

    def settled(self, items: Sequence[pb.Item]) -> tuple[tuple[pb.Item, ...], tuple[pb.Resident, ...]]:
        """The items, with what they need of things of several sizes; and the residents."""
        sizes: dict[tuple[str, str], list[int]] = {}
        for what, memory, size in sorted(self._index):
            sizes.setdefault((what, memory), []).append(self._index[what, memory, size])
        residents = list(self._found)
        smaller: dict[int, tuple[int, ...]] = {}
        for ks in sizes.values():
            for j in range(1, len(ks)):
                smaller[ks[j]] = tuple(ks[:j])
                residents[ks[j]] = replace(
                    residents[ks[j]], bytes=self._found[ks[j]].bytes - self._found[ks[j - 1]].bytes
                )
        return tuple(_needing(item, smaller) for item in items) if smaller else tuple(items), tuple(residents)


def _needing(item: pb.Item, smaller: Mapping[int, tuple[int, ...]]) -> pb.Item:
    """The item whose options need the smaller sizes of what they need, too."""
    options = tuple(
        replace(o, needs=tuple(sorted({*o.needs, *(j for k in o.needs for j in smaller.get(k, ()))})))
        if not smaller.keys().isdisjoint(o.needs)
        else o
        for o in item.options
    )
    return replace(item, options=options)
