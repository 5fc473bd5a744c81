"""Rules of memory: buffers lie aligned and apart, and everything together fits."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence

from mapper.errors import did_you_mean
from mapper.ir.plan import Buffer, Plan
from mapper.ir.rule import doubles, rules

MOST_INFLIGHT = 4096
"""The judge follows each request in flight by itself."""


def inflight(plan: Plan) -> Iterator[str]:
    """At least one request is in flight, and no more than a replay can follow."""
    if not 1 <= (plan.inflight or 0) <= MOST_INFLIGHT:
        yield f"{plan.inflight} requests are in flight; 1 to {MOST_INFLIGHT} can be"


def memory_buffers(plan: Plan) -> Iterator[str]:
    """A buffer belongs to a phase, in a memory that holds activations, with bytes and a lifetime."""
    for b in plan.memory or ():
        if b.phase not in plan.phase:
            yield f"buffer '{b.value}' is of phase '{b.phase}'; {did_you_mean(b.phase, plan.phase)}"
        memory = plan.target.memory.get(b.memory)
        if memory is None:
            yield f"buffer '{b.value}' lies in '{b.memory}'; {did_you_mean(b.memory, plan.target.memory)}"
        elif "activations" not in memory.holds:
            yield f"buffer '{b.value}' lies in '{b.memory}', which holds {', '.join(memory.holds)}"
        if b.size < 1 or b.offset < 0:
            yield f"buffer '{b.value}' takes {b.size} bytes at offset {b.offset}"
        if not 0 <= b.start < b.end:
            yield f"buffer '{b.value}' lives from {b.start} to {b.end}"
    for name in doubles(f"'{b.value}' of phase '{b.phase}' in '{b.memory}'" for b in plan.memory or ()):
        yield f"{name} has two buffers"


def memory_alignment(plan: Plan) -> Iterator[str]:
    """Every buffer starts at a multiple of its memory's alignment."""
    for b in plan.memory or ():
        step = plan.target.memory[b.memory].alignment_bytes
        if b.offset % step:
            yield f"buffer '{b.value}' is at offset {b.offset} of '{b.memory}', not a multiple of {step}"


def memory_overlap(plan: Plan) -> Iterator[str]:
    """No two buffers of a call that live at once share a byte."""
    groups: dict[tuple[str, str], list[Buffer]] = {}
    for buffer in plan.memory or ():
        groups.setdefault((buffer.phase, buffer.memory), []).append(buffer)
    for (phase, memory), buffers in groups.items():
        for a, b in _overlapping(buffers):
            yield (
                f"'{a.value}' at [{a.offset}, {a.offset + a.size}) and '{b.value}' at [{b.offset}, "
                f"{b.offset + b.size}) of '{memory}' both live from {max(a.start, b.start)} to {min(a.end, b.end)} "
                f"in phase '{phase}'"
            )


def _overlapping(buffers: Sequence[Buffer]) -> Iterator[tuple[Buffer, Buffer]]:
    """A pair that shares bytes and time, found by a sweep over time that keeps the live ones sorted by offset."""
    moments = sorted([(b.start, 1, i) for i, b in enumerate(buffers)] + [(b.end, 0, i) for i, b in enumerate(buffers)])
    live: list[tuple[int, int]] = []
    for _, begins, i in moments:
        here = buffers[i]
        at = bisect_left(live, (here.offset, i))
        if not begins:
            del live[at]
            continue
        for _, j in live[max(at - 1, 0) : at + 1]:
            other = buffers[j]
            if here.offset < other.offset + other.size and other.offset < here.offset + here.size:
                yield other, here
                return  # the order of the live ones is only sure while none overlap
        insort(live, (here.offset, i))


def arenas(plan: Plan) -> dict[tuple[str, str], int]:
    """Bytes of buffers that one call needs, by phase and memory: the highest end of any of its buffers, rounded up so
    that what lies behind them starts aligned too."""
    found: dict[tuple[str, str], int] = {}
    for b in plan.memory or ():
        step = plan.target.memory[b.memory].alignment_bytes
        key = (b.phase, b.memory)
        found[key] = max(found.get(key, 0), -(-(b.offset + b.size) // step) * step)
    return found


def memory_capacity(plan: Plan) -> Iterator[str]:
    """Weights, the states of all requests in flight and the buffers of one call of each phase fit each memory; what
    copies of a team keep, each its part of it, with equally many requests in all copies."""
    needs = arenas(plan)
    for memory in plan.target.memories:
        copies = plan.target.copies_at[memory.name]
        requests = copies * -(-(plan.inflight or 1) // copies)
        here = [r for r in plan.residency or () if r.memory == memory.name]
        weights = sum(r.bytes for r in here if not r.per_request)
        states = requests * sum(r.bytes for r in here if r.per_request)
        buffers = copies * sum(size for (_, name), size in needs.items() if name == memory.name)
        if weights + states + buffers > memory.capacity_bytes:
            yield (
                f"memory '{memory.name}' needs {weights + states + buffers} bytes, has {memory.capacity_bytes}: "
                f"{weights} of weights, {states} of states of {requests} requests, {buffers} of buffers"
            )


RULES = (
    *rules(inflight, needs=("inflight",)),
    *rules(memory_buffers, memory_alignment, memory_overlap, needs=("memory",)),
    *rules(memory_capacity, needs=("residency",)),
)
