"""What the plan says of a request, from the manifest alone, as the process of a trace beside the measured run."""

from __future__ import annotations

from collections.abc import Iterator

from mapper.emit.events import PREDICTED, REQUESTS, Bar, Flow, Group, about, sums
from mapper.emit.manifest import Move, PhasePart
from mapper.runtime.program import Part, Place, Program

MOST_BARS = 20_000
"""Bars of steps and moves: when there are so many, further calls are drawn without what goes on in them."""


def predicted(program: Program) -> tuple[Group, list[Flow]]:
    """The first request as the plan has it, alone on the machine, on tracks that are named as those of the run."""
    tracks: dict[str, list[Bar]] = {}
    changes: dict[str, dict[int, int]] = {}
    flows: list[Flow] = []
    phases: list[Bar] = []
    calls: dict[int, list[Bar]] = {}
    at, bars = 0, 0
    for number, (index, call) in enumerate(program.calls):
        part = program.parts[index]
        end = at + _ns(part.line.latency_s)
        inside: list[Bar] = []
        lacks = _left_out(part.line) if bars >= MOST_BARS else {}
        if not lacks:
            for track, bar in _call(part.line, number, at):
                tracks.setdefault(track, []).append(bar)
                bars += 1
                if bar.key is not None:
                    inside.append(Bar(bar.name, bar.start, bar.end, "step"))
            flows += _flows(part, number)
            _buffers(part.line, at, changes)
        bar = Bar(f"{part.line.name} {call}", at, end, "call", lacks, tuple(inside))
        calls.setdefault(index, []).append(bar)
        at = end
    for index, found in calls.items():
        line = program.parts[index].line
        phases.append(Bar(line.name, found[0].start, found[-1].end, "phase", inside=tuple(found)))
    request = Bar("request 0", 0, at, "request", inside=tuple(phases))
    order = [f"unit {place}" for place in program.places]
    units = {track: tracks.pop(track) for track in order if track in tracks}
    rows = {REQUESTS: [request], **units, **dict(sorted(tracks.items()))}
    return Group(PREDICTED, rows, {f"live bytes in {m}": sums(row) for m, row in changes.items()}), flows


def _left_out(line: PhasePart) -> dict[str, object]:
    """What a call says that is drawn without what goes on in it."""
    return {"steps_left_out": sum(1 for step in line.steps if step.tasks), "moves_left_out": len(line.moves)}


def _call(line: PhasePart, number: int, at: int) -> Iterator[tuple[str, Bar]]:
    """Tracks with steps and moves of a call; steps that the plan gives no time, as those that join parts, are left
    out."""
    for k, step in enumerate(line.steps):
        if step.tasks:
            words = {"phase": line.name, "piece": step.piece, "types": " ".join(step.types)}
            words["tasks"] = " ".join(step.tasks)
            bar = Bar(step.name, at + _ns(step.start_s), at + _ns(step.end_s), "step", about(words), (), (number, k))
            yield f"unit {Place(step.unit, step.rank)}", bar
    for move in line.moves:
        bar = Bar(move.name, at + _ns(move.start_s), at + _ns(move.end_s), move.kind, _words(move))
        for link in move.links or (f"{move.source} > {move.sink}",):
            yield f"link {link}", bar


def _words(move: Move) -> dict[str, object]:
    seconds = move.end_s - move.start_s
    rate = move.bytes / seconds / 1e9 if seconds > 0 else 0.0
    return about({"value": move.value, "bytes": move.bytes, "gb_per_s": rate, "route": f"{move.source} > {move.sink}"})


def _flows(part: Part, number: int) -> Iterator[Flow]:
    for maker, step, value in part.handed:
        yield Flow((number, maker), (number, step), part.line.values[value].name)


def _buffers(line: PhasePart, at: int, changes: dict[str, dict[int, int]]) -> None:
    for buffer in line.buffers:
        row = changes.setdefault(buffer.memory, {})
        for seconds, size in ((buffer.start_s, buffer.size), (buffer.end_s, -buffer.size)):
            row[at + _ns(seconds)] = row.get(at + _ns(seconds), 0) + size


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
