"""What the plan has on links and in memories during one call, for the manifest."""

from __future__ import annotations

from collections.abc import Iterable

from mapper.cost.program import Activity, Program
from mapper.emit.manifest import BufferLine, Move
from mapper.hw.work import TICKS_PER_SECOND
from mapper.ir.plan import Buffer, Plan, Slot


def moves(program: Program, schedule: Iterable[Slot], start: str) -> tuple[Move, ...]:
    """The moves, casts and exchanges of one call. start: what the plan's names of the file begin with."""
    times = {slot.what: slot for slot in schedule}
    found = []
    for activity in program.activities:
        slot = times.get(activity.name)
        if activity.task or slot is None:
            continue
        source, _, sink = activity.where.partition(" > ")
        found.append(
            Move(
                name=activity.name,
                value=_value(activity).removeprefix(start),
                kind=activity.kind,
                source=source,
                sink=sink or source,
                links=tuple(r for r, _ in activity.exclusive if ":" in r),
                bytes=activity.bytes,
                start_s=slot.start / TICKS_PER_SECOND,
                end_s=slot.end / TICKS_PER_SECOND,
            )
        )
    return tuple(found)


def _value(activity: Activity) -> str:
    """The value that is moved; '' for one that takes no room where it arrives (a state in its own)."""
    return next((value for value, _, _ in activity.makes), "")


def buffers(plan: Plan, phase: str, start: str) -> tuple[BufferLine, ...]:
    """Where values lie in memories during one call."""
    return tuple(_line(buffer, start) for buffer in plan.memory or () if buffer.phase == phase)


def _line(buffer: Buffer, start: str) -> BufferLine:
    value, _, maker = buffer.value.partition(" of ")
    return BufferLine(
        value=value.removeprefix(start),
        maker=maker,
        memory=buffer.memory,
        offset=buffer.offset,
        size=buffer.size,
        start_s=buffer.start / TICKS_PER_SECOND,
        end_s=buffer.end / TICKS_PER_SECOND,
    )


def length_s(program: Program, schedule: Iterable[Slot]) -> float:
    """Seconds of one call of a phase."""
    return max((slot.end for slot in schedule if slot.what in program.index), default=0) / TICKS_PER_SECOND
