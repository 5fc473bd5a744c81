"""Justification: every activity shifted right as far as it goes, then left (forward-backward improvement)."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from mapper.solve.makespan.problem import Problem, Solution
from mapper.solve.makespan.profile import Profile


def justify(problem: Problem, solution: Solution) -> Solution:
    """A schedule of the same durations and grants that is not longer.

    When everything holds its resources until its result, shifting cannot lengthen it; otherwise it seldom does, and the
    given schedule is returned.
    """
    ticks = [end - start for start, end in zip(solution.start, solution.end, strict=True)]
    late = shift_right(problem, ticks, solution.end)
    starts = shift_left(problem, ticks, _topological(problem, late))
    shifted = Solution(tuple(starts), tuple(s + t for s, t in zip(starts, ticks, strict=True)))
    return shifted if shifted.makespan <= solution.makespan else solution


def shift_left(problem: Problem, ticks: Sequence[int], order: Sequence[int]) -> list[int]:
    """Each activity, in a topological order, at its earliest tick: the starts."""
    profiles = [Profile(r.capacity) for r in problem.resources]
    waits = problem.waits(ticks)
    starts = [0] * len(ticks)
    for i in order:
        activity = problem.activities[i]
        start = max((starts[p] + lag for p, lag in waits[i]), default=0)
        starts[i] = _place(profiles, activity.amounts_for(ticks[i]), start, activity.hold_for(ticks[i]))
    return starts


def shift_right(problem: Problem, ticks: Sequence[int], ends: Sequence[int]) -> list[int]:
    """Each activity, latest end first, at its latest tick before the makespan: the starts. Time runs backwards here."""
    profiles = [Profile(r.capacity) for r in problem.resources]
    horizon = max(ends, default=0)
    starts = [0] * len(ticks)
    latest = [horizon - t for t in ticks]
    waits = problem.waits(ticks)
    place = {i: k for k, i in enumerate(problem.order)}
    for i in sorted(range(len(ticks)), key=lambda i: (-ends[i], -place[i])):
        activity = problem.activities[i]
        hold = activity.hold_for(ticks[i])
        back = -(latest[i] + hold)  # the release, seen backwards, is where holding begins
        starts[i] = -_place(profiles, activity.amounts_for(ticks[i]), back, hold) - hold
        for p, lag in waits[i]:
            latest[p] = min(latest[p], starts[i] - lag)
    return starts


def _place(profiles: list[Profile], amounts: Sequence[tuple[int, int]], start: int, hold: int) -> int:
    """The first tick at which all amounts are free for the hold, which is then taken."""
    if not hold:
        return start
    if len(amounts) > 1:
        sums: dict[int, int] = {}
        for r, amount in amounts:
            sums[r] = sums.get(r, 0) + amount
        amounts = tuple(sums.items())
    moved = True
    while moved:
        moved = False
        for r, amount in amounts:
            found = profiles[r].earliest(start, hold, amount)
            if found > start:
                start, moved = found, len(amounts) > 1
    for r, amount in amounts:
        if amount:
            profiles[r].add(start, start + hold, amount)
    return start


def serial(problem: Problem, ranks: Sequence[float]) -> Solution:
    """Each activity at full speed at its earliest tick, lowest rank first among those whose predecessors are placed."""
    ticks = [a.ticks for a in problem.activities]
    starts = shift_left(problem, ticks, _topological(problem, ranks))
    return Solution(tuple(starts), tuple(s + t for s, t in zip(starts, ticks, strict=True)))


def _topological(problem: Problem, ranks: Sequence[float]) -> list[int]:
    """All activities, lowest rank first among those whose predecessors are listed."""
    missing = [len(before) for before in problem.after]
    for stream in problem.streams:
        missing[stream.sink] += 1
    heap = [(ranks[i], i) for i, count in enumerate(missing) if count == 0]
    heapify(heap)
    found: list[int] = []
    while heap:
        i = heappop(heap)[1]
        found.append(i)
        for j in (*problem.followers[i], *(s.sink for s in problem.streaming[i])):
            missing[j] -= 1
            if missing[j] == 0:
                heappush(heap, (ranks[j], j))
    return found
