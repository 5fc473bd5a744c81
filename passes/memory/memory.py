"""Memory: an offset for every buffer of a request, and how many requests fit at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from mapper.cost.judge import Rooms, peaks
from mapper.cost.liveness import Life, lives
from mapper.cost.program import Program, Spelling
from mapper.cost.replay import Call, replay
from mapper.cost.steady import EVENTS, REQUESTS, loads_per_request, steady
from mapper.errors import Infeasible
from mapper.hw.target import Memory as MemoryPart
from mapper.ir.goal import Quantity
from mapper.ir.plan import Buffer, Plan
from mapper.ir.request import batch_of
from mapper.ir.rules_memory import arenas
from mapper.pipeline.pass_ import Context, Pass
from mapper.solve.budget import Budget
from mapper.solve.packing import driver
from mapper.solve.packing.bound import bound
from mapper.solve.packing.infeasible import overload
from mapper.solve.packing.problem import Item, Problem

SATURATED = 1.002
"""A steady state within 0.2 % of what the busiest resource allows is not worth more requests in flight."""

PROBE = 40_000
"""Activities simulated to compare placements, and numbers in flight of requests that take long to simulate. It is too
few to settle with many requests in flight: numbers of short requests are compared by looks as long as the judge's."""

IDLE = 1.02
"""A steady state in which the busiest resource idles more than this is looked at with all larger numbers in flight."""

WORTHWHILE = 1.005
"""More requests in flight must bring 0.5 %."""

TIMES = (1, 2, 4, 8, 16)
"""Multiples of what one request's course asks for that are tried."""

PLENTY, LONG = 256, 4
"""Requests in flight that are tried at most, or so many times what one request's course asks for: in a pipeline of a
hundred stages 256 leave some of these idle."""


NEAR = 1e-3
"""First fit that misses what is live at once by no more (relative) is taken: to save a thousandth of an arena is not
worth a search, whose compilation alone takes ten seconds in a fresh copy of the sources. Where one request does not fit
for so little, `_squeezed` packs again."""


class NoRoom(Infeasible):
    """Not even one request's states and buffers fit; `lacking` are the bytes that each memory has too few."""

    lacking: Mapping[str, int] = MappingProxyType({})

    @property
    def memories(self) -> tuple[str, ...]:
        """The memories that are too small."""
        return tuple(self.lacking)


@dataclass(frozen=True)
class Memory(Pass):
    """Pack the buffers of one request into each memory, then take as many requests in flight as fit and help.

    min_times: the fewest tried, in multiples of what one request's course asks for: a quick look tries the most only.
    first: a number that is taken without trying others where it leaves nothing to win; 0 for none.
    Raises Infeasible when not even one request fits, naming the memory and the bytes.
    """

    name = "memory"
    requires = ("schedule", "placement", "residency")
    provides = ("memory", "inflight")

    max_inflight: int = 1024
    min_times: int = 1
    first: int = 0

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with buffers at offsets and a number of requests in flight."""
        return self.packed(plan, Spelling(plan).programs(), ctx)

    def packed(self, plan: Plan, programs: Sequence[Program], ctx: Context) -> Plan:
        """The same where the plan is spelled out already."""
        slots = {s.what: s for s in plan.schedule or ()}
        calls = [replay(program, slots) for program in programs]
        buffers: list[Buffer] = []
        for program, call in zip(programs, calls, strict=True):
            buffers += _pack(plan, call, lives(program, call), ctx.budget())
        packed = _squeezed(replace(plan, memory=tuple(buffers), inflight=1), ctx.budget())
        return self.filled(packed, programs, calls)

    def filled(self, packed: Plan, programs: Sequence[Program], calls: Sequence[Call]) -> Plan:
        """A plan whose buffers are packed, with as many requests in flight as fit and help; calls are those that its
        schedule gives."""
        most = _most(packed, self.max_inflight)
        return replace(packed, inflight=_inflight(packed, programs, calls, most, self.min_times, self.first))


def _most(plan: Plan, limit: int) -> int:
    """Runs in flight at most: those of the pass, and of the plan's own limit, which counts requests."""
    wanted = plan.goal.limit(Quantity.INFLIGHT)
    return limit if wanted is None else min(limit, max(1, int(wanted) // plan.requests_per_run))


def _inflight(
    plan: Plan, programs: Sequence[Program], calls: Sequence[Call], limit: int, min_times: int, first: int
) -> int:
    """Requests in flight: the fewest, of some multiples of what one request's course asks for, that come close to the
    shortest interval; as many as fit at most. More are nearly always better: the most are tried first, then halves
    of what is left of the multiples (binary search). `first`: what is taken at once where it keeps the busiest
    resource busy."""
    most = min(limit, requests_that_fit(plan))
    counts = [p.calls for p in plan.phases]
    latencies, starts = [c.ticks for c in calls], [c.starts for c in calls]
    busiest = max(loads_per_request(programs, counts).values(), default=0)
    alone = sum(c * t for c, t in zip(counts, latencies, strict=True))
    if not busiest:
        return 1
    few = min(most, max(1, -(-alone // busiest) + 1))
    most = min(most, max(PLENTY, LONG * few))
    counts_tried = list(dict.fromkeys(min(most, few * times) for times in TIMES if times >= min_times))
    if len(counts_tried) == 1:
        return counts_tried[0]
    rooms = Rooms(plan, programs, calls)
    course = sum(c * len(program.activities) for c, program in zip(counts, programs, strict=True))
    look = EVENTS if REQUESTS * course <= EVENTS else PROBE  # of longer requests a probe sees more

    def interval(inflight: int, events: int = look) -> int:
        return steady(programs, counts, latencies, inflight, rooms.at(inflight), events, starts).interval

    if 1 < first <= most and interval(first, EVENTS) <= SATURATED * busiest:
        return first
    low, high = 0, len(counts_tried) - 1
    tried = {counts_tried[high]: interval(counts_tried[high])}
    while low < high:
        middle = (low + high) // 2
        tried[counts_tried[middle]] = seen = interval(counts_tried[middle])
        if seen <= max(WORTHWHILE * min(tried.values()), SATURATED * busiest):
            high = middle
        else:
            low = middle + 1
    if min(tried.values()) > IDLE * busiest:  # what starves is not monotonous: none that was passed over may be best
        tried.update({n: interval(n) for n in counts_tried[low:] if n not in tried})
    chosen = _fewest(tried, busiest)
    more = [n for n, seen in tried.items() if n > chosen and seen <= IDLE * tried[chosen]]
    if look < EVENTS and more and tried[chosen] > SATURATED * busiest:  # a probe tells these apart no further
        return _fewest({n: interval(n, EVENTS) for n in (chosen, max(more))}, busiest)
    return chosen


def _fewest(tried: Mapping[int, int], busiest: int) -> int:
    """The fewest requests in flight whose interval comes close to the shortest, or to the busiest resource's load."""
    best = min(tried.values())
    return min(n for n, seen in tried.items() if seen <= max(WORTHWHILE * best, SATURATED * busiest))


def _pack(plan: Plan, call: Call, alive: tuple[Life, ...], budget: Budget) -> list[Buffer]:
    found = []
    for memory in plan.target.memories:
        here = [life for life in alive if life.memory == memory.name and life.size > 0]
        if not here:
            continue
        problem = Problem(
            tuple(Item(life.name, life.size, life.start, life.end) for life in here), None, memory.alignment_bytes
        )
        solution = driver.minimise(problem, budget, NEAR).solution
        assert solution is not None
        found += [
            Buffer(life.name, call.phase, memory.name, offset, life.size, life.start, life.end)
            for life, offset in zip(here, solution.offsets, strict=True)
        ]
    return found


def _squeezed(plan: Plan, budget: Budget) -> Plan:
    """The plan with buffers packed below what is left of each memory that they do not fit, where that can be."""
    one = peaks(plan)
    for memory in plan.target.memories:
        over = -((memory.capacity_bytes - one[memory.name]) // plan.target.copies_at[memory.name])
        for (phase, name), arena in arenas(plan).items() if over > 0 else ():
            if name != memory.name or over <= 0:
                continue
            here = [k for k, b in enumerate(plan.memory or ()) if (b.phase, b.memory) == (phase, name)]
            step = memory.alignment_bytes
            problem, room = _buffers(plan, here), (arena - over) // step * step
            if room < bound(problem):
                continue
            solution = driver.fits(replace(problem, capacity=room), budget).solution
            if solution is not None:
                buffers = list(plan.memory or ())
                for k, offset in zip(here, solution.offsets, strict=True):
                    buffers[k] = replace(buffers[k], offset=offset)
                plan, over = replace(plan, memory=tuple(buffers)), 0
    return plan


def _buffers(plan: Plan, chosen: Sequence[int]) -> Problem:
    """Some of the plan's buffers, all in one memory and phase, as a packing problem."""
    all_buffers = plan.memory or ()
    here = [all_buffers[k] for k in chosen]
    items = tuple(Item(b.value, b.size, b.start, b.end) for b in here)
    return Problem(items, None, plan.target.memory[here[0].memory].alignment_bytes)


def _live_most(plan: Plan, memory: str) -> list[str]:
    """For each phase with buffers in a memory: how much of them is live at once, when, which, and what they take."""
    found = []
    for (phase, name), arena in arenas(plan).items():
        if name != memory:
            continue
        chosen = [k for k, b in enumerate(plan.memory or ()) if (b.phase, b.memory) == (phase, name)]
        problem = _buffers(plan, chosen)
        core = overload(problem)
        largest = sorted((problem.items[i] for i in core.members), key=lambda item: -item.size)[:3]
        names = ", ".join(f"{item.name} {item.size / 1e6:.1f} MB" for item in largest)
        found.append(
            f"{memory} in {phase}: {len(core.members)} buffers are live at tick {core.time} with "
            f"{core.bytes / 1e6:.1f} MB, packed in {arena / 1e6:.1f} MB; the largest: {names}"
        )
    return found


def _batch_that_fits(
    plan: Plan, lacking: Sequence[MemoryPart], one: Mapping[str, int], weights: Mapping[str, int]
) -> list[str]:
    """For each memory that is too small for a batch, how many of its requests would fit."""
    batch = batch_of(plan)
    if batch == 1:
        return []
    found = []
    for m in lacking:
        room, wanted = m.capacity_bytes - weights[m.name], one[m.name] - weights[m.name]
        found.append(f"{m.name}: about {max(0, room * batch // wanted)} requests of the batch of {batch} fit")
    return found


def requests_that_fit(plan: Plan) -> int:
    """How many requests can be in flight: their states must fit beside the weights and the buffers of one call of each
    phase; where there is no room for more, calls take turns. Raises Infeasible when not even one request fits.
    """
    one = peaks(replace(plan, inflight=1))
    lacking = [m for m in plan.target.memories if one[m.name] > m.capacity_bytes]
    if lacking:
        weights = {m.name: 0 for m in plan.target.memories}
        for resident in plan.residency or ():
            weights[resident.memory] += 0 if resident.per_request else resident.bytes
        error = NoRoom(
            f"{plan.graph.name} does not fit {plan.target.name} (one request's states and buffers)",
            details=[
                f"{m.name} needs {one[m.name] / 1e6:.1f} MB ({weights[m.name] / 1e6:.1f} MB of weights, "
                f"{(one[m.name] - weights[m.name]) / 1e6:.1f} MB per request), has {m.capacity_bytes / 1e6:.1f} MB"
                f", {(one[m.name] - m.capacity_bytes) / 1e6:.1f} MB too many"
                for m in lacking
            ]
            + _batch_that_fits(plan, lacking, one, weights)
            + [line for m in lacking for line in _live_most(plan, m.name)],
            hint="a smaller batch or sequence, a narrower --precision, or a larger memory",
        )
        error.lacking = {m.name: one[m.name] - m.capacity_bytes for m in lacking}
        raise error
    buffers: dict[str, int] = {}
    for (_, memory), size in arenas(plan).items():
        buffers[memory] = buffers.get(memory, 0) + size
    room = []
    for found in plan.target.memories:
        here = [r for r in plan.residency or () if r.memory == found.name]
        each = sum(r.bytes for r in here if r.per_request)
        if each:
            copies = plan.target.copies_at[found.name]
            kept = sum(r.bytes for r in here if not r.per_request) + copies * buffers.get(found.name, 0)
            room.append(copies * ((found.capacity_bytes - kept) // (copies * each)))
    return max(1, min(room, default=1 << 30))
