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
from mapper.cost.typical import typical_end

__all__ = ["MOST_BARS", "WATCHED", "Bar", "InCall", "Window", "window"]

MOST_BARS = 40_000
"""Bars of a window: beyond, it is shorter than it was asked to be."""


def window(verdict: Verdict, intervals: float = 2.0, most: int = MOST_BARS) -> Window:
    """So many intervals of the judge's simulation, or, where that is shorter or they have more than `most` bars, less:
    near its end, where the machine is busy most nearly as the judge says. Of one request at a time, the first.

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
    programs = verdict.programs
    interval = verdict.interval / tail.pace / (1 << tail.shift)
    wanted = round(intervals * interval)
    seen, ends = tail.seen, tail.seen[:, HELD] + _late(tail, programs)
    length = tail.now - _begin(tail, ends, tail.now, wanted, most)
    calls = [phase.calls for phase in verdict.plan.phases]
    stop = typical_end(tail, programs, calls, interval, length)
    begin = _begin(tail, ends, stop, length, most)
    rows = seen[(ends >= begin) & (seen[:, START] < stop)]
    under_way = _under_way(tail, stop)
    numbers = _numbers(rows, under_way, stop)
    bars = [
        _bar(programs, tail, numbers[place, gone], phase, call, step, start, held)
        for place, gone, phase, call, step, start, held in rows.tolist()
    ]
    if sum(len(bar.activities) for bar in bars) <= most:
        bars = [part for bar in bars for part in parts(bar, programs)]
    bars.sort(key=lambda bar: (bar.start, bar.request, bar.activities))
    lacking = 1 - (stop - begin) / wanted if wanted else 0.0
    return Window(
        tail.ticks(begin),
        tail.ticks(stop),
        verdict.interval,
        tuple(bars),
        len(numbers),
        tuple(_calls(tail, rows, under_way, stop, numbers)),
        round(lacking * intervals * verdict.activities_per_request),
        tail.pace,
    )


def _begin(tail: Tail, ends: Array, stop: int, wanted: int, most: int) -> int:
    """When a stretch of the wanted length begins, or a shorter one with no more than `most` bars."""
    begin = max(tail.began, stop - wanted)
    there = ends[(ends >= begin) & (tail.seen[:, START] < stop)]
    if len(there) > most:
        begin = 1 + int(np.partition(there, len(there) - most - 1)[len(there) - most - 1])
    return begin


def _under_way(tail: Tail, stop: int) -> Array:
    """By place in flight the round, phase and call that it is in when a stretch stops: that of what starts next there;
    it may not have begun."""
    after = tail.seen[tail.seen[:, START] >= stop]
    places, first = np.unique(after[:, IN_PLACE], return_index=True)
    found = tail.calling.copy()
    found[places] = after[first][:, [IN_ROUND, IN_PHASE, IN_CALL]]
    return found


def _late(tail: Tail, programs: Sequence[Program]) -> Array:
    """How long after letting go of its resources each row's result is there."""
    width = max(map(len, tail.steps), default=0)
    found = np.zeros((len(programs), width), dtype=np.int64)
    for p, program in enumerate(programs):
        for k, step in enumerate(tail.steps[p]):
            found[p, k] = _rest(program, step) >> tail.shift
    return found[tail.seen[:, IN_PHASE], tail.seen[:, OF_STEP]]


def _rest(program: Program, step: Sequence[int]) -> int:
    last = program.activities[step[-1]]
    return last.ticks - last.hold


def _numbers(rows: Array, under_way: Array, stop: int) -> dict[tuple[int, int], int]:
    """A number for each request, by its place and round: the one that was furthest when first seen has the lowest."""
    first: dict[tuple[int, int], tuple[int, int, int]] = {}
    for place, gone, phase, call, start in rows[:, [IN_PLACE, IN_ROUND, IN_PHASE, IN_CALL, START]].tolist():
        first.setdefault((place, gone), (-phase, -call, start))
    for place, (gone, phase, call) in enumerate(under_way.tolist()):
        first.setdefault((place, gone), (-phase, -call, stop))
    return {key: k for k, key in enumerate(sorted(first, key=lambda key: (first[key], key)))}


def _bar(
    programs: Sequence[Program], tail: Tail, number: int, phase: int, call: int, step: int, start: int, held: int
) -> Bar:
    activities = tail.steps[phase][step]
    end = held + (_rest(programs[phase], activities) >> tail.shift)
    return Bar(number, phase, call, activities, tail.ticks(start), tail.ticks(held), tail.ticks(end))


def _calls(
    tail: Tail, rows: Array, under_way: Array, stop: int, numbers: dict[tuple[int, int], int]
) -> Iterator[InCall]:
    """The calls of a stretch: those under way when it stops, with what comes later, and those that had ended."""
    calls = tail.seen[:, [IN_ROUND, IN_PHASE, IN_CALL]]
    after = (tail.seen[:, START] >= stop) & (calls == under_way[tail.seen[:, IN_PLACE]]).all(axis=1)
    later: dict[int, set[int]] = {place: set() for place in range(len(under_way))}
    for place, step in tail.seen[after][:, [IN_PLACE, OF_STEP]].tolist():
        later[place].add(step)
    for place in np.flatnonzero((tail.calling == under_way).all(axis=1)).tolist():
        later[place].update(np.flatnonzero(~tail.started[place]).tolist())
    open_calls = set()
    for place, (gone, phase, call) in enumerate(under_way.tolist()):
        steps = tail.steps[phase]
        coming = frozenset(i for step in later[place] if step < len(steps) for i in steps[step])
        open_calls.add((place, gone, phase, call))
        yield InCall(numbers[place, gone], phase, call, coming)
    for place, gone, phase, call in np.unique(rows[:, [IN_PLACE, IN_ROUND, IN_PHASE, IN_CALL]], axis=0).tolist():
        if (place, gone, phase, call) not in open_calls:
            yield InCall(numbers[place, gone], phase, call, frozenset())
