"""Measured times of collectives among the units of a target: curves over bytes, and what they say of other fabrics."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

FALLS_BACK = {"custom_all_reduce": "all_reduce"}
"""A kernel of a framework hands large tensors to the library's collective."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Seconds of a collective among so many units at some sizes. Between two of them the time is a start cost plus
    bytes at a rate (as if one protocol of the library held there); below the first it is the first one's, beyond the
    last the rate of the last two goes on. Beyond `until_bytes` the kernel is not used (see `FALLS_BACK`)."""

    kind: str
    ranks: int
    sizes: tuple[float, ...]
    times: tuple[float, ...]
    until_bytes: float | None = None

    def seconds(self, size_bytes: float) -> float:
        """The time of a tensor of that size."""
        if size_bytes <= self.sizes[0]:
            return self.times[0]
        if len(self.sizes) == 1:
            return self.times[0] * size_bytes / self.sizes[0]
        above = min(bisect_left(self.sizes, size_bytes), len(self.sizes) - 1)
        (s, larger), (t, slower) = self.sizes[above - 1 : above + 1], self.times[above - 1 : above + 1]
        return t + (size_bytes - s) * (slower - t) / (larger - s)


@dataclass(frozen=True, slots=True)
class Measured:
    """Collectives that were measured among some units of a target; `band` is the relative error of the curves.

    groups: where the units sit in nodes, and the curves are of as many units in each. within: nodes, where the curves
    are of units of one of them. like: what was measured on a fabric of the same kind, whose links are `speed` times
    slower: a tensor of S bytes takes here what S / speed bytes take there, since start costs are those of the library.
    reduces_in_switch: the switch adds what passes through it.
    """

    among: tuple[str, ...]
    band: float
    curves: tuple[Curve, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    like: Measured | None = None
    speed: float = 1.0
    reduces_in_switch: bool = False
    within: tuple[tuple[str, ...], ...] = ()

    def covers(self, units: Sequence[str]) -> bool:
        """Whether the curves are about these units: some of `among`, in each of the groups equally many, all of one of
        the nodes."""
        counts = {len(set(units) & set(group)) for group in self.groups}
        in_one = not self.within or any(set(units) <= set(node) for node in self.within)
        return set(units) <= set(self.among) and len(counts) < 2 and in_one

    def has(self, kind: str) -> bool:
        """Whether this very kind was measured here."""
        return any(c.kind == kind for c in self.curves)

    def seconds(self, kind: str, ranks: int, size_bytes: float) -> float | None:
        """The time by a curve of the kind, or between those of fewer and more ranks, or by the fabric it is like."""
        own = self._between([c for c in self.curves if c.kind == kind], ranks, size_bytes)
        if own is not None or self.like is None:
            return own
        size = size_bytes / self.speed
        there = self.like.seconds(kind, ranks, size)
        if there is None or kind != "all_reduce" or not self.reduces_in_switch or ranks < 3:
            return there
        in_switch = self.like.seconds(kind, ranks, size * switch_part(ranks))
        return there if in_switch is None else min(there, in_switch)

    def _between(self, curves: list[Curve], ranks: int, size_bytes: float) -> float | None:
        fewer = max((c for c in curves if c.ranks <= ranks), key=lambda c: c.ranks, default=None)
        more = min((c for c in curves if c.ranks >= ranks), key=lambda c: c.ranks, default=None)
        if fewer is None or more is None:
            return None
        low, high = (self._of(c, size_bytes) for c in (fewer, more))
        part = (ranks - fewer.ranks) / (more.ranks - fewer.ranks) if more.ranks > fewer.ranks else 0.0
        return low + part * (high - low)

    def _of(self, curve: Curve, size_bytes: float) -> float:
        if curve.until_bytes is not None and size_bytes > curve.until_bytes and curve.kind in FALLS_BACK:
            library = self.seconds(FALLS_BACK[curve.kind], curve.ranks, size_bytes)
            if library is not None:
                return library
        return curve.seconds(size_bytes)

    def ranks_of(self, kind: str) -> tuple[int, ...]:
        """Numbers of ranks with a curve of the kind, here or on the fabric that this one is like."""
        own = tuple(sorted(c.ranks for c in self.curves if c.kind == kind))
        return own if own or self.like is None else self.like.ranks_of(kind)


def switch_part(ranks: int) -> float:
    """Bytes on a link of an all-reduce that the switch adds, over those of a ring: every rank sends its tensor once and
    its part of the sum once, S (1 + 1/n) in each direction against 2 S (n - 1)/n (the multicast all-reduce of NVLink
    switches, Klenk et al., ISCA 2020)."""
    return (ranks + 1) / (2 * (ranks - 1))
