"""The schedule as a trace in the Chrome event format, which Perfetto and chrome://tracing open.

A process per phase, a track per unit and link (more where tasks run side by side), a counter of live bytes per memory,
and arrows from the task that makes a value to those that read it. Times are microseconds; a tick is 1e-6 of one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mapper.emit.files import write_atomically
from mapper.errors import MapperError
from mapper.hw.work import TICKS_PER_SECOND
from mapper.ir.plan import Plan, Slot

Event = dict[str, Any]
TICKS_PER_MICROSECOND = TICKS_PER_SECOND // 10**6


def write(plan: Plan, path: Path) -> None:
    """Write the trace, an event a line."""
    content = trace(plan)
    events = ",\n".join(json.dumps(event, separators=(",", ":")) for event in content["traceEvents"])
    rest = json.dumps({key: value for key, value in content.items() if key != "traceEvents"})
    write_atomically(path, f'{rest[:-1]}, "traceEvents": [\n{events}\n]}}\n')


def trace(plan: Plan) -> Event:
    """The trace as JSON data; an error when the plan has no schedule yet."""
    if plan.schedule is None:
        raise MapperError("the plan has no schedule to trace", hint="run a scheduling pass first")
    events: list[Event] = []
    for pid, phase in enumerate([*plan.phase, ""], 1):
        slots = [slot for slot in plan.schedule if _phase(plan, slot) == phase]
        live = list(_counters(plan, phase, pid))
        if slots or live:
            name = f"{phase}: one call" if phase else "of no phase"
            events += [_meta("process_name", pid, 0, name=name), _meta("process_sort_index", pid, 0, sort_index=pid)]
            events += [*_tracks(plan, slots, pid), *live]
    return {
        "displayTimeUnit": "ns",
        "otherData": {"model": plan.graph.name, "target": plan.target.name, "objective": plan.objective.value},
        "traceEvents": events,
    }


def _phase(plan: Plan, slot: Slot) -> str:
    """The phase a slot belongs to: its task's, or the one that its name starts with, or the only one there is."""
    if slot.what in plan.task:
        return plan.task[slot.what].phase
    known = sorted(plan.phase, key=len, reverse=True)
    return next((p for p in known if slot.what.startswith((f"{p}/", f"{p}:", f"{p}."))), _only(known))


def _only(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ""


def _tracks(plan: Plan, slots: list[Slot], pid: int) -> Iterator[Event]:
    """Named tracks, their slices, and the arrows between them."""
    rank = {name: i for i, name in enumerate((*plan.target.unit, *plan.target.link, *plan.target.memory))}
    places = sorted({slot.where for slot in slots}, key=lambda w: (rank.get(w, len(rank)), w))
    thread: dict[Slot, int] = {}
    tid = 0
    for place in places:
        for lane, row in enumerate(_lanes(slot for slot in slots if slot.where == place)):
            tid += 1
            yield _meta("thread_name", pid, tid, name=place if lane == 0 else f"{place} #{lane + 1}")
            yield _meta("thread_sort_index", pid, tid, sort_index=tid)
            for slot in row:
                thread[slot] = tid
                yield _slice(plan, slot, pid, tid)
    yield from _arrows(plan, {slot.what: slot for slot in slots if slot.what in plan.task}, thread, pid)


def _lanes(slots: Iterable[Slot]) -> list[list[Slot]]:
    """Slots spread over as few rows as it takes for those of a row not to overlap."""
    rows: list[list[Slot]] = []
    for slot in sorted(slots, key=lambda s: (s.start, s.end, s.what)):
        row = next((r for r in rows if r[-1].end <= slot.start), None)
        if row is None:
            rows.append([slot])
        else:
            row.append(slot)
    return rows


def _slice(plan: Plan, slot: Slot, pid: int, tid: int) -> Event:
    task = plan.task.get(slot.what) or plan.task.get(slot.what.rsplit(" [", 1)[0])  # the whole, or a tile of it
    event: Event = {"ph": "X", "name": slot.what, "cat": "task" if task else "move", "pid": pid, "tid": tid}
    event |= {"ts": _us(slot.start), "dur": _us(slot.end - slot.start)}
    if task:
        cluster = plan.cluster[task.cluster]
        event["args"] = {"cluster": cluster.name, "repeat": cluster.repeat, "ops": " ".join(cluster.ops)}
    return event


def _arrows(plan: Plan, slots: dict[str, Slot], thread: dict[Slot, int], pid: int) -> Iterator[Event]:
    """A pair of flow events for every task that reads what another task of the phase makes."""
    tasks: dict[str, list[str]] = {}
    for name in slots:
        tasks.setdefault(plan.task[name].cluster, []).append(name)
    owner = {op: cluster.name for cluster in plan.clusters or () for op in cluster.ops}
    number = 0
    for cluster in tasks:
        read = {value for op in plan.cluster[cluster].ops for value in plan.graph.op[op].inputs}
        makers = {owner[plan.graph.producer[v].name] for v in read if v in plan.graph.producer}
        for maker in sorted(m for m in makers if m != cluster and m in tasks):
            for source, sink in ((a, b) for a in tasks[maker] for b in tasks[cluster]):
                number += 1
                made, used = slots[source], slots[sink]
                flow: Event = {"name": "value", "cat": "flow", "id": f"{pid}.{number}", "pid": pid}
                yield {**flow, "ph": "s", "tid": thread[made], "ts": _us(max(made.start, made.end - 1))}
                yield {**flow, "ph": "f", "bp": "e", "tid": thread[used], "ts": _us(used.start)}


def _counters(plan: Plan, phase: str, pid: int) -> Iterator[Event]:
    """The live bytes of each memory whenever they change."""
    for memory in plan.target.memory:
        changes: dict[int, int] = {}
        for buffer in plan.memory or ():
            if buffer.phase == phase and buffer.memory == memory:
                changes[buffer.start] = changes.get(buffer.start, 0) + buffer.size
                changes[buffer.end] = changes.get(buffer.end, 0) - buffer.size
        live = 0
        for tick in sorted(changes):
            live += changes[tick]
            yield {"ph": "C", "name": f"live bytes in {memory}", "pid": pid, "ts": _us(tick), "args": {"bytes": live}}


def _meta(what: str, pid: int, tid: int, /, **args: object) -> Event:
    return {"ph": "M", "name": what, "pid": pid, "tid": tid, "args": args}


def _us(ticks: int) -> float:
    return ticks / TICKS_PER_MICROSECOND
