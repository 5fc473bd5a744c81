"""The steady state of one request at a time: one after another, each by the schedule of its calls."""

from __future__ import annotations

from collections.abc import Iterator

from mapper.cost.bars import Bar, InCall, Window
from mapper.cost.judge import Verdict


def one_by_one(verdict: Verdict, intervals: float, most: int) -> Window:
    """Its first so many intervals, or fewer, with no more than `most` bars."""
    latency = verdict.latency
    pace = verdict.interval / latency if latency else 1.0
    wanted = round(intervals * latency)
    bars: list[Bar] = []
    calls: list[tuple[int, int, int]] = []
    for number, phase, call, at in _calls(verdict, wanted):
        if len(bars) > most:
            break
        calls.append((number, phase, call))
        bars += _by_schedule(verdict, number, phase, call, at, pace)
    bars.sort(key=lambda bar: (bar.start, bar.request, bar.activities))
    end = bars[most].start if len(bars) > most else round(wanted * pace)
    shown = [bar for bar in bars[:most] if bar.start < end or not end]
    begun = {(*bar[:3], bar.activities[0]) for bar in shown}
    known = {key[:3] for key in begun}
    every = [range(len(program.activities)) for program in verdict.programs]
    under_way = tuple(
        InCall(*call, frozenset(i for i in every[call[1]] if (*call, i) not in begun))
        for call in calls
        if call in known
    )
    lacking = 1 - end / (wanted * pace) if wanted else 0.0
    left_out = round(lacking * intervals * verdict.activities_per_request)
    return Window(0, end, verdict.interval, tuple(shown), len({b.request for b in shown}), under_way, left_out, pace)


def _calls(verdict: Verdict, until: int) -> Iterator[tuple[int, int, int, int]]:
    """Requests, phases and calls in order with the tick at which each begins; at least one request."""
    number, at = 0, 0
    while at < until or not number:
        for phase, (p, call) in enumerate(zip(verdict.plan.phases, verdict.calls, strict=True)):
            for k in range(p.calls):
                yield number, phase, k, at
                at += call.ticks
        number += 1


def _by_schedule(verdict: Verdict, number: int, phase: int, call: int, at: int, pace: float) -> Iterator[Bar]:
    alone = verdict.calls[phase]
    for i, activity in enumerate(verdict.programs[phase].activities):
        start, end = at + alone.starts[i], at + alone.ends[i]
        held = start + (end - start) * activity.hold // activity.ticks if activity.ticks else end
        times = (start, held, end) if pace == 1 else (round(tick * pace) for tick in (start, held, end))
        yield Bar(number, phase, call, (i,), *times)
