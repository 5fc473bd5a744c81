"""Memory: an offset for every buffer of a request, and how many requests fit at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mapper.cost.judge import peaks, room_of
from mapper.cost.liveness import Life, lives
from mapper.cost.program import Program, Spelling
from mapper.cost.replay import Call, replay
from mapper.cost.steady import loads_per_request, steady
from mapper.errors import Infeasible
from mapper.ir.plan import Buffer, Plan
from mapper.ir.rules_memory import arenas
from mapper.pipeline.pass_ import Context, Pass
from mapper.solve.budget import Budget
from mapper.solve.packing import driver
from mapper.solve.packing.problem import Item, Problem

SATURATED = 1.01
"""A steady state within 1 % of what the busiest resource allows is not worth more requests in flight."""

PROBE = 40_000
"""Activities simulated to compare numbers of requests in flight; the judge simulates more."""

WORTHWHILE = 1.02
"""More requests in flight must bring 2 %."""


class NoRoom(Infeasible):
    """Not even one request's states and buffers fit; `memories` are those that are too small."""

    memories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Memory(Pass):
    """Pack the buffers of one request into each memory, then take as many requests in flight as fit and help.

    Raises Infeasible when not even one request fits, naming the memory and the bytes.
    """

    name = "memory"
    requires = ("schedule", "placement", "residency")
    provides = ("memory", "inflight")

    max_inflight: int = 256

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with buffers at offsets and a number of requests in flight."""
        spelling = Spelling(plan)
        programs = spelling.programs()
        slots = {s.what: s for s in plan.schedule or ()}
        calls = [replay(program, slots) for program in programs]
        buffers: list[Buffer] = []
        for program, call in zip(programs, calls, strict=True):
            buffers += _pack(plan, call, lives(program, call), ctx.budget())
        packed = replace(plan, memory=tuple(buffers), inflight=1)
        return replace(packed, inflight=_inflight(packed, programs, calls, self.max_inflight))


def _inflight(plan: Plan, programs: Sequence[Program], calls: Sequence[Call], limit: int) -> int:
    """Requests in flight: the fewest, of some multiples of what one request's course asks for, that come close to the
    shortest interval; as many as fit at most."""
    most = min(limit, requests_that_fit(plan))
    counts = [p.calls for p in plan.phases]
    latencies = [c.ticks for c in calls]
    busiest = max(loads_per_request(programs, counts).values(), default=0)
    alone = sum(c * t for c, t in zip(counts, latencies, strict=True))
    if not busiest:
        return 1

    def interval(inflight: int) -> int:
        room = room_of(replace(plan, inflight=inflight), programs, calls)
        return steady(programs, counts, latencies, inflight, room, PROBE).interval

    few = min(most, max(1, -(-alone // busiest) + 1))
    tried: list[tuple[int, int]] = []
    for inflight in dict.fromkeys(min(most, few * times) for times in (1, 4, 16)):
        tried.append((interval(inflight), inflight))
        if tried[-1][0] <= SATURATED * busiest:
            break
    best = min(seen for seen, _ in tried)
    return next(inflight for seen, inflight in tried if seen <= WORTHWHILE * best)


def _pack(plan: Plan, call: Call, alive: tuple[Life, ...], budget: Budget) -> list[Buffer]:
    found = []
    for memory in plan.target.memories:
        here = [life for life in alive if life.memory == memory.name and life.size > 0]
        if not here:
            continue
        problem = Problem(
            tuple(Item(life.name, life.size, life.start, life.end) for life in here), None, memory.alignment_bytes
        )
        solution = driver.minimise(problem, budget).solution
        assert solution is not None
        found += [
            Buffer(life.name, call.phase, memory.name, offset, life.size, life.start, life.end)
            for life, offset in zip(here, solution.offsets, strict=True)
        ]
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
                for m in lacking
            ],
            hint="a smaller batch or sequence, a narrower --precision, or a larger memory",
        )
        error.memories = tuple(m.name for m in lacking)
        raise error
    buffers: dict[str, int] = {}
    for (_, memory), size in arenas(plan).items():
        buffers[memory] = buffers.get(memory, 0) + size
    room = []
    for found in plan.target.memories:
        here = [r for r in plan.residency or () if r.memory == found.name]
        each = sum(r.bytes for r in here if r.per_request)
        if each:
            kept = sum(r.bytes for r in here if not r.per_request) + buffers.get(found.name, 0)
            room.append((found.capacity_bytes - kept) // each)
    return max(1, min(room, default=1 << 30))
