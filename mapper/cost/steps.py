"""What the machine of the steady state starts and ends: stretches of activities that one unit runs in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mapper.cost.liveness import Segment
from mapper.cost.program import Activity, Program

NOWHERE: tuple[int, tuple[str, ...]] = (-1, ())
"""The entry of what uses no scarce memory."""


class Step:
    """What the machine needs to know of a stretch. tail: ticks from letting go to the result. users: the steps of its
    call that wait for it; needs: how many it waits for. weight: its ticks of the busiest resource. segment, memories:
    the scarce ones it uses, each as often as activities of it do; activities: those that it is, in order."""

    __slots__ = (
        "activities", "channels", "exclusive", "hold", "memories", "needs", "segment", "tail", "users", "weight",
    )  # fmt: skip

    def __init__(
        self,
        stretch: Sequence[Activity],
        activities: tuple[int, ...],
        entry: tuple[int, tuple[str, ...]],
        busiest: str,
        needs: int,
    ) -> None:
        self.exclusive = stretch[0].exclusive
        hold = sum(a.hold for a in stretch)
        self.channels = stretch[0].channels if len(stretch) == 1 else _mean_channels(stretch, hold)
        self.hold, self.tail = float(hold), float(stretch[-1].ticks - stretch[-1].hold)
        self.weight = sum(dict(a.loads).get(busiest, 0) for a in stretch)
        self.segment, self.memories = entry
        self.needs, self.activities = needs, activities
        self.users: tuple[int, ...] = ()


def _mean_channels(stretch: Sequence[Activity], hold: int) -> tuple[tuple[str, int], ...]:
    """The mean share that a stretch asks of each memory channel."""
    asked: dict[str, int] = {}
    for a in stretch:
        for memory, share in a.channels:
            asked[memory] = asked.get(memory, 0) + share * a.hold
    return tuple((memory, -(-total // hold)) for memory, total in sorted(asked.items())) if hold else ()


def longest_holds(programs: Sequence[Program]) -> dict[str, int]:
    """For each resource the longest time that one activity holds it."""
    found: dict[str, int] = {}
    for program in programs:
        for a in program.activities:
            for resource, _ in a.exclusive:
                found[resource] = max(found.get(resource, 0), a.hold)
    return found


def steps_of(
    program: Program, extra: Sequence[Sequence[int]], parts: Sequence[Segment], busiest: str, longest: Mapping[str, int]
) -> list[Step]:
    """The steps of one call, in an order in which the first activities of their stretches stand.

    A stretch is a chain of activities on the same resources, each waiting for the one before alone and alone waited for
    by the next, that uses no scarce memory and holds a unit no longer than some single activity does: what else wants
    the unit waits no longer than it might anyhow, and a simulation has fewer events.
    """
    before = _reduced(program, extra)
    after: list[list[int]] = [[] for _ in before]
    for i, needs in enumerate(before):
        for j in needs:
            after[j].append(i)
    entries = _entries(parts)
    stretches = _stretches(program, before, after, entries, longest)
    number = {i: k for k, stretch in enumerate(stretches) for i in stretch}
    steps = []
    for stretch in stretches:
        rows = [program.activities[i] for i in stretch]
        segment, memories = entries.get(stretch[0], NOWHERE)
        steps.append(Step(rows, tuple(stretch), (segment, memories), busiest, len(before[stretch[0]])))
        steps[-1].users = tuple(sorted(number[i] for i in after[stretch[-1]]))
    return steps


def _reduced(program: Program, extra: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """What each activity waits for, operands and the rest, without what comes before something else it waits for."""
    wanted = [{*a.after, *e} for a, e in zip(program.activities, extra, strict=True)]
    reach: list[int] = [0] * len(wanted)  # bit sets of all that comes before
    found = []
    for i, needs in enumerate(wanted):
        covered, kept = 0, []
        for j in sorted(needs, reverse=True):
            if not covered >> j & 1:
                kept.append(j)
                covered |= reach[j] | 1 << j
        reach[i] = covered
        found.append(tuple(kept))
    return found


def _stretches(
    program: Program,
    before: Sequence[Sequence[int]],
    after: Sequence[Sequence[int]],
    entries: Mapping[int, tuple[int, tuple[str, ...]]],
    longest: Mapping[str, int],
) -> list[list[int]]:
    found: list[list[int]] = []
    ends: dict[int, tuple[list[int], int]] = {}  # by its last activity: a stretch, and how long it holds its resources
    for i, activity in enumerate(program.activities):
        if len(before[i]) == 1 and len(after[before[i][0]]) == 1 and before[i][0] in ends:
            stretch, hold = ends[before[i][0]]
            last = program.activities[stretch[-1]]
            alike = last.exclusive == activity.exclusive and last.ticks == last.hold
            room = min((longest[r] for r, _ in activity.exclusive), default=0)
            plenty = stretch[-1] not in entries and i not in entries
            if alike and plenty and hold + activity.hold <= room:
                del ends[stretch[-1]]
                stretch.append(i)
                ends[i] = stretch, hold + activity.hold
                continue
        found.append([i])
        ends[i] = found[-1], activity.hold
    return found


def _entries(segments: Sequence[Segment]) -> dict[int, tuple[int, tuple[str, ...]]]:
    """For each activity that uses scarce memory, its segment and the memories it uses there."""
    found: dict[int, tuple[int, tuple[str, ...]]] = {}
    for g, segment in enumerate(segments):
        for memory, users in segment.users:
            for i in users:
                found[i] = (g, (*found.get(i, (g, ()))[1], memory))
    return found
