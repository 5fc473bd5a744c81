"""Pictures of what happens when, as events of the Chrome trace format, which Perfetto and chrome://tracing open.

The format: "Trace Event Format" (Duca and Sinclair, Google, 2016). Perfetto's reader, which is stricter than that text,
counts time in whole nanoseconds, drops slices of a track that overlap in part, and knows flows by number alone; it
colours slices by name. So bars get ends of whole nanoseconds, each track so many rows that bars of a row follow or
contain one another, and every flow a number of its own.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import count
from math import isfinite
from types import MappingProxyType
from typing import Any

Event = dict[str, Any]
NOTHING: Mapping[str, object] = MappingProxyType({})
FIRST_THREAD = 101
"""A thread with the number of its process is called the main one."""

PREDICTED, REQUESTS = "predicted", "requests"
"""Names of the process of a plan, and of its first track; a measured run has tracks of the same names in one of its
own."""

BESIDE = "side by side"
"""Ends the name of a track for what overlaps within another bar: there bars cannot stand one behind the other."""


@dataclass(frozen=True, slots=True)
class Bar:
    """What went on from `start` to `end`, in nanoseconds, and what went on within it. key: what flows call it."""

    name: str
    start: int
    end: int
    category: str = ""
    args: Mapping[str, object] = field(default_factory=dict)
    inside: tuple[Bar, ...] = ()
    key: Hashable = None


@dataclass(frozen=True, slots=True)
class Flow:
    """An arrow from the end of one bar to the start of another, by their keys."""

    source: Hashable
    sink: Hashable
    name: str = "value"


@dataclass(frozen=True)
class Group:
    """Tracks that stand together, by name, and counters: how much of something there was from each moment on."""

    name: str
    tracks: Mapping[str, Sequence[Bar]] = field(default_factory=dict)
    counters: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)
    unit: str = "bytes"


def drawn(groups: Iterable[Group], flows: Iterable[Flow] = ()) -> Iterator[Event]:
    """All events: a process for each group, a thread for each row of a track. Flows of unknown bars, or
    back in time, are left out."""
    places: dict[Hashable, tuple[int, int, Bar]] = {}
    numbers = count(FIRST_THREAD)
    for pid, group in enumerate((g for g in groups if g.tracks or g.counters), 1):
        yield _meta("process_name", pid, name=group.name)
        yield _meta("process_sort_index", pid, sort_index=pid)
        for name, bars in group.tracks.items():
            for row, title in _rows(name, bars):
                tid = next(numbers)
                yield _meta("thread_name", pid, tid, name=title)
                yield _meta("thread_sort_index", pid, tid, sort_index=tid)
                for bar in row:
                    yield from _slices(bar, pid, tid, places)
        for name, points in group.counters.items():
            for at, value in points:
                yield {"ph": "C", "name": name, "pid": pid, "ts": _us(at), "args": {group.unit: value}}
    yield from _arrows(flows, places)


def text(events: Iterable[Event], about: Mapping[str, object] = NOTHING) -> Iterator[str]:
    """The file, an event a line. about: what stands before them."""
    head = json.dumps({"displayTimeUnit": "ns", "otherData": dict(about)})
    yield f'{head[:-1]}, "traceEvents": ['
    mark, encode = "\n", json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
    for event in events:
        yield mark + encode(event)
        mark = ",\n"
    yield "\n]}\n"


def about(words: Mapping[str, object]) -> dict[str, object]:
    """Arguments of a bar: those that say something; floats of a few figures, as JSON can hold them."""
    found: dict[str, object] = {}
    for name, word in words.items():
        if isinstance(word, float):
            word = float(f"{word:.6g}") if isfinite(word) else str(word)
        if word not in ("", (), [], {}, None):
            found[name] = word
    return found


def sums(changes: Mapping[int, int]) -> list[tuple[int, int]]:
    """How much there is from each moment on, by what is added at each."""
    found, live = [], 0
    for at in sorted(changes):
        if changes[at]:
            live += changes[at]
            found.append((at, live))
    return found


def _rows(name: str, bars: Sequence[Bar]) -> Iterator[tuple[list[Bar], str]]:
    """The bars of a track in rows, with a title for each; what overlaps within a bar gets rows at the end."""
    aside: list[Bar] = []
    rows = lanes([_straight(bar, aside) for bar in bars])
    for k, row in enumerate(rows):
        yield row, name if not k else f"{name} #{k + 1}"
    if aside:
        yield from _rows(f"{name}, {BESIDE}", aside)


def _straight(bar: Bar, aside: list[Bar]) -> Bar:
    """The bar with those within it that follow one another; the others go to `aside`."""
    if not bar.inside:
        return bar
    kept: list[Bar] = []
    for inner in sorted(bar.inside, key=_order):
        if (kept and inner.start < kept[-1].end) or inner.start < bar.start or inner.end > bar.end:
            aside.append(inner)
        else:
            kept.append(_straight(inner, aside))
    return replace(bar, inside=tuple(kept))


def _order(bar: Bar) -> tuple[int, int, str]:
    return bar.start, bar.end, bar.name


def lanes(bars: Iterable[Bar]) -> list[list[Bar]]:
    """Bars over as few rows as it takes for those of a row not to overlap, each in the first row that is free."""
    rows: list[list[Bar]] = []
    busy: list[tuple[int, int]] = []  # end, row
    free: list[int] = []
    for bar in sorted(bars, key=_order):
        while busy and busy[0][0] <= bar.start:
            heappush(free, heappop(busy)[1])
        row = heappop(free) if free else len(rows)
        if row == len(rows):
            rows.append([])
        rows[row].append(bar)
        heappush(busy, (bar.end, row))
    return rows


def _slices(bar: Bar, pid: int, tid: int, places: dict[Hashable, tuple[int, int, Bar]]) -> Iterator[Event]:
    event: Event = {"ph": "X", "name": bar.name, "cat": bar.category or "time", "pid": pid, "tid": tid}
    event |= {"ts": _us(bar.start), "dur": _us(bar.end - bar.start)}
    yield event | ({"args": dict(bar.args)} if bar.args else {})
    if bar.key is not None:
        places[bar.key] = pid, tid, bar
    for inner in bar.inside:
        yield from _slices(inner, pid, tid, places)


def _arrows(flows: Iterable[Flow], places: Mapping[Hashable, tuple[int, int, Bar]]) -> Iterator[Event]:
    """Two events for each flow: the first in the last nanosecond of its maker, the second at the start of its reader,
    or, where that comes before, as soon as it can; there is no arrow back in time."""
    number = 0
    for flow in flows:
        if flow.source not in places or flow.sink not in places:
            continue
        (pid, tid, made), (to_pid, to_tid, used) = places[flow.source], places[flow.sink]
        leaves = max(made.start, min(made.end - 1, used.start))
        arrives = max(used.start, min(used.end - 1, leaves))
        if arrives < leaves:
            continue
        number += 1
        end: Event = {"name": flow.name, "cat": "flow", "id": number}
        yield {"ph": "s", **end, "pid": pid, "tid": tid, "ts": _us(leaves)}
        yield {"ph": "f", "bp": "e", **end, "pid": to_pid, "tid": to_tid, "ts": _us(arrives)}


def _meta(what: str, pid: int, tid: int | None = None, /, **args: object) -> Event:
    return {"ph": "M", "name": what, "pid": pid, **({} if tid is None else {"tid": tid}), "args": args}


def _us(nanoseconds: int) -> float:
    """Microseconds, as the format wants them. Below 100 days a double keeps each nanosecond."""
    return nanoseconds / 1e3
