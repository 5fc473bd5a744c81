"""A measured run as a trace in the Chrome event format, which Perfetto opens: a track per unit, requests above."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mapper.emit.files import write_atomically
from mapper.runtime.flow import Record, StepTime
from mapper.runtime.program import Program

Event = dict[str, Any]
RUN, REQUESTS = 1, 2
"""Process ids of the trace: the units, and the requests with their calls."""


def write(program: Program, record: Record, path: Path) -> None:
    """Write the trace, an event a line."""
    lines = ",\n".join(json.dumps(event, separators=(",", ":")) for event in events(program, record))
    write_atomically(path, f'{{"displayTimeUnit": "ns", "traceEvents": [\n{lines}\n]}}\n')


def events(program: Program, record: Record) -> Iterator[Event]:
    """All events; times are microseconds since the first request."""
    zero = min((start for start, _ in record.requests.values()), default=0)
    yield _meta("process_name", RUN, 0, name="measured")
    yield _meta("process_name", REQUESTS, 0, name="requests")
    for k, place in enumerate(program.places):
        yield _meta("thread_name", RUN, k + 1, name=str(place))
    for number in sorted(record.requests):
        yield _meta("thread_name", REQUESTS, number + 1, name=f"request {number}")
        start, end = record.requests[number]
        yield _slice(f"request {number}", REQUESTS, number + 1, start - zero, end - zero)
    for call in record.calls:
        name = f"{program.parts[call.part].line.name} {call.call}"
        yield _slice(name, REQUESTS, call.request + 1, call.start_ns - zero, call.end_ns - zero)
    for step in record.steps:
        line = program.parts[step.part].line
        args = {"request": step.request, "phase": line.name, "call": step.call, "piece": line.steps[step.step].piece}
        name = line.steps[step.step].name
        yield _slice(name, RUN, step.place + 1, step.start_ns - zero, step.end_ns - zero) | {"args": args}
    yield from _arrows(program, record, zero)


def _arrows(program: Program, record: Record, zero: int) -> Iterator[Event]:
    """A flow from each step to those of its call that read what it made."""
    makers = [{v: s for s, values in enumerate(part.makes) for v in values} for part in program.parts]
    by_key = {(s.request, s.part, s.call, s.step): s for s in record.steps}
    number = 0
    for step in record.steps:
        for maker in sorted({makers[step.part].get(v, -1) for v in program.parts[step.part].reads[step.step]}):
            source = by_key.get((step.request, step.part, step.call, maker))
            if source is not None:
                number += 1
                yield _end("s", number, source, source.end_ns - zero - 1)
                yield _end("f", number, step, step.start_ns - zero) | {"bp": "e"}


def _end(kind: str, number: int, step: StepTime, at_ns: int) -> Event:
    return {
        "ph": kind, "name": "value", "cat": "flow", "id": number, "pid": RUN, "tid": step.place + 1, "ts": at_ns / 1e3
    }  # fmt: skip


def _slice(name: str, pid: int, tid: int, start_ns: int, end_ns: int) -> Event:
    return {"ph": "X", "name": name, "pid": pid, "tid": tid, "ts": start_ns / 1e3, "dur": (end_ns - start_ns) / 1e3}


def _meta(what: str, pid: int, tid: int, /, **args: object) -> Event:
    return {"ph": "M", "name": what, "pid": pid, "tid": tid, "args": args}
