"""The judge's machine: runs a schedule slot by slot and refuses whatever the hardware could not do.

It knows nothing of how the schedule was made. A slot that starts before its operands are there, on a unit that is
taken, or that is shorter than its work is an InvalidPlan that names the rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mapper.cost.program import Activity, Program
from mapper.errors import InvalidPlan
from mapper.ir.plan import Slot


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a phase as it happened, in ticks from its start; busy ticks by unit, link or channel."""

    phase: str
    ticks: int
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    loads: tuple[tuple[str, int], ...]


def replay(program: Program, slots: Mapping[str, Slot]) -> Call:
    """Run one call as its slots say, alone on the machine. Raises InvalidPlan naming the broken rule."""
    timed = [_slot(program, a, slots) for a in program.activities]
    for activity, slot in zip(program.activities, timed, strict=True):
        _operands_arrived(program, activity, slot, timed)
    for activity, slot in zip(program.activities, timed, strict=True):
        _long_enough(activity, slot)
    _resources_free(program, timed)
    loads: dict[str, int] = {}
    for activity in program.activities:
        for resource, ticks in activity.loads:
            loads[resource] = loads.get(resource, 0) + ticks
    return Call(
        program.phase,
        max((s.end for s in timed), default=0),
        tuple(s.start for s in timed),
        tuple(s.end for s in timed),
        tuple(sorted(loads.items())),
    )


def _slot(program: Program, activity: Activity, slots: Mapping[str, Slot]) -> Slot:
    slot = slots.get(activity.name)
    if slot is None:
        raise InvalidPlan(f"'{activity.name}' has no slot in the schedule", rule="schedule-complete")
    if slot.where != activity.where:
        text = f"'{activity.name}' is scheduled on '{slot.where}', but runs on '{activity.where}'"
        raise InvalidPlan(text, rule="schedule-places")
    if slot.start < 0:
        raise InvalidPlan(f"'{activity.name}' starts at {slot.start}, before its call", rule="schedule-times")
    return slot


def _operands_arrived(program: Program, activity: Activity, slot: Slot, timed: Sequence[Slot]) -> None:
    """An activity starts when everything it needs has ended."""
    for need in activity.after:
        if timed[need].end > slot.start:
            raise InvalidPlan(
                f"'{activity.name}' starts at {slot.start}, but needs '{program.activities[need].name}', "
                f"available at {timed[need].end}",
                rule="schedule-precedence",
            )


def _long_enough(activity: Activity, slot: Slot) -> None:
    """A slot lasts as long as its work; with part of a memory channel, at least half of what it wants, it lasts longer
    in proportion."""
    length = slot.end - slot.start
    longest = 2 * activity.ticks if activity.channels else activity.ticks
    if not activity.ticks <= length <= longest:
        text = f"'{activity.name}' takes {activity.ticks} ticks, its slot has {length}"
        raise InvalidPlan(text, rule="schedule-duration")


def _resources_free(program: Program, timed: Sequence[Slot]) -> None:
    """At no time are more copies of an engine, more of a link or more of a memory channel taken than there are."""
    capacity = dict(program.capacities)
    events: dict[str, list[tuple[int, int, float, int]]] = {}
    for i, (activity, slot) in enumerate(zip(program.activities, timed, strict=True)):
        ticks, length = (activity.ticks, slot.end - slot.start) if activity.ticks else (1, 1)
        hold_end = slot.start - (
            -activity.hold * length // ticks
        )  # rounded up, in integers: ticks exceed a float's 53 bits
        taken = [
            *((r, float(n)) for r, n in activity.exclusive),
            *((m, s * ticks / length) for m, s in activity.channels),
        ]
        for resource, amount in taken if hold_end > slot.start else ():
            rows = events.setdefault(resource, [])
            rows.append((slot.start, 1, amount, i))
            rows.append((hold_end, 0, -amount, i))
    for resource, rows in sorted(events.items()):
        level = 0.0
        for time, _, amount, i in sorted(rows):
            level += amount
            if level > capacity[resource] + 1e-6:
                raise InvalidPlan(
                    f"'{resource}' is taken {level:.3f} times of {capacity[resource]} at tick {time}, "
                    f"when '{program.activities[i].name}' starts",
                    rule="schedule-capacity",
                )
