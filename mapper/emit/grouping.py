"""Pieces: stretches of nodes that one unit runs one after the other."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from mapper.frontend.anatomy import FileNode


def pieces(nodes: Sequence[FileNode], owner: Mapping[str, str], start: Mapping[str, int]) -> list[list[FileNode]]:
    """The nodes in groups of one owner, in an order in which whole groups can run one after the other.

    nodes: producers before users; those without an owner (copies) are left out. start: when the plan starts a node. The
    unit of the earliest node that can run runs all that it can, then the next one: a list schedule, so no group waits
    for a later one. O((V + E) log V).
    """
    mine = [node for node in nodes if node.name in owner]
    place = {node.name: (start.get(node.name, 0), k) for k, node in enumerate(mine)}
    maker = {out: node.name for node in mine for out in node.outputs if out}
    needs = {node.name: {maker[n] for n in node.reads if n in maker} for node in mine}
    users: dict[str, list[str]] = {}
    for name, need in needs.items():
        for other in need:
            users.setdefault(other, []).append(name)
    waiting = {name: len(need) for name, need in needs.items()}
    ready: dict[str, list[tuple[tuple[int, int], str]]] = {}
    for node in mine:
        if not waiting[node.name]:
            heapq.heappush(ready.setdefault(owner[node.name], []), (place[node.name], node.name))
    by_name = {node.name: node for node in mine}
    found: list[list[FileNode]] = []
    while any(ready.values()):
        unit = min((heap[0], unit) for unit, heap in ready.items() if heap)[1]
        group = []
        while ready[unit]:
            name = heapq.heappop(ready[unit])[1]
            group.append(by_name[name])
            for other in users.get(name, ()):
                waiting[other] -= 1
                if not waiting[other]:
                    heapq.heappush(ready.setdefault(owner[other], []), (place[other], other))
        found.append(group)
    return found
