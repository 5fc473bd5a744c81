"""What a plan takes when the cores of the machine run slower or faster than while its target was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mapper.cost.estimate import Estimator
from mapper.cost.offers import repriced
from mapper.cost.program import Program, Spelling
from mapper.cost.steady import loads_per_request
from mapper.emit.manifest import SpeedLine
from mapper.hw.target import Target
from mapper.hw.work import TICKS_PER_SECOND
from mapper.ir.plan import Plan, Slot

SPEEDS = (0.5, 0.7, 0.85, 1.2)
"""Times are nearly straight lines over 1 / speed between these."""


def probe_seconds(target: Target) -> float:
    """Mean time of the speed probe while the target's units were measured; 0 where none was."""
    found = [s for s in (unit.model.probe_seconds() for unit in target.units) if s > 0]
    return sum(found) / len(found) if found else 0.0


def at_speeds(plan: Plan, programs: Sequence[Program]) -> tuple[SpeedLine, ...]:
    """The plan's times at each of `SPEEDS`; none where its target knows no probe.

    All is priced again for units at that speed. Activities keep the order that they have on each engine and link; what
    a longer activity does to others that share a memory is left as it is, as the whole is scaled to the planned time.
    """
    if not probe_seconds(plan.target):
        return ()
    slots = {slot.what: slot for slot in plan.schedule or ()}
    counts = [phase.calls for phase in plan.phases]
    now = [_ticks(program, slots) for program in programs]
    planned = [_planned(program, slots) for program in programs]
    most = max(loads_per_request(programs, counts).values(), default=0)
    interval = dict(plan.figures or ()).get("interval_ticks", 0) / TICKS_PER_SECOND
    lines = []
    for speed in SPEEDS:
        then = _at(plan, speed)
        ticks = [_ticks(program, slots) for program in then]
        loads = max(loads_per_request(then, counts).values(), default=0)
        lines.append(
            SpeedLine(
                speed=speed,
                latencies_s=tuple(p * _over(t, n) for p, t, n in zip(planned, ticks, now, strict=True)),
                interval_s=interval * _over(loads, most),
            )
        )
    return tuple(lines)


def _at(plan: Plan, speed: float) -> tuple[Program, ...]:
    """The plan spelled out on units at another speed, all options priced again."""
    target = at_speed(plan.target, speed)
    estimator = Estimator(target, plan.graph, plan.phases, plan.precision)
    classes = {c.repeat: c for c in plan.clusters or ()}
    options = tuple(repriced(estimator, classes[option.repeat], option) for option in plan.options or ())
    return Spelling(replace(plan, target=target, options=options), estimator).programs()


def at_speed(target: Target, speed: float) -> Target:
    """The target with all units that know it at another speed."""
    units = tuple(replace(unit, model=unit.model.at_speed(speed) or unit.model) for unit in target.units)
    return replace(target, units=units)


def _over(a: int, b: int) -> float:
    return a / b if b else 1.0


def _planned(program: Program, slots: Mapping[str, Slot]) -> float:
    return max((slots[a.name].end for a in program.activities), default=0) / TICKS_PER_SECOND


def _ticks(program: Program, slots: Mapping[str, Slot]) -> int:
    """Ticks of a call in which activities start as soon as they can in the order of their slots. What has none, as a
    value takes another way at another speed, comes after all that it needs."""
    starts: list[int] = []
    for activity in program.activities:
        slot = slots.get(activity.name)
        starts.append(slot.start if slot else max((starts[j] for j in activity.after), default=0))
    order = sorted(range(len(starts)), key=lambda i: (starts[i], i))
    ends = [0] * len(order)
    free: dict[str, int] = {}
    for i in order:
        activity = program.activities[i]
        needs = [ends[j] for j in activity.after] + [free.get(r, 0) for r, _ in activity.exclusive]
        start = max(needs, default=0)
        ends[i] = start + activity.ticks
        free.update((r, start + activity.hold) for r, _ in activity.exclusive)
    return max(ends, default=0)
