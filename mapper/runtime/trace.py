"""A measured run as a trace for Perfetto, beside what the plan predicts: both from their first request on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mapper.emit.events import REQUESTS, Bar, Event, Flow, Group, about, drawn, text
from mapper.emit.files import write_atomically
from mapper.runtime.flow import CallTime, Record, StepTime
from mapper.runtime.predicted import predicted
from mapper.runtime.program import Program

MEASURED = "measured"
MOST_STEPS = 50_000
"""Steps drawn, of whole requests: of those that start later the trace has their own bar alone, and says so."""

Step = tuple[int, int, int, int]
"""Request, phase, call and step."""


def write(program: Program, record: Record, path: Path) -> None:
    """Write the trace, an event a line."""
    write_atomically(path, "".join(text(events(program, record), _about(record))))


def events(program: Program, record: Record) -> Iterator[Event]:
    """All events; times are microseconds since the first request."""
    plan, flows = predicted(program)
    run = _Run(program, record)
    return drawn([plan, run.group()], (*flows, *run.flows()))


def _about(record: Record) -> dict[str, object]:
    shown = len(_in_full(record))
    return about({"requests": len(record.requests), "requests_in_full": shown})


def _in_full(record: Record) -> set[int]:
    """The first requests, as many as have no more steps than are drawn, at least one."""
    many: dict[int, int] = {}
    for step in record.steps:
        many[step.request] = many.get(step.request, 0) + 1
    found: set[int] = set()
    total = 0
    for number in sorted(record.requests):
        total += many.get(number, 0)
        if found and total > MOST_STEPS:
            break
        found.add(number)
    return found


class _Run:
    """The measured run, drawn."""

    def __init__(self, program: Program, record: Record) -> None:
        self._program, self._record = program, record
        self._zero = min((start for start, _ in record.requests.values()), default=0)
        full = _in_full(record)
        self._steps = [step for step in record.steps if step.request in full]
        self._end = max((record.requests[number][1] for number in full), default=0)
        self._of_call: dict[tuple[int, int, int], list[StepTime]] = {}
        for step in self._steps:
            self._of_call.setdefault((step.request, step.part, step.call), []).append(step)
        self._by_key = {(s.request, s.part, s.call, s.step): s for s in self._steps}

    def group(self) -> Group:
        """Requests, units, what they hand one another, and the bytes in shared memory."""
        tracks: dict[str, list[Bar]] = {REQUESTS: list(self._requests())}
        for place in self._program.places:
            tracks[f"unit {place}"] = []
        for step in self._steps:
            tracks[f"unit {self._program.places[step.place]}"].append(self._step(step))
        for track, bar in self._transfers():
            tracks.setdefault(track, []).append(bar)
        live = [(at - self._zero, size) for at, size in self._record.live if self._zero <= at <= self._end]
        return Group(MEASURED, tracks, {"live bytes in shared memory": live} if live else {})

    def _requests(self) -> Iterator[Bar]:
        calls: dict[int, dict[int, list[CallTime]]] = {}
        for call in self._record.calls:
            calls.setdefault(call.request, {}).setdefault(call.part, []).append(call)
        full = {step.request for step in self._steps}
        for number, (start, end) in sorted(self._record.requests.items()):
            of_phase = calls.get(number, {}) if number in full else {}
            phases = tuple(self._phase(part, found) for part, found in of_phase.items())
            yield Bar(f"request {number}", start - self._zero, end - self._zero, "request", inside=phases)

    def _phase(self, part: int, calls: list[CallTime]) -> Bar:
        name = self._program.parts[part].line.name
        inside = tuple(
            Bar(f"{name} {c.call}", c.start_ns - self._zero, c.end_ns - self._zero, "call", inside=self._steps_of(c))
            for c in calls
        )
        return Bar(name, inside[0].start, inside[-1].end, "phase", inside=inside)

    def _steps_of(self, call: CallTime) -> tuple[Bar, ...]:
        found = self._of_call.get((call.request, call.part, call.call), ())
        lines = self._program.parts[call.part].line.steps
        return tuple(Bar(lines[s.step].name, s.start_ns - self._zero, s.end_ns - self._zero, "step") for s in found)

    def _step(self, step: StepTime) -> Bar:
        line = self._program.parts[step.part].line
        planned = line.steps[step.step]
        words = {"request": step.request, "phase": line.name, "call": step.call, "piece": planned.piece}
        words |= {"planned_us": (planned.end_s - planned.start_s) * 1e6} if planned.tasks else {}
        key: Step = (step.request, step.part, step.call, step.step)
        return Bar(planned.name, step.start_ns - self._zero, step.end_ns - self._zero, "step", about(words), (), key)

    def _transfers(self) -> Iterator[tuple[str, Bar]]:
        """What steps on one place leave to one on another, from the last one's end to the start of the reader, which
        may have waited for more than that."""
        for step in self._steps:
            part, lines = self._program.parts[step.part], self._program.parts[step.part].line
            found: dict[int, list[tuple[StepTime, int]]] = {}
            for maker, _, value in part.handed_to(step.step):
                made = self._by_key.get((step.request, step.part, step.call, maker))
                if made is not None and made.place != step.place:
                    found.setdefault(made.place, []).append((made, value))
            for place, handed in found.items():
                shapes = part.shapes(step.call)
                last = max((made for made, _ in handed), key=lambda made: made.end_ns)
                values = dict.fromkeys(value for _, value in handed)
                args = about({
                    "bytes": sum(part.kinds[v].bytes(shapes[v]) for v in values),
                    "values": " ".join(lines.values[v].name for v in values),
                    "request": step.request,
                })  # fmt: skip
                start, end = last.end_ns - self._zero, max(last.end_ns, step.start_ns) - self._zero
                name = f"{lines.steps[last.step].name} to {lines.steps[step.step].name}"
                yield (
                    f"handed {self._program.places[place]} > {self._program.places[step.place]}",
                    Bar(name, start, end, "move", args),
                )

    def flows(self) -> Iterator[Flow]:
        """A flow from each step to those of its call that read what it made."""
        for step in self._steps:
            part = self._program.parts[step.part]
            for maker, reader, value in part.handed_to(step.step):
                call = (step.request, step.part, step.call)
                yield Flow((*call, maker), (*call, reader), part.line.values[value].name)
