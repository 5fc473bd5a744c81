"""The timeline of a plan's page: one request alone on the machine, one call of each phase after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from mapper.cost.activity import Activity
from mapper.cost.bars import Window
from mapper.cost.engines import CHANNEL
from mapper.cost.judge import Verdict
from mapper.hw.work import TICKS_PER_SECOND
from mapper.report.page.shell import Section, micro
from mapper.report.page.stretch import stretch
from mapper.report.page.timeline.levels import Span, steps
from mapper.report.page.timeline.tracks import Tracks
from mapper.report.units import si

Taken = tuple[tuple[str, float], ...]

FINEST = 4_000_000
"""Times are drawn in steps of this part of the whole: finer than can be seen after zooming in a thousand times."""


class Drawn(NamedTuple):
    """An activity of the table from one tick to another; at `held` it lets go of links. request: whose it is. more: so
    many others of its request follow it within that time, all in the same rows. taken: of each memory, the ticks for
    which they alone would take its channel; part: how much of their time is drawn."""

    start: int
    end: int
    activity: int
    request: int
    held: int
    more: int
    taken: Taken
    part: float


def section(verdict: Verdict, summary: Mapping[str, Any]) -> Section:
    """The timeline. Times are whole numbers of `step_s` seconds from the view's begin, each start less the one before;
    activities as in `Tracks.activities`; levels: of each memory the times and the shares taken from then on."""
    tracks = Tracks(verdict)
    data = {
        "rows": tracks.rows(),
        "memories": tracks.memories,
        "left_out": tracks.left_out,
        "phases": [p.name for p in verdict.plan.phases],
        "activities": tracks.activities(),
        "views": [_request(verdict, tracks), _steady(verdict, tracks)],
    }
    return Section("timeline", "Timeline", data)


def _request(verdict: Verdict, tracks: Tracks) -> dict[str, Any]:
    """One call of each phase, at its own speed, one behind the other."""
    drawn, phases, begin = [], [], 0
    for p, (phase, program, call) in enumerate(zip(verdict.plan.phases, verdict.programs, verdict.calls, strict=True)):
        phases.append((phase.name, begin, call.ticks, phase.calls))
        for i, activity in enumerate(program.activities):
            start, end = begin + call.starts[i], begin + call.ends[i]
            held = start - (-activity.hold * (end - start) // activity.ticks) if activity.ticks else end
            drawn.append(Drawn(start, end, tracks.first[p] + i, 0, held, 0, _taken([activity]), 1.0))
        begin += call.ticks
    view = _view(tracks, drawn, 0, begin)
    step = view["step"]
    spans = [[name, start // step, length // step, calls] for name, start, length, calls in phases]
    return {"name": "one request", "lead": _lead(verdict), **view, "phases": spans}


def _taken(activities: Iterable[Activity]) -> Taken:
    """For how many ticks activities alone would take the channel of each memory."""
    sums: dict[str, float] = {}
    for activity in activities:
        for memory, share in activity.channels:
            sums[memory] = sums.get(memory, 0.0) + activity.hold * share / CHANNEL
    return tuple(sums.items())


def _lead(verdict: Verdict) -> str:
    """What a view of one request shows, in words."""
    several = [f"{p.name} (of {p.calls} calls)" for p in verdict.plan.phases if p.calls > 1]
    once = [p.name for p in verdict.plan.phases if p.calls == 1]
    what = ", then ".join([*once, *(f"one call of {words}" for words in several)])
    return f"One request alone on the machine: {what}."


def _steady(verdict: Verdict, tracks: Tracks) -> dict[str, Any]:
    """A stretch of the steady state, with all requests that are in flight there."""
    found, batch = stretch(verdict), verdict.plan.batch
    what = f"batches of {batch} requests" if batch else "requests"
    lead = (
        f"The machine in steady state: {found.intervals:.3g} intervals of "
        f"{micro(si(found.interval / TICKS_PER_SECOND, 's'))} between {what}, with parts of {found.requests} {what}, "
        f"at most {verdict.plan.inflight} at once."
    )
    view = _view(tracks, list(_in_window(verdict, tracks, found)), found.start, found.end)
    return {"name": "steady state", "lead": lead, **view, "phases": []}


def _in_window(verdict: Verdict, tracks: Tracks, found: Window) -> Iterator[Drawn]:
    """What is seen of each bar of a window."""
    known: dict[tuple[int, tuple[int, ...]], Taken] = {}
    for bar in found.bars:
        key = (bar.phase, bar.activities)
        if key not in known:
            known[key] = _taken(verdict.programs[bar.phase].activities[i] for i in bar.activities)
        start, end = max(found.start, bar.start), min(found.end, bar.end)
        held = max(start, min(end, bar.held))
        part = (held - start) / (bar.held - bar.start) if bar.held > bar.start else 0.0
        first, more = tracks.first[bar.phase] + bar.activities[0], len(bar.activities) - 1
        yield Drawn(start, end, first, bar.request, held, more, known[key], part)


def _view(tracks: Tracks, drawn: Iterable[Drawn], begin: int, end: int) -> dict[str, Any]:
    """Bars as columns, in order of their start, and the levels of memories. What takes no time is left out."""
    step = max(1, (end - begin) // FINEST)
    bars = sorted(d for d in drawn if d.end > d.start)
    starts = [(d.start - begin) // step for d in bars]
    several, joined = any(d.request for d in bars), any(d.more for d in bars)
    return {
        "step": step,
        "step_s": step / TICKS_PER_SECOND,
        "length": (end - begin) // step,
        "start": [b - a for a, b in pairwise([0, *starts])],
        "long": [max(1, (d.end - d.start) // step) for d in bars],
        "held": [max(1, (d.held - d.start) // step) for d in bars],
        "of": [d.activity for d in bars],
        **({"request": [d.request for d in bars]} if several else {}),
        **({"more": [d.more for d in bars]} if joined else {}),
        "levels": _levels(tracks, bars, begin, end, step),
    }


def _levels(
    tracks: Tracks, bars: Iterable[Drawn], begin: int, end: int, step: int
) -> list[tuple[list[int], list[float]]]:
    """For each memory with a row the times and the shares of its channel."""
    spans: dict[str, list[Span]] = {name: [] for name in tracks.memories}
    for d in bars:
        for memory, ticks in d.taken:
            if d.held > d.start:
                spans[memory].append((d.start, d.held, d.part * ticks / (d.held - d.start)))
    found = []
    for name in tracks.memories:
        line = steps(spans[name], begin, end)
        found.append(([(at - begin) // step for at, _ in line], [share for _, share in line]))
    return found
