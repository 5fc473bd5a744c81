"""Steady state by simulation: several requests in flight on one machine, each as fast as it gets resources.

The other half of the judge. A closed loop of requests runs as discrete events, oldest call first at every
resource; the utilisation of the busiest resource gives the interval between requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mapper.cost.program import Program
from mapper.errors import InvalidPlan

if TYPE_CHECKING:  # numpy and numba, which are slow to load: only what simulates needs them
    from mapper.cost.machine import Room
    from mapper.cost.tail import Tail

EVENTS = 120_000
"""Activities simulated at most: enough for the utilisation to settle within a fraction of a percent, except where one
request is as many: see `REQUESTS`."""

REQUESTS, MOST = 2, 480_000
"""With `EVENTS`, and in proportion with fewer, so many requests' worth of activities are simulated where that is more
than the events: all phases must have their turn. At most `MOST`: beyond, a longer look costs more than it tells."""

LONGER = 8
"""Where that is too short for each request to end a call before it is watched, as in pipelines of many stages, so many
times more are simulated: where requests start tells too much there of what is seen."""

CYCLES = 4
"""Requests that each place in flight serves, at most: one to settle, three to measure."""


@dataclass(frozen=True, slots=True)
class Steady:
    """What the simulation saw: ticks between requests, the busiest resource and how busy it was (0..1); and its end, if
    that was asked for and several requests were in flight."""

    interval: int
    busiest: str
    utilisation: float
    activities: int
    tail: Tail | None = field(default=None, compare=False, repr=False)


def loads_per_request(programs: Sequence[Program], calls: Sequence[int]) -> dict[str, int]:
    """Busy ticks of every resource for one request."""
    found: dict[str, int] = {}
    for program, times in zip(programs, calls, strict=True):
        for activity in program.activities:
            for resource, ticks in activity.loads:
                found[resource] = found.get(resource, 0) + times * ticks
    return dict(sorted(found.items()))


def steady(
    programs: Sequence[Program],
    calls: Sequence[int],
    latencies: Sequence[int],
    inflight: int,
    room: Room,
    events: int = EVENTS,
    starts: Sequence[Sequence[int]] = (),
    watched: int = 0,
) -> Steady:
    """Simulate `inflight` requests, started evenly spread over their course, until `events` activities have run.

    calls, latencies (ticks of one call alone) and starts (when the activities of one call alone begin) are by phase.
    Where that is too short for each request to end a call before it is watched, `LONGER` times as many run; where even
    that is too short, requests start in the midst of their calls: all at the beginning of a call would queue at its
    first unit. What is watched is then the work done on all resources, which tells the rate of requests sooner than
    that on the busiest alone. Of the last `watched` activities it is written down when they ran.
    """
    loads = loads_per_request(programs, calls)
    busiest = max(loads, key=lambda r: (loads[r], r), default="")
    alone = sum(c * t for c, t in zip(calls, latencies, strict=True))
    if inflight <= 1 or not busiest:
        return Steady(max(alone, loads.get(busiest, 0)), busiest, loads.get(busiest, 0) / alone if alone else 0.0, 0)
    from mapper.cost.machine import Machine

    machine = Machine(programs, calls, busiest, room, latencies, inflight)
    wanted, most = _activities(events, machine.per_request), CYCLES * inflight * machine.per_request
    course = CYCLES * inflight * max(map(len, machine.steps))
    budget = min(wanted if wanted >= course or not starts else LONGER * wanted, most)
    short = bool(starts) and budget < course
    machine.start(loads[busiest], starts if short else ())
    machine.run(budget // CYCLES)
    began, done, held = machine.now, machine.bottleneck_done, machine.held
    rest = budget - budget // CYCLES
    machine.run(rest - min(watched, rest))
    if watched:
        machine.watch(min(watched, rest))
        machine.run(min(watched, rest))
    if machine.stands_still:
        raise InvalidPlan(
            f"{inflight} requests in flight block one another after {machine.ran} activities: each waits for memory or "
            "for a resource that another holds",
            rule="steady-progress",
            hint="fewer requests in flight",
        )
    span, work = machine.now - began, float(machine.bottleneck_done - done)
    if short:
        work = loads[busiest] * (machine.held - held) / machine.held_per_request
    if work <= 0 or span <= 0:
        return Steady(alone, busiest, loads[busiest] / alone if alone else 0.0, machine.ran)
    utilisation = min(1.0, work / span)
    tail = machine.tail(max(1.0, work / span)) if watched else None
    return Steady(max(loads[busiest], round(loads[busiest] / utilisation)), busiest, utilisation, machine.ran, tail)


def _activities(events: int, per_request: int) -> int:
    """How many activities to simulate for a wanted number, by how many a request has."""
    return max(events, min(MOST, REQUESTS * per_request) * events // EVENTS)
