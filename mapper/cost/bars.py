"""What runs in a stretch of the steady state, as bars over time; and how busy they keep the machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mapper.cost.program import Program


class Bar(NamedTuple):
    """What one unit or link does for one request: activities of the call of a phase, by their position in its program,
    one after the other; mostly one. It holds its resources from tick `start` to `held`, and its result is there at
    `end`."""

    request: int
    phase: int
    call: int
    activities: tuple[int, ...]
    start: int
    held: int
    end: int


class InCall(NamedTuple):
    """A call that was under way in a window. later: activities that had not started when it ended; all others that have
    no bar had ended when it began."""

    request: int
    phase: int
    call: int
    later: frozenset[int]


@dataclass(frozen=True)
class Window:
    """A stretch of the steady state, from tick `start` to `end` of the machine.

    bars: all that ran in it, by their start. The first ones begin before it; what is under way at the end ends after
    it, when it would at its last speed. requests: how many were under way, with numbers from 0, the furthest first, of
    which some may only have waited. calls: theirs. interval: ticks between requests, of which the stretch may be a part
    or several. left_out: about how many activities more a stretch of the wanted length has. pace: ticks of the machine
    for each of the simulation, 1 unless the power limit slows the machine down.
    """

    start: int
    end: int
    interval: int
    bars: tuple[Bar, ...]
    requests: int
    calls: tuple[InCall, ...]
    left_out: int
    pace: float

    @property
    def intervals(self) -> float:
        """How many intervals long it is."""
        return (self.end - self.start) / self.interval if self.interval else 0.0


def parts(bar: Bar, programs: Sequence[Program]) -> Iterator[Bar]:
    """A bar for each of its activities, which are slowed down alike."""
    if len(bar.activities) == 1:
        yield bar
        return
    rows = [programs[bar.phase].activities[i] for i in bar.activities]
    whole, gone, start = sum(a.hold for a in rows), 0, bar.start
    for i, activity in zip(bar.activities, rows, strict=True):
        gone += activity.hold
        held = bar.start + (bar.held - bar.start) * gone // whole if whole else bar.held
        end = bar.end if i == bar.activities[-1] else held
        yield bar._replace(activities=(i,), start=start, held=held, end=end)
        start = held


def loads_in(found: Window, programs: Sequence[Program]) -> dict[str, float]:
    """How busy each resource is in a window, 0 to 1: what activities load it with, evenly over the time for which they
    hold it; to be compared with `Verdict.loads` over `Verdict.interval`."""
    sums: dict[str, float] = {}
    for bar, part in inside(found):
        for i in bar.activities:
            for resource, ticks in programs[bar.phase].activities[i].loads:
                sums[resource] = sums.get(resource, 0.0) + part * ticks
    length = found.end - found.start
    return {resource: ticks / length for resource, ticks in sorted(sums.items())} if length else {}


def inside(found: Window) -> Iterator[tuple[Bar, float]]:
    """Bars with the part of each that is in the window."""
    for bar in found.bars:
        length = bar.held - bar.start
        ticks = min(bar.held, found.end) - max(bar.start, found.start)
        yield bar, max(0.0, ticks / length) if length else float(found.start <= bar.start < found.end)
