"""Places where values lie, and the steps that bring them from one to another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mapper.hw.layout import Layout
from mapper.hw.work import DType


@dataclass(frozen=True, slots=True)
class Place:
    """A memory, the type of floating-point values that lie there, and how the ranks of a team hold them."""

    memory: str
    dtype: DType
    layout: Layout = Layout.ONE

    def __str__(self) -> str:
        return f"{self.memory}/{self.dtype}" + (f"/{self.layout}" if self.layout else "")


@dataclass(frozen=True, slots=True)
class Step:
    """A cast on a unit or a move along a route. `hold`: ticks during which `exclusive` resources are taken; `channels`:
    ticks that the traffic takes of each memory's whole bandwidth; `energy_pj` by cause, memories and links included.
    A folded machine has `sets` of what is taken, and so many requests in `copies` of it at once. widths: on a pool, the
    ticks of each exclusive resource."""

    kind: str
    where: str
    to: Place
    ticks: int
    hold: int
    exclusive: tuple[str, ...]
    channels: tuple[tuple[str, int], ...]
    energy_pj: tuple[tuple[str, int], ...]
    bytes: int
    sets: int = 1
    copies: int = 1
    widths: tuple[int, ...] = ()

    @property
    def busy(self) -> tuple[tuple[str, int], ...]:
        """Ticks of each exclusive resource that count towards the steady state."""
        ticks = self.widths or (self.hold // self.sets,) * len(self.exclusive)
        return tuple(zip(self.exclusive, ticks, strict=True))


def length(steps: Sequence[Step]) -> int:
    """Ticks of steps one after the other."""
    return sum(step.ticks for step in steps)


def least(one: Sequence[Step], other: Sequence[Step]) -> Step:
    """A step that takes of everything the less of what two ways take."""
    ways = (one, other)
    busy = [_sums(pair for step in steps for pair in step.busy) for steps in ways]
    channels = [_sums(pair for step in steps for pair in step.channels) for steps in ways]
    ticks = min(map(length, ways))
    taken = {name: min(n, busy[1][name]) for name, n in busy[0].items() if name in busy[1]}
    return replace(
        one[-1],
        ticks=ticks,
        hold=ticks,
        exclusive=tuple(taken),
        widths=tuple(taken.values()),
        channels=tuple((name, min(n, channels[1][name])) for name, n in channels[0].items() if name in channels[1]),
        energy_pj=(("transfers", min(sum(pj for step in steps for _, pj in step.energy_pj) for steps in ways)),),
    )


def _sums(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, ticks in pairs:
        found[name] = found.get(name, 0) + ticks
    return found
