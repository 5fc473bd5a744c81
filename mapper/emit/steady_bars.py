"""Bars of a trace for a stretch of the steady state: what several requests in flight do on units and links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import ascii_uppercase

from mapper.cost.bars import Bar as Ran
from mapper.cost.bars import Window
from mapper.cost.program import Program
from mapper.emit.activity_bars import by_place, links_of, nanoseconds
from mapper.emit.events import REQUESTS, Bar, Group, about
from mapper.ir.plan import Plan

STEADY = "steady state"
"""Name of the process of the stretch."""

MOST_BARS = 5_000
"""Bars of a stretch in a trace: about a megabyte, as a move has one on each link."""


def steady_group(plan: Plan, programs: Sequence[Program], found: Window) -> Group:
    """Requests with their calls, units and links from the start of the stretch on."""
    stretch = _Stretch(plan, programs, found)
    rows: dict[str, list[Bar]] = {}
    for ran in found.bars:
        if (bar := stretch.bar(ran)) is not None:
            for place in stretch.places(ran):
                rows.setdefault(place, []).append(bar)
    return Group(STEADY, {REQUESTS: list(stretch.calls())} | by_place(plan, rows))


def told(found: Window) -> dict[str, object]:
    """How long the stretch is, and about how many activities of an interval it leaves out."""
    words: dict[str, object] = {"steady_intervals": found.intervals}
    words |= {"steady_activities_left_out": found.left_out} if found.left_out else {}
    return about(words | ({"slower_for_power": found.pace} if found.pace > 1 else {}))


def letters(number: int) -> str:
    """A request's name, A to Z, then AA, AB ...: Perfetto colours slices by their names without digits."""
    found = ""
    number += 1
    while number:
        number, k = divmod(number - 1, len(ascii_uppercase))
        found = ascii_uppercase[k] + found
    return found


class _Stretch:
    """A window on the clock of a trace."""

    def __init__(self, plan: Plan, programs: Sequence[Program], found: Window) -> None:
        self._plan, self._programs, self._found = plan, programs, found

    def places(self, ran: Ran) -> Iterator[str]:
        """The unit of a task or a cast, or all links that a move holds."""
        activity = self._programs[ran.phase].activities[ran.activities[0]]
        if activity.task or activity.where in self._plan.target.unit:
            yield activity.where
        yield from links_of(self._plan, activity)

    def bar(self, ran: Ran) -> Bar | None:
        """What ran as long as it held its resources, as far as that is in the stretch; None where that is no time."""
        start, end = self._time(ran.start), self._time(ran.held)
        if start == end:
            return None
        program = self._programs[ran.phase]
        names = [program.activities[i].name.removeprefix(f"{program.phase}/") for i in ran.activities]
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        words: dict[str, object] = {"call": f"{program.phase} {ran.call}"}
        return Bar(f"{letters(ran.request)} {names[0]}{more}", start, end, f"request {ran.request}", words)

    def calls(self) -> Iterator[Bar]:
        """Each request's calls, from the first to the last of what runs for them."""
        spans: dict[tuple[int, int, int], tuple[int, int]] = {}
        for ran in self._found.bars:
            first, last = spans.get(ran[:3], (ran.start, ran.end))
            spans[ran[:3]] = min(first, ran.start), max(last, ran.end)
        for (request, phase, call), (first, last) in spans.items():
            start, end = self._time(first), self._time(last)
            if start < end:
                name = f"{letters(request)} {self._programs[phase].phase} {call}"
                yield Bar(name, start, end, f"request {request}")

    def _time(self, tick: int) -> int:
        found = self._found
        return nanoseconds(min(max(tick, found.start), found.end) - found.start)
