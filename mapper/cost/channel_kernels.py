"""The machine of the steady state, compiled: what is under way, on which channels, and what ends next."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, inf
from typing import Any, TypeVar, cast

from numba import njit

from mapper.cost.engines import CHANNEL
from mapper.cost.machine_tables import (
    AT,
    CHANNELS,
    FIRST_STEP,
    HEAP,
    LISTED,
    LOOKS,
    NODE,
    NOW,
    PHASE,
    SEEN,
    SINCE,
    TICKET,
    Array,
    State,
    Tables,
)

KERNEL: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
"""How these are compiled: no array is made in them, and without counting references to their many arrays they are ten
times as quick."""

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """The function, compiled."""
    return cast(Function, njit(**KERNEL)(function))


def inlined(function: Function) -> Function:
    """The function, compiled into those that call it: what is called once compiles sooner so."""
    return cast(Function, njit(inline="always", **KERNEL)(function))


@inlined
def hold_channels(t: Tables, m: State, run: int, step: int) -> None:
    """Let a run hold its channels; where they are asked for too much, all slow down."""
    many = m.links.shape[1]
    m.clock[LISTED] = 0
    first = t.steps[step, CHANNELS]
    for k in range(t.steps[step + 1, CHANNELS] - first):
        memory, share = t.channels[first + k, 0], t.channels[first + k, 1]
        m.demand[memory] += share
        link, last = run * many + k, m.ends[memory, 1]
        m.links[run, k, 0], m.links[run, k, 1] = -1, last
        m.ends[memory, 1] = link
        if last < 0:
            m.ends[memory, 0] = link
        else:
            m.links[last // many, last % many, 0] = link
        if m.demand[memory] > CHANNEL:
            m.listed[m.clock[LISTED]] = memory
            m.clock[LISTED] += 1
    push(m.heap, m.runs, m.progress, m.clock, run)
    if m.clock[LISTED]:
        _share_again(t, m)


@inlined
def free_channels(t: Tables, m: State, run: int, step: int) -> None:
    """Give back the channels that a run held: what else is on them gets faster."""
    many = m.links.shape[1]
    m.clock[LISTED] = 0
    first = t.steps[step, CHANNELS]
    for k in range(t.steps[step + 1, CHANNELS] - first):
        memory, share = t.channels[first + k, 0], t.channels[first + k, 1]
        if m.demand[memory] > CHANNEL:
            m.listed[m.clock[LISTED]] = memory
            m.clock[LISTED] += 1
        m.demand[memory] -= share
        after, before = m.links[run, k, 0], m.links[run, k, 1]
        if before < 0:
            m.ends[memory, 0] = after
        else:
            m.links[before // many, before % many, 0] = after
        if after < 0:
            m.ends[memory, 1] = before
        else:
            m.links[after // many, after % many, 1] = before
    if m.clock[LISTED]:
        _share_again(t, m)


@compiled
def _share_again(t: Tables, m: State) -> None:
    """Give every run on the listed channels its fair part of the bandwidth."""
    many, width = m.links.shape[1], m.waiting.shape[1]
    for n in range(m.clock[LISTED]):
        memory = m.listed[n]
        m.most[memory] = _fair_part(t, m, memory) if m.demand[memory] > CHANNEL else inf
    m.clock[LOOKS] += 1
    for n in range(m.clock[LISTED]):
        link = m.ends[m.listed[n], 0]
        while link >= 0:
            run = link // many
            if m.runs[run, SEEN] != m.clock[LOOKS]:
                m.runs[run, SEEN] = m.clock[LOOKS]
                s, i = divmod(m.runs[run, NODE], width)
                step = t.phases[m.requests[s, PHASE], FIRST_STEP] + i
                rate = 1.0
                for k in range(t.steps[step, CHANNELS], t.steps[step + 1, CHANNELS]):
                    rate = min(rate, m.most[t.channels[k, 0]] / t.channels[k, 1])
                if rate != m.progress[run, 1]:
                    gone = m.progress[run, 1] * (m.clock[NOW] - m.runs[run, SINCE])
                    m.progress[run, 0] = max(0.0, m.progress[run, 0] - gone)
                    m.progress[run, 1], m.runs[run, SINCE] = rate, m.clock[NOW]
                    push(m.heap, m.runs, m.progress, m.clock, run)
            link = m.links[run, link % many, 0]


@inlined
def _fair_part(t: Tables, m: State, memory: int) -> float:
    """What is the most that one of the runs on a crowded channel gets."""
    many, width = m.links.shape[1], m.waiting.shape[1]
    users = 0
    link = m.ends[memory, 0]
    while link >= 0:
        run = link // many
        s, i = divmod(m.runs[run, NODE], width)
        step = t.phases[m.requests[s, PHASE], FIRST_STEP] + i
        share = t.channels[t.steps[step, CHANNELS] + link % many, 1]
        at = users
        while at > 0 and m.shares[at - 1] > share:
            m.shares[at] = m.shares[at - 1]
            at -= 1
        m.shares[at] = share
        users += 1
        link = m.links[run, link % many, 0]
    return fair_part(m.shares[:users])


@compiled
def fair_part(shares: Array) -> float:
    """The most of a channel that one of its users gets, when together they ask for more than `CHANNEL`: those that ask
    for less (shares: in order) get what they ask for, and the parts add up to the whole."""
    left = float(CHANNEL)
    for k in range(len(shares)):
        part = left / (len(shares) - k)
        if shares[k] >= part:
            return part
        left -= shares[k]
    return inf


@compiled
def push(heap: Array, runs: Array, progress: Array, clock: Array, run: int) -> None:
    """Put a run into the heap of what ends next, or where its speed has changed to its new place; first come first
    among equals."""
    left, rate = progress[run, 0], progress[run, 1]
    clock[TICKET] += 1
    when = clock[NOW] + ceil(left if rate == 1.0 else left / rate)
    at = runs[run, AT]
    if at < 0:
        at = clock[HEAP]
        clock[HEAP] += 1
    elif when >= heap[at, 0]:
        _sink(heap, runs, clock[HEAP], at, when, clock[TICKET], run)
        return
    while at > 0 and when < heap[(at - 1) // 2, 0]:
        above = (at - 1) // 2
        heap[at, 0], heap[at, 1], heap[at, 2], runs[heap[above, 2], AT] = (
            heap[above, 0],
            heap[above, 1],
            heap[above, 2],
            at,
        )
        at = above
    heap[at, 0], heap[at, 1], heap[at, 2], runs[run, AT] = when, clock[TICKET], run, at


@inlined
def drop_first(m: State) -> None:
    """Take what ends next out of the heap."""
    first = m.heap[0, 2]
    at, m.runs[first, AT] = m.runs[first, AT], -1
    m.clock[HEAP] -= 1
    last = m.heap[m.clock[HEAP]]
    if m.clock[HEAP] > 0:
        _sink(m.heap, m.runs, m.clock[HEAP], at, last[0], last[1], last[2])


@compiled
def _sink(heap: Array, runs: Array, count: int, at: int, when: int, ticket: int, run: int) -> None:
    """Let a run sink to its place from a position that is free."""
    while 2 * at + 1 < count:
        child = 2 * at + 1
        beside = child + 1
        if beside < count and (
            heap[beside, 0] < heap[child, 0] or (heap[beside, 0] == heap[child, 0] and heap[beside, 1] < heap[child, 1])
        ):
            child = beside
        if when < heap[child, 0] or (when == heap[child, 0] and ticket < heap[child, 1]):
            break
        heap[at, 0], heap[at, 1], heap[at, 2], runs[heap[child, 2], AT] = (
            heap[child, 0],
            heap[child, 1],
            heap[child, 2],
            at,
        )
        at = child
    heap[at, 0], heap[at, 1], heap[at, 2], runs[run, AT] = when, ticket, run, at
