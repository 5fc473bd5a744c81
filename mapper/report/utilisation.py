"""How busy each unit is over time in a stretch of the steady state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mapper.cost.activity import Activity
from mapper.cost.bars import Window
from mapper.cost.judge import Verdict


def utilisation_over_time(verdict: Verdict, found: Window, bins: int = 60) -> dict[str, list[float]]:
    """For each unit of the target how busy it is in each of so many equal parts of a window, 0 to 1.

    It is counted as the summary's utilisation of units: the part of the unit that a task engages, and the time that
    transfers take of the units at their ends, in the mean of the sets of ranks that a team is.
    """
    plan = verdict.plan
    length = (found.end - found.start) / bins
    busy = {unit: [0.0] * bins for unit in plan.target.unit}
    if not length:
        return busy
    engaged: dict[tuple[int, tuple[int, ...]], dict[str, float]] = {}
    for bar in found.bars:
        first, last = max(bar.start, found.start) - found.start, min(bar.held, found.end) - found.start
        if first >= last:
            continue
        what = bar.phase, bar.activities
        if what not in engaged:
            engaged[what] = _engaged([verdict.programs[bar.phase].activities[i] for i in bar.activities], busy)
        for unit, ticks in engaged[what].items():
            rate = ticks / (bar.held - bar.start) / plan.target.unit[unit].sets / length
            for k in range(int(first / length), min(bins, int(last / length) + 1)):
                inside = min(last, (k + 1) * length) - max(first, k * length)
                busy[unit][k] += rate * max(0.0, inside)
    return busy


def _engaged(activities: Iterable[Activity], units: Mapping[str, object]) -> dict[str, float]:
    """Busy ticks of each unit that the activities engage."""
    found: dict[str, float] = {}
    for activity in activities:
        if activity.where in units:
            found[activity.where] = found.get(activity.where, 0.0) + activity.ticks * activity.share
        elif activity.kind == "move":
            for end in sorted(units.keys() & dict(activity.exclusive).keys()):
                found[end] = found.get(end, 0.0) + activity.hold
    return found
