"""How long buffers lie in memories while requests share the machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import NamedTuple, TypeAlias

import numpy as np

from mapper.cost.bars import Bar, InCall, Window
from mapper.cost.judge import Verdict
from mapper.cost.liveness import Life, lives
from mapper.cost.machine_tables import Array
from mapper.cost.program import Program
from mapper.cost.replay import Call

Spans: TypeAlias = tuple[Array, Array, Array]
"""Sizes in bytes, and from when until when each is there, in ticks."""

BEFORE, AFTER = -(1 << 62), 1 << 62
"""When something was that had ended before a stretch, and when what comes after it."""


class _Group(NamedTuple):
    """The buffers of a call in one memory: those whose start is the first of some activities, and whose end is the last
    of others, laid end to end with where each buffer's begin; but for those that are there from the start of the call
    on, or until its end."""

    memory: str
    sizes: Array
    firsts: Array
    first_at: Array
    lasts: Array
    last_at: Array
    from_start: Array
    until_end: Array


class Lasting:
    """The buffers of the calls of a phase. scarce: memories in which calls take turns."""

    def __init__(self, program: Program, call: Call, scarce: frozenset[str]) -> None:
        by_memory: dict[str, list[Life]] = {}
        for life in lives(program, call):
            by_memory.setdefault(life.memory, []).append(life)
        names = [*(a.name for a in program.activities), "given"]  # the maker of what is given is -1
        results = {f"{value} of {names[maker]}" for maker, value in program.kept}
        self._groups = [
            _group(memory, found, None if memory in scarce else frozenset(results))
            for memory, found in by_memory.items()
        ]

    def spans(self, starts: Array, ends: Array) -> Iterator[tuple[str, Spans]]:
        """Memories with the buffers that are there some time in the stretch, by when the activities of a call ran."""
        begin, end = starts.min(initial=AFTER), ends.max(initial=BEFORE)
        for group in self._groups:
            since = np.where(group.from_start, begin, np.minimum.reduceat(starts[group.firsts], group.first_at))
            until = np.where(group.until_end, end, np.maximum.reduceat(ends[group.lasts], group.last_at))
            there = since < until
            if there.any():
                yield group.memory, (group.sizes[there], since[there], until[there])


def _group(memory: str, found: Sequence[Life], results: frozenset[str] | None) -> _Group:
    """results: names of those that stay until the end of the call; None where calls take turns: there inputs come when
    they are first read, and results go when they are last used."""
    firsts = [(life.maker,) if life.maker >= 0 else life.readers or (0,) for life in found]
    lasts = [life.readers or (max(life.maker, 0),) for life in found]
    return _Group(
        memory,
        np.array([life.size for life in found], dtype=np.int64),
        *_flat(firsts),
        *_flat(lasts),
        np.array([results is not None and life.maker < 0 for life in found]),
        np.array([results is not None and life.name in results for life in found]),
    )


def _flat(rows: Sequence[Sequence[int]]) -> tuple[Array, Array]:
    """The rows laid end to end, and where each begins."""
    begins = [0, *accumulate(map(len, rows))]
    return np.array([x for row in rows for x in row], dtype=np.int64), np.array(begins[:-1], dtype=np.int64)


def times_of_calls(verdict: Verdict, found: Window) -> Iterator[tuple[InCall, Array, Array]]:
    """The calls of a window, with when each of their activities starts and ends, in ticks from its start on."""
    by_call: dict[tuple[int, ...], list[Bar]] = {}
    for bar in found.bars:
        by_call.setdefault(bar[:3], []).append(bar)

    @cache
    def shares(phase: int, activities: tuple[int, ...]) -> tuple[int, ...]:
        """How much of a bar has gone when each of its activities starts and the last lets go, of the last number."""
        holds = [verdict.programs[phase].activities[i].hold for i in activities]
        return tuple(accumulate(holds, initial=0)) if any(holds) else (0,) * len(holds) + (1,)

    for call in found.calls:
        starts = np.full(len(verdict.programs[call.phase].activities), BEFORE, dtype=np.int64)
        ends = starts.copy()
        starts[list(call.later)] = ends[list(call.later)] = AFTER
        for bar in by_call.get(call[:3], ()):
            if len(bar.activities) > 1:
                length, gone = bar.held - bar.start, shares(bar.phase, bar.activities)
                ticks = [bar.start - found.start + length * part // gone[-1] for part in gone]
                starts[list(bar.activities)], ends[list(bar.activities)] = ticks[:-1], ticks[1:]
            else:
                starts[bar.activities[0]] = bar.start - found.start
            ends[bar.activities[-1]] = bar.end - found.start
        yield call, starts, ends
