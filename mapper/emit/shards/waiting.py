"""Nodes of a group that have not run yet, and which of them can."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence

from mapper.frontend.anatomy import FileNode


class Waiting:
    """Nodes, producers before users, each with how many that it waits for: what runs costs no second look at others."""

    def __init__(self, nodes: Sequence[FileNode]) -> None:
        self._nodes = nodes
        self._place = {node.name: k for k, node in enumerate(nodes)}
        self._maker = {out: k for k, node in enumerate(nodes) for out in node.outputs if out}
        self._readers: dict[str, list[int]] = {}
        self._users: list[list[int]] = [[] for _ in nodes]
        self._missing = [0] * len(nodes)
        for k, node in enumerate(nodes):
            for name in node.reads:
                self._readers.setdefault(name, []).append(k)
            for maker in {self._maker[name] for name in node.reads if name in self._maker}:
                self._users[maker].append(k)
                self._missing[k] += 1
        self._left = set(range(len(nodes)))
        self._ready = {k for k in self._left if not self._missing[k]}

    def __bool__(self) -> bool:
        return bool(self._left)

    def offer(self, takes: Callable[[FileNode], bool]) -> None:
        """Offer nodes in order, each when all that it waits for was taken before or now. Nothing is kept of it."""
        heap, missing = sorted(self._ready), dict[int, int]()
        while heap:
            at = heapq.heappop(heap)
            for user in self._users[at] if takes(self._nodes[at]) else ():
                missing[user] = missing.get(user, self._missing[user]) - 1
                if not missing[user]:
                    heapq.heappush(heap, user)

    def ran(self, nodes: Iterable[FileNode]) -> None:
        """These wait no longer."""
        for node in nodes:
            at = self._place[node.name]
            self._left.discard(at)
            self._ready.discard(at)
            for user in self._users[at]:
                self._missing[user] -= 1
                if not self._missing[user]:
                    self._ready.add(user)
        self._ready &= self._left

    def place(self, name: str) -> int:
        """Which node it is in their order."""
        return self._place[name]

    def readers(self, value: str) -> list[str]:
        """The names of the nodes that read a value."""
        return [self._nodes[k].name for k in self._readers.get(value, ())]

    def maker(self, value: str) -> str | None:
        """The name of the node that waits and makes the value."""
        at = self._maker.get(value)
        return self._nodes[at].name if at in self._left and at is not None else None
