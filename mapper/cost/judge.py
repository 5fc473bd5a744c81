"""The judge: what a finished plan really costs, from its schedule, its memory map and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING

from mapper.cost.liveness import Segment, gates, segments, waits
from mapper.cost.orders import needed
from mapper.cost.program import Program, Spelling
from mapper.cost.replay import Call, replay
from mapper.cost.steady import EVENTS, Steady, loads_per_request, steady
from mapper.errors import InvalidPlan
from mapper.hw.work import PJ_PER_J, TICKS_PER_SECOND
from mapper.ir.goal import TIMES, Limit, Objective, Quantity
from mapper.ir.plan import Plan
from mapper.ir.request import runs
from mapper.ir.rules_memory import arenas

if TYPE_CHECKING:
    from mapper.cost.machine import Room

WATCHED = 100_000
"""Activities at the end of the steady state to be written down for `mapper.cost.window`: more than bars of any."""


@dataclass(frozen=True)
class Verdict:
    """Figures of a plan. Times in ticks, energies in picojoules per request, sizes in bytes."""

    plan: Plan
    programs: tuple[Program, ...]
    calls: tuple[Call, ...]
    steady: Steady
    loads: dict[str, int]
    peaks: dict[str, int]

    @property
    def latency(self) -> int:
        """Ticks of one request alone on the machine."""
        return sum(p.calls * c.ticks for p, c in zip(self.plan.phases, self.calls, strict=True))

    @property
    def interval(self) -> int:
        """Ticks between requests in steady state."""
        return self.steady.interval

    @property
    def activities_per_request(self) -> int:
        """How many activities a request is."""
        return sum(p.calls * len(x.activities) for p, x in zip(self.plan.phases, self.programs, strict=True))

    @cached_property
    def energy_by_cause(self) -> dict[str, int]:
        """Dynamic energy by cause, and the power of everything that is switched on over one interval."""
        sums: dict[str, int] = {}
        for phase, program in zip(self.plan.phases, self.programs, strict=True):
            for activity in program.activities:
                for cause, pj in activity.energy_pj:
                    sums[cause] = sums.get(cause, 0) + phase.calls * pj
        sums["idle"] = ceil(self.plan.target.idle_power_w * self.interval)  # 1 W = 1 pJ per tick
        return dict(sorted(sums.items()))

    @property
    def energy(self) -> int:
        """Energy per request."""
        return sum(self.energy_by_cause.values())

    def value(self, objective: Objective) -> float:
        """The objective's value per request in SI units: seconds, joules or joule-seconds; smaller is better."""
        if objective in TIMES:
            return self.time(objective)
        match objective:
            case Objective.THROUGHPUT:
                return self.interval / TICKS_PER_SECOND / self.plan.requests_per_run
            case Objective.ENERGY:
                return self.energy / PJ_PER_J / self.plan.requests_per_run
            case _:
                return self.value(Objective.ENERGY) * self.time(Objective.LATENCY)

    def time(self, objective: Objective) -> float:
        """Seconds of one request alone: all of it, until its first token, or per later token. Raises MapperError for
        the last where no phase makes later tokens."""
        counted = runs(self.plan, objective)
        ticks = sum(n * c.ticks for n, c in zip(counted.counts, self.calls, strict=True))
        return ticks / TICKS_PER_SECOND / counted.parts

    def measured(self, quantity: Quantity) -> float:
        """What a limit of the quantity is held against: requests/s, s, J, W, or requests in flight."""
        match quantity:
            case Quantity.THROUGHPUT:
                interval = self.value(Objective.THROUGHPUT)
                return 1.0 / interval if interval else float("inf")
            case Quantity.POWER:
                return self.energy / self.interval if self.interval else 0.0  # 1 pJ per tick = 1 W
            case Quantity.INFLIGHT:
                return float((self.plan.inflight or 1) * self.plan.requests_per_run)
            case _:
                return self.value(Objective(quantity.value))

    @property
    def broken_limits(self) -> tuple[tuple[Limit, float], ...]:
        """The plan's limits that it does not keep, each with what was found."""
        found = [(limit, self.measured(limit.quantity)) for limit in self.plan.limits]
        return tuple((limit, value) for limit, value in found if limit.excess(value))

    @property
    def excess(self) -> float:
        """By how much of them the plan breaks its limits, in sum; 0 where it keeps all."""
        return sum(limit.excess(value) for limit, value in self.broken_limits)

    @property
    def figures(self) -> tuple[tuple[str, int], ...]:
        """The numbers that a plan records and `mapper check` derives again."""
        named = {
            "latency_ticks": self.latency,
            "interval_ticks": self.interval,
            "energy_pj": self.energy,
            "inflight": self.plan.inflight or 1,
        }
        named |= {f"ticks of {c.phase}": c.ticks for c in self.calls}
        named |= {f"busy of {r}": t for r, t in self.loads.items()}
        named |= {f"peak of {m}": b for m, b in self.peaks.items()}
        return tuple(named.items())


def judge(plan: Plan, spelling: Spelling | None = None, events: int = EVENTS, watched: int = 0) -> Verdict:
    """Run the plan: one call of each phase by its schedule, then the steady state over so many activities, of which the
    last `watched` are written down (`mapper.cost.window`); the figures are the same with any number.

    Raises InvalidPlan when the schedule or the memory map asks for what the machine cannot do.
    """
    assert plan.schedule is not None
    programs = (spelling or Spelling(plan)).programs()
    slots = {s.what: s for s in plan.schedule}
    calls = tuple(replay(program, slots) for program in programs)
    _nothing_extra(plan, programs)
    loads = loads_per_request(programs, [p.calls for p in plan.phases])
    return Verdict(plan, programs, calls, flow(plan, programs, calls, events, watched), loads, peaks(plan))


def flow(
    plan: Plan, programs: Sequence[Program], calls: Sequence[Call], events: int = EVENTS, watched: int = 0
) -> Steady:
    """The plan's steady state, by the program and the replayed call of each phase; else as `judge`."""
    assert plan.memory is not None
    assert plan.inflight is not None
    room = Rooms(plan, programs, calls).at(plan.inflight)
    counts, alone, starts = [p.calls for p in plan.phases], [c.ticks for c in calls], [c.starts for c in calls]
    return steady(programs, counts, alone, plan.inflight, room, events, starts, watched)


def _nothing_extra(plan: Plan, programs: tuple[Program, ...]) -> None:
    """The schedule holds nothing that the plan does not call for."""
    known = {a.name for p in programs for a in p.activities}
    for slot in plan.schedule or ():
        if slot.what not in known:
            raise InvalidPlan(f"the schedule has '{slot.what}', which nothing calls for", rule="schedule-complete")


class Rooms:
    """What a plan's memory map demands of requests that share the machine, for any number of them in flight."""

    def __init__(self, plan: Plan, programs: Sequence[Program], calls: Sequence[Call]) -> None:
        self._plan = plan
        self._pairs = tuple(zip(programs, calls, strict=True))
        self._reused = [waits(program, call, plan.memory or ()) for program, call in self._pairs]
        self._known: dict[tuple[int, frozenset[str]], tuple[tuple[Segment, ...], tuple[tuple[int, ...], ...]]] = {}

    def at(self, inflight: int) -> Room:
        """The demands on so many requests."""
        from mapper.cost.machine import Room  # as slow to load as in `mapper.cost.steady`

        rows = arena_slots(replace(self._plan, inflight=inflight))
        slots = {key: n for key, n in rows.items() if n < inflight}
        found = [
            self._part(k, frozenset(m for phase, m in slots if phase == program.phase))
            for k, (program, _) in enumerate(self._pairs)
        ]
        return Room(tuple(order for _, order in found), tuple(part for part, _ in found), slots)

    def _part(self, k: int, scarce: frozenset[str]) -> tuple[tuple[Segment, ...], tuple[tuple[int, ...], ...]]:
        """A phase's segments in its scarce memories, and what its activities then wait for."""
        if (k, scarce) not in self._known:
            program, call = self._pairs[k]
            part = segments(program, call, scarce)
            self._known[k, scarce] = part, needed(program, call, self._reused[k], gates(program, part))
        return self._known[k, scarce]


def fixed_bytes(plan: Plan) -> dict[str, int]:
    """Bytes of each memory that are taken whatever requests do: weights, and the states of all requests in flight;
    where copies of a team have a part of a memory each, room for equally many requests in every part."""
    found = {m.name: 0 for m in plan.target.memories}
    for resident in plan.residency or ():
        copies = plan.target.copies_at[resident.memory]
        requests = copies * -(-(plan.inflight or 1) // copies)
        found[resident.memory] += resident.bytes * (requests if resident.per_request else 1)
    return found


def arena_slots(plan: Plan) -> dict[tuple[str, str], int]:
    """For each phase and memory, the calls whose buffers have room there at once: one, then as many as requests are in
    flight, the smallest first, until the memory is full. Of copies of a team each has so many in its part."""
    fixed, inflight = fixed_bytes(plan), plan.inflight or 1
    by_memory: dict[str, list[tuple[int, str]]] = {}
    for (phase, memory), size in arenas(plan).items():
        by_memory.setdefault(memory, []).append((size, phase))
    found = {}
    for memory, rows in by_memory.items():
        copies = plan.target.copies_at[memory]
        left = (plan.target.memory[memory].capacity_bytes - fixed[memory]) // copies - sum(size for size, _ in rows)
        for size, phase in sorted(rows):
            more = max(0, min(-(-inflight // copies) - 1, left // size))
            left -= more * size
            found[phase, memory] = copies * (1 + more)
    return found


def peaks(plan: Plan) -> dict[str, int]:
    """Bytes taken in each memory: what stays, and the buffers of the calls that have room there at once."""
    found, slots = fixed_bytes(plan), arena_slots(plan)
    for (phase, memory), size in arenas(plan).items():
        found[memory] += size * slots[phase, memory]
    return found
