"""Memory: an offset for every buffer of a request, and how many requests fit at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mapper.cost.judge import arenas, peaks
from mapper.cost.liveness import Life, lives, waits
from mapper.cost.program import Spelling
from mapper.cost.replay import Call, replay
from mapper.cost.steady import loads_per_request, steady
from mapper.errors import Infeasible
from mapper.ir.plan import Buffer, Plan
from mapper.pipeline.pass_ import Context, Pass
from mapper.solve.budget import Budget
from mapper.solve.packing import driver
from mapper.solve.packing.problem import Item, Problem

SATURATED = 1.01
"""A steady state within 1 % of what the busiest resource allows is not worth more requests in flight."""


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
        most = min(self.max_inflight, requests_that_fit(packed))
        counts = [p.calls for p in plan.phases]
        latencies = [c.ticks for c in calls]
        busiest = max(loads_per_request(programs, counts).values(), default=0)
        alone = sum(c * t for c, t in zip(counts, latencies, strict=True))
        blocked = [waits(p, c, packed.memory or ()) for p, c in zip(programs, calls, strict=True)]
        inflight = min(most, max(1, -(-alone // busiest) + 1)) if busiest else 1
        while inflight < most:
            seen = steady(programs, counts, latencies, inflight, blocked).interval
            if seen <= SATURATED * busiest:
                break
            more = min(most, 2 * inflight)
            if steady(programs, counts, latencies, more, blocked).interval >= seen:
                break
            inflight = more
        return replace(packed, inflight=inflight)


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
    """How many requests' states and buffers fit beside the weights. Raises Infeasible when none does."""
    per_request = dict(arenas(plan))
    fixed = dict.fromkeys(per_request, 0)
    for resident in plan.residency or ():
        table = per_request if resident.per_request else fixed
        table[resident.memory] = table.get(resident.memory, 0) + resident.bytes
    one = peaks(replace(plan, inflight=1))
    lacking = [m for m in plan.target.memories if one[m.name] > m.capacity_bytes]
    if lacking:
        raise Infeasible(
            f"{plan.graph.name} does not fit {plan.target.name} (one request's states and buffers)",
            details=[
                f"{m.name} needs {one[m.name] / 1e6:.1f} MB ({fixed.get(m.name, 0) / 1e6:.1f} MB of weights, "
                f"{per_request.get(m.name, 0) / 1e6:.1f} MB per request), has {m.capacity_bytes / 1e6:.1f} MB"
                for m in lacking
            ],
            hint="a smaller batch or sequence, a narrower --precision, or a larger memory",
        )
    room = [
        (m.capacity_bytes - fixed.get(m.name, 0)) // size
        for m in plan.target.memories
        if (size := per_request.get(m.name, 0)) > 0
    ]
    return min(room, default=1 << 30)
