"""Order and use among things that make and read named values: topological sort, and what some output depends on."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar


class Maker(Protocol):
    """What makes named values: an op, a node of a file. An empty name among them is an output that nobody wants."""

    @property
    def outputs(self) -> tuple[str, ...]: ...


T = TypeVar("T", bound=Maker)
Reads = Callable[[T], Iterable[str]]
"""The names that one of them reads; an empty one is an omitted input."""


def sort_topologically(makers: Sequence[T], reads: Reads[T]) -> tuple[Sequence[T], list[T]]:
    """The makers with producers before users, otherwise in the given order; and those that wait for each other.

    Kahn's algorithm with a heap of places: O((V + E) log V), the same result each time.
    """
    maker = {name: i for i, one in enumerate(makers) for name in one.outputs if name}
    needs = [{maker[name] for name in reads(one) if name in maker} for one in makers]
    if all(j < i for i, need in enumerate(needs) for j in need):
        return makers, []
    users: list[list[int]] = [[] for _ in makers]
    for i, need in enumerate(needs):
        for j in need:
            users[j].append(i)
    waiting = [len(need) for need in needs]
    ready = [i for i, count in enumerate(waiting) if count == 0]
    order: list[int] = []
    while ready:
        i = heapq.heappop(ready)
        order.append(i)
        for j in users[i]:
            waiting[j] -= 1
            if waiting[j] == 0:
                heapq.heappush(ready, j)
    return [makers[i] for i in order], [makers[i] for i, count in enumerate(waiting) if count > 0]


def live(makers: Sequence[T], outputs: Iterable[str], reads: Reads[T]) -> list[T]:
    """Those that some output depends on, in the same order; `makers` are in topological order."""
    wanted = set(outputs)
    kept = []
    for one in reversed(makers):
        if not wanted.isdisjoint(one.outputs):
            kept.append(one)
            wanted.update(reads(one))
            wanted.discard("")
    kept.reverse()
    return kept
