"""Lifetimes of buffers in one call, and what the reuse of their bytes makes later activities wait for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mapper.cost.program import Program
from mapper.cost.replay import Call
from mapper.ir.plan import Buffer


@dataclass(frozen=True, slots=True)
class Life:
    """A buffer's bytes and lifetime [start, end) in ticks. `maker` is the activity that leaves it (-1: given before the
    call), `readers` the activities that use it."""

    name: str
    memory: str
    size: int
    start: int
    end: int
    maker: int
    readers: tuple[int, ...]


def lives(program: Program, call: Call) -> tuple[Life, ...]:
    """The buffers of one call: from their maker's start to their last reader's end; results stay to the end."""
    readers: dict[tuple[int, str], list[int]] = {}
    for i, activity in enumerate(program.activities):
        for key in activity.reads:
            readers.setdefault(key, []).append(i)
    kept = set(program.kept)
    found = []
    for value, memory, size in program.given:
        found.append(_life(program, call, (-1, value), memory, size, readers, kept))
    for i, activity in enumerate(program.activities):
        for value, memory, size in activity.makes:
            found.append(_life(program, call, (i, value), memory, size, readers, kept))
    return tuple(life for life in found if life.end > life.start)


def _life(
    program: Program,
    call: Call,
    key: tuple[int, str],
    memory: str,
    size: int,
    readers: dict[tuple[int, str], list[int]],
    kept: set[tuple[int, str]],
) -> Life:
    maker, value = key
    users = tuple(readers.get(key, ()))
    start = call.starts[maker] if maker >= 0 else 0
    end = max((call.ends[r] for r in users), default=call.ends[maker] if maker >= 0 else 0)
    if key in kept:
        end = call.ticks
    by = program.activities[maker].name if maker >= 0 else "given"
    return Life(f"{value} of {by}", memory, size, start, end, maker, users)


def waits(program: Program, call: Call, buffers: Sequence[Buffer]) -> tuple[tuple[int, ...], ...]:
    """For each activity, those that must have ended because it overwrites bytes they use: of each byte, the readers of
    the value that lay there last (the value before it had to be read before that one came).

    In one call's schedule this holds by construction; when several requests share the machine it must be enforced.
    """
    known = {(b.value, b.memory): b for b in buffers if b.phase == program.phase}
    by_memory: dict[str, list[tuple[Buffer, Life]]] = {}
    for life in lives(program, call):
        buffer = known.get((life.name, life.memory))
        if buffer is not None:
            by_memory.setdefault(life.memory, []).append((buffer, life))
    found: list[set[int]] = [set() for _ in program.activities]
    for pairs in by_memory.values():
        _overwritten(sorted(pairs, key=lambda pair: (pair[0].start, pair[0].end)), found)
    return tuple(tuple(sorted(f - {i})) for i, f in enumerate(found))


def _overwritten(pairs: Sequence[tuple[Buffer, Life]], found: list[set[int]]) -> None:
    """Add what the maker of each buffer, in order of time, waits for: `lying` tells what lay at which bytes last."""
    lying: list[tuple[int, int, Buffer, Life]] = []
    for b, later in pairs:
        low, high = b.offset, b.offset + b.size
        kept: list[tuple[int, int, Buffer, Life]] = []
        for first, last, a, earlier in lying:
            if last <= low or high <= first:
                kept.append((first, last, a, earlier))
                continue
            if a.end <= b.start and later.maker >= 0:
                found[later.maker].update(earlier.readers or ([earlier.maker] if earlier.maker >= 0 else []))
            if first < low:
                kept.append((first, low, a, earlier))
            if high < last:
                kept.append((high, last, a, earlier))
        lying = [*kept, (low, high, b, later)]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a call during which it keeps something in scarce memories without a break.

    A request takes room in these memories one after the other, in the order in which they stand here, whatever it
    needs first; and gives each back when the activities that use it have ended. Since all segments take memories in one
    order, and none is entered before the segment before is left, requests cannot block one another for good. users: by
    memory, the activities that use it.
    """

    users: tuple[tuple[str, tuple[int, ...]], ...]


def segments(program: Program, call: Call, scarce: frozenset[str]) -> tuple[Segment, ...]:
    """The segments of one call, in order of time. Buffers whose lifetimes overlap, or that one activity uses (which may
    take no time at all), are of one segment."""
    alive = sorted((life for life in lives(program, call) if life.memory in scarce), key=lambda x: (x.start, x.end))
    groups: list[tuple[list[Life], set[int]]] = []
    group_of: dict[int, int] = {}  # by activity, the position of its group
    end = -1
    for life in alive:
        mine = {i for i in (life.maker, *life.readers) if i >= 0}
        first = min((group_of[i] for i in mine if i in group_of), default=len(groups))
        if life.start < end:
            first = min(first, len(groups) - 1)
        if first == len(groups):
            groups.append(([], set()))
        merged, users = groups[first]
        for more, others in groups[first + 1 :]:
            merged += more
            mine |= others
        del groups[first + 1 :]
        merged.append(life)
        users |= mine
        group_of.update(dict.fromkeys(mine, first))
        end = max(end, life.end)
    rank = {memory: i for i, memory in enumerate(dict.fromkeys(life.memory for life in alive))}
    return tuple(_segment(group, rank) for group, _ in groups)


def _segment(group: Sequence[Life], rank: Mapping[str, int]) -> Segment:
    """The group's users by memory, in the order in which the call first uses them: the same in all segments."""
    users: dict[str, set[int]] = {}
    for life in group:
        users.setdefault(life.memory, set()).update(i for i in (life.maker, *life.readers) if i >= 0)
    return Segment(tuple((memory, tuple(sorted(users[memory]))) for memory in sorted(users, key=rank.__getitem__)))


def gates(program: Program, parts: Sequence[Segment]) -> tuple[tuple[int, ...], ...]:
    """For each activity of a segment, all activities of the segment before: a request leaves one before it enters the
    next. In one call's schedule this holds by construction."""
    found: list[tuple[int, ...]] = [() for _ in program.activities]
    before: set[int] = set()
    for part in parts:
        users = {i for _, of_memory in part.users for i in of_memory}
        for i in users - before:
            found[i] = tuple(sorted(before))
        before = users
    return tuple(found)
