"""The plan as a trace for Perfetto: one request, its phases and calls, and what units, links and memories do meanwhile.

The first call of each phase is drawn in full; further calls take as long and do the same. Times are those of one
request alone on the machine. Behind it stands a stretch of the steady state, in which requests wait for one another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mapper.cost.bars import Window
from mapper.cost.program import Program, Spelling
from mapper.emit.activity_bars import ActivityBars, FirstCall, by_place, nanoseconds
from mapper.emit.events import PREDICTED, REQUESTS, Bar, Event, Flow, Group, about, drawn, sums, text
from mapper.emit.steady_bars import steady_group, told
from mapper.errors import MapperError
from mapper.hw.work import TICKS_PER_SECOND
from mapper.ir.plan import Plan, Slot

MOST_CALLS = 256
"""Calls of a phase with a bar each; all others are one."""


def trace(plan: Plan, programs: Sequence[Program] | None = None) -> dict[str, Any]:
    """The trace as JSON data. programs: the plan spelled out, if it is at hand. Raises MapperError for a plan that has
    no schedule yet."""
    found: dict[str, Any] = json.loads(to_json(plan, programs))
    return found


def to_json(plan: Plan, programs: Sequence[Program] | None = None, steady: Window | None = None) -> str:
    """The file, an event a line; else as `trace`. steady: a stretch of the steady state, behind the request."""
    if plan.schedule is None:
        raise MapperError("the plan has no schedule to trace", hint="run a scheduling pass first")
    programs = Spelling(plan).programs() if programs is None else programs
    bars = ActivityBars(plan)
    words: dict[str, object] = {
        "model": plan.graph.name, "target": plan.target.name, "objective": plan.objective.value,
    }  # fmt: skip
    words |= {"ops_left_out": bars.ops_left_out} if bars.ops_left_out else {}
    words |= told(steady) if steady else {}
    return "".join(text(_events(plan, programs, bars, steady), words))


def _events(plan: Plan, programs: Sequence[Program], bars: ActivityBars, steady: Window | None) -> Iterator[Event]:
    done = _drawn(plan, programs)
    rows: dict[str, list[Bar]] = {}
    for part in done:
        for place, bar in bars.of(part):
            rows.setdefault(place, []).append(bar)
    tracks = {REQUESTS: [_request(plan, done)]} | by_place(plan, rows)
    groups = [Group(PREDICTED, tracks, _counters(plan, done))]
    groups += [steady_group(plan, programs, steady)] if steady else []
    return drawn(groups, _flows(done))


def _drawn(plan: Plan, programs: Sequence[Program]) -> list[FirstCall]:
    """Each phase's first call, one phase after the other."""
    slots = {slot.what: slot for slot in plan.schedule or ()}
    names = {a.name for program in programs for a in program.activities}
    found, start = [], 0
    for phase, program in zip(plan.phases, programs, strict=True):
        timed = [(a, slots[a.name]) for a in program.activities if a.name in slots]
        lost = [s for s in slots.values() if s.what not in names and _is_of(plan, s, phase.name)]
        length = max((slot.end for slot in (*(s for _, s in timed), *lost)), default=0)
        every = tuple(a.name for a in program.activities)
        found.append(FirstCall(phase, start, length, tuple(timed), tuple(lost), every))
        start += phase.calls * length
    return found


def _is_of(plan: Plan, slot: Slot, phase: str) -> bool:
    """Whether a slot that the plan does not call for is of a phase: the one that its name begins with, or the first."""
    named = [p for p in plan.phase if slot.what.startswith((f"{p}/", f"{p}:", f"{p}."))]
    return phase == max(named, key=len, default=plan.phases[0].name)


def _request(plan: Plan, done: Sequence[FirstCall]) -> Bar:
    """A request with its phases, of these their calls, of the first calls their stages and layers."""
    phases = [
        Bar(
            part.phase.name,
            nanoseconds(part.start),
            nanoseconds(part.start + part.phase.calls * part.length),
            "phase",
            {"calls": part.phase.calls, "call_us": part.length * 1e6 / TICKS_PER_SECOND},
            tuple(_calls(part, tuple(stages(_layers(plan, part))))),
        )
        for part in done
    ]
    words: dict[str, object] = {"inflight": plan.inflight, "requests_in_a_run": plan.requests_per_run}
    words |= {name: ticks * 1e6 / TICKS_PER_SECOND for name, ticks in _figures(plan)}
    return Bar("request 0", 0, max(p.end for p in phases), "request", about(words), tuple(phases))


def _figures(plan: Plan) -> Iterator[tuple[str, int]]:
    known = dict(plan.figures or ())
    for figure, name in (("latency_ticks", "latency_us"), ("interval_ticks", "interval_us")):
        if figure in known:
            yield name, known[figure]


def _calls(part: FirstCall, inside: tuple[Bar, ...]) -> Iterator[Bar]:
    calls, name = part.phase.calls, part.phase.name
    for k in range(min(calls, MOST_CALLS)):
        start, end = part.start + k * part.length, part.start + (k + 1) * part.length
        yield Bar(f"{name} {k}", nanoseconds(start), nanoseconds(end), "call", inside=() if k else inside)
    if calls > MOST_CALLS:
        start, end = part.start + MOST_CALLS * part.length, part.start + calls * part.length
        yield Bar(f"{name} {MOST_CALLS} to {calls - 1}", nanoseconds(start), nanoseconds(end), "call")


def _layers(plan: Plan, part: FirstCall) -> list[tuple[tuple[str, ...], Bar]]:
    """Layers, and clusters that are of none, from the first start to the last end of their tasks; with their units."""
    layer: dict[str, str] = {}
    for k, block in enumerate(plan.blocks or ()):
        for i, clusters in enumerate(block.instances):
            name = f"layer {i}" if len(plan.blocks or ()) == 1 else f"layer {k}.{i}"
            layer |= dict.fromkeys(clusters, name)
    found: dict[str, list[tuple[str, Slot]]] = {}
    for activity, slot in part.timed:
        if activity.task and slot.end > slot.start:
            cluster = plan.task[activity.task].cluster
            found.setdefault(layer.get(cluster, cluster), []).append((activity.where, slot))
    return [(tuple(dict.fromkeys(where for where, _ in rows)), _span(name, part, rows)) for name, rows in found.items()]


def _span(name: str, part: FirstCall, rows: Sequence[tuple[str, Slot]]) -> Bar:
    start, end = min(s.start for _, s in rows), max(s.end for _, s in rows)
    units = " ".join(dict.fromkeys(where for where, _ in rows))
    args = about({"units": units, "tasks": len({s.what for _, s in rows})})
    return Bar(name, nanoseconds(part.start + start), nanoseconds(part.start + end), "layer", args)


def stages(layers: Sequence[tuple[tuple[str, ...], Bar]]) -> Iterator[Bar]:
    """Layers that run on the same units one after the other, as stages; by themselves where all are one stage."""
    groups: list[tuple[tuple[str, ...], list[Bar]]] = []
    for units, bar in layers:
        if not groups or groups[-1][0] != units:
            groups.append((units, []))
        groups[-1][1].append(bar)
    for units, bars in groups:
        if len(groups) == 1 or len(bars) == 1:
            yield from bars
        else:
            name = f"stage on {' '.join(units)}"
            yield Bar(name, min(b.start for b in bars), max(b.end for b in bars), "stage", inside=tuple(bars))


def _flows(done: Sequence[FirstCall]) -> Iterator[Flow]:
    """An arrow for each value that an activity reads of another."""
    for part in done:
        for activity, _ in part.timed:
            for maker, value in dict.fromkeys(activity.reads):
                if maker >= 0:
                    yield Flow((part.phase.name, part.names[maker]), (part.phase.name, activity.name), value)


def _counters(plan: Plan, done: Sequence[FirstCall]) -> Mapping[str, Sequence[tuple[int, int]]]:
    """The live bytes of each memory whenever they change, and what lies there all the time."""
    changes: dict[str, dict[int, int]] = {name: {} for name in plan.target.memory}
    start = {part.phase.name: part.start for part in done}
    for buffer in plan.memory or ():
        if buffer.phase in start:
            row, base = changes[buffer.memory], start[buffer.phase]
            for at, size in ((buffer.start, buffer.size), (buffer.end, -buffer.size)):
                row[nanoseconds(base + at)] = row.get(nanoseconds(base + at), 0) + size
    found = {f"live bytes in {memory}": sums(row) for memory, row in changes.items() if row}
    held: dict[str, int] = {}
    for resident in plan.residency or ():
        held[resident.memory] = held.get(resident.memory, 0) + resident.bytes
    return found | {f"weights and states in {memory}": [(0, size)] for memory, size in held.items()}
