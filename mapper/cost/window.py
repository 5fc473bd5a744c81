"""A stretch of the steady state: which activities of which requests run when, as the judge's simulation saw them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mapper.cost.bars import Bar, InCall, Window, parts
from mapper.cost.judge import WATCHED, Verdict, flow
from mapper.cost.machine_tables import Array
from mapper.cost.one_by_one import one_by_one
from mapper.cost.program import Program
from mapper.cost.tail import HELD, IN_CALL, IN_PHASE, IN_PLACE, IN_ROUND, OF_STEP, START, Tail

__all__ = ["MOST_BARS", "WATCHED", "Bar", "InCall", "Window", "window"]

MOST_BARS = 40_000
"""Bars of a window: beyond, it is shorter than it was asked to be."""


def window(verdict: Verdict, intervals: float = 2.0, most: int = MOST_BARS) -> Window:
    """The last so many intervals of the judge's simulation, or, where that is shorter or they have more than `most`
    bars, less. Of one request at a time, the first.

    Activities have a bar each where these are no more than `most`, else those that a unit runs in a row have one. Where
    the verdict did not watch (`judge(plan, watched=WATCHED)`), its steady state is simulated again.
    """
    tail = verdict.steady.tail
    if tail is None and (verdict.plan.inflight or 1) > 1:
        tail = flow(verdict.plan, verdict.programs, verdict.calls, watched=WATCHED).tail
    if tail is None:
        return one_by_one(verdict, intervals, most)
    return _of_many(verdict, tail, intervals, most)


def _of_many(verdict: Verdict, tail: Tail, intervals: float, most: int) -> Window:
    pace, programs = tail.pace, verdict.programs
    wanted = round(intervals * verdict.interval / pace)
    seen, ends = tail.seen, tail.seen[:, HELD] + _late(tail, programs)
    begin = max(tail.began, tail.now - wanted)
    if np.count_nonzero(ends >= begin) > most:
        begin = 1 + int(np.partition(ends, len(ends) - most - 1)[len(ends) - most - 1])
    rows = seen[ends >= begin]
    numbers = _numbers(tail, rows)
    bars = [
        _bar(programs, tail, numbers[place, gone], phase, call, step, start, held)
        for place, gone, phase, call, step, start, held in rows.tolist()
    ]
    if sum(len(bar.activities) for bar in bars) <= most:
        bars = [part for bar in bars for part in parts(bar, programs)]
    bars.sort(key=lambda bar: (bar.start, bar.request, bar.activities))
    lacking = 1 - (tail.now - begin) / wanted if wanted else 0.0
    return Window(
        round(begin * pace),
        round(tail.now * pace),
        verdict.interval,
        tuple(bars),
        len(numbers),
        tuple(_calls(tail, rows, numbers)),
        round(lacking * intervals * verdict.activities_per_request),
        pace,
    )


def _late(tail: Tail, programs: Sequence[Program]) -> Array:
    """How long after letting go of its resources each row's result is there."""
    width = max(map(len, tail.steps), default=0)
    found = np.zeros((len(programs), width), dtype=np.int64)
    for p, program in enumerate(programs):
        for k, step in enumerate(tail.steps[p]):
            found[p, k] = _rest(program, step)
    return found[tail.seen[:, IN_PHASE], tail.seen[:, OF_STEP]]


def _rest(program: Program, step: Sequence[int]) -> int:
    last = program.activities[step[-1]]
    return last.ticks - last.hold


def _numbers(tail: Tail, rows: Array) -> dict[tuple[int, int], int]:
    """A number for each request, by its place and round: the one that was furthest when first seen has the lowest."""
    first: dict[tuple[int, int], tuple[int, int, int]] = {}
    for place, gone, phase, call, start in rows[:, [IN_PLACE, IN_ROUND, IN_PHASE, IN_CALL, START]].tolist():
        first.setdefault((place, gone), (-phase, -call, start))
    for place, (gone, phase, call) in enumerate(tail.calling.tolist()):
        first.setdefault((place, gone), (-phase, -call, tail.now))
    return {key: k for k, key in enumerate(sorted(first, key=lambda key: (first[key], key)))}


def _bar(
    programs: Sequence[Program], tail: Tail, number: int, phase: int, call: int, step: int, start: int, held: int
) -> Bar:
    activities = tail.steps[phase][step]
    end = held + _rest(programs[phase], activities)
    times = (start, held, end) if tail.pace == 1 else (round(tick * tail.pace) for tick in (start, held, end))
    return Bar(number, phase, call, activities, *times)


def _calls(tail: Tail, rows: Array, numbers: dict[tuple[int, int], int]) -> Iterator[InCall]:
    under_way = set()
    for place, (gone, phase, call) in enumerate(tail.calling.tolist()):
        started = tail.started[place].tolist()
        later = (i for step, begun in zip(tail.steps[phase], started, strict=False) if not begun for i in step)
        under_way.add((place, gone, phase, call))
        yield InCall(numbers[place, gone], phase, call, frozenset(later))
    for place, gone, phase, call in np.unique(rows[:, [IN_PLACE, IN_ROUND, IN_PHASE, IN_CALL]], axis=0).tolist():
        if (place, gone, phase, call) not in under_way:
            yield InCall(numbers[place, gone], phase, call, frozenset())
