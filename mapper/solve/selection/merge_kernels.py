"""The loops of merges, compiled: which node's option follows from another's, and by which option."""

from __future__ import annotations

import numpy as np
from numba import njit

from mapper.solve.selection.rows import Flags, Ints

F = 10**18  # FORBIDDEN; compiled code takes a constant of its own module


@njit(cache=True, nogil=True)
def functional(first: Ints, edge_a: Ints, edge_b: Ints, edge_first: Ints, edge_cost: Ints) -> Flags:
    """For each edge whether every option of a has one partner (first column) and every option of b (second)."""
    m = len(edge_a)
    found = np.zeros((m, 2), np.bool_)
    for e in range(m):
        ka = first[edge_a[e] + 1] - first[edge_a[e]]
        kb = first[edge_b[e] + 1] - first[edge_b[e]]
        at = edge_first[e]
        by_row, by_column = True, True
        for i in range(ka):
            partners = 0
            for j in range(kb):
                if edge_cost[at + i * kb + j] < F:
                    partners += 1
                    if partners > 1:
                        break
            if partners != 1:
                by_row = False
                break
        for j in range(kb):
            partners = 0
            for i in range(ka):
                if edge_cost[at + i * kb + j] < F:
                    partners += 1
                    if partners > 1:
                        break
            if partners != 1:
                by_column = False
                break
        found[e, 0], found[e, 1] = by_row, by_column
    return found


@njit(cache=True, nogil=True)
def _root(parent: Ints, node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@njit(cache=True, nogil=True)
def merges(
    first: Ints,
    edge_a: Ints,
    edge_b: Ints,
    found: Flags,
    degree: Ints,
    entries: Ints,
    most_degree: int,
    most_entries: int,
) -> tuple[Ints, Ints]:
    """A forest of merges: absorbed[b] = a says that b's option follows from a's, via[b] is their edge; -1 for roots.

    A node with more edges than most_degree, or more entries than most_entries afterwards, is not absorbed into one with
    more options: its edges would grow.
    """
    n = len(first) - 1
    group = np.arange(n)
    absorbed = np.full(n, -1)
    via = np.full(n, -1)
    for e in range(len(edge_a)):
        for turn in range(2):
            heavy = 1 if degree[edge_a[e]] < degree[edge_b[e]] else 0  # try to absorb the end with fewer edges first
            side = turn ^ heavy
            if not found[e, side]:
                continue
            a, b = (edge_a[e], edge_b[e]) if side == 0 else (edge_b[e], edge_a[e])
            if absorbed[b] >= 0:
                continue
            root = _root(group, a)
            if root == b:
                continue
            ka, kb = first[root + 1] - first[root], first[b + 1] - first[b]
            if ka > kb and (degree[b] > most_degree or entries[b] // kb * ka > most_entries):
                continue
            absorbed[b] = a
            via[b] = e
            group[b] = root
            break
    return absorbed, via


@njit(cache=True, nogil=True)
def merged_options(
    first: Ints, edge_a: Ints, edge_b: Ints, edge_first: Ints, edge_cost: Ints, absorbed: Ints, via: Ints
) -> tuple[Ints, Ints, Ints]:
    """Who holds each node now, and which option of it follows from each option of the holder: holder, at, option."""
    n = len(first) - 1
    holder = np.full(n, -1)
    stack = np.empty(n, np.int64)
    at = np.zeros(n + 1, np.int64)
    for start in range(n):
        count, node = 0, start
        while holder[node] < 0 and absorbed[node] >= 0:
            stack[count] = node
            count += 1
            node = absorbed[node]
        if holder[node] < 0:
            holder[node] = node
        while count:
            count -= 1
            holder[stack[count]] = holder[node]
    for i in range(n):
        at[i + 1] = at[i] + first[holder[i] + 1] - first[holder[i]]
    option = np.full(at[n], -1)
    for start in range(n):
        count, node = 0, start
        while absorbed[node] >= 0 and option[at[node]] < 0:
            stack[count] = node
            count += 1
            node = absorbed[node]
        if absorbed[node] < 0:
            for i in range(at[node + 1] - at[node]):
                option[at[node] + i] = i
        while count:
            count -= 1
            b, a = stack[count], absorbed[stack[count]]
            e = via[b]
            kb = first[b + 1] - first[b]
            ka = first[a + 1] - first[a]
            step_a, step_b = (kb, 1) if edge_a[e] == a else (1, ka)
            for i in range(at[b + 1] - at[b]):
                mine = option[at[a] + i]
                for j in range(kb):
                    if edge_cost[edge_first[e] + mine * step_a + j * step_b] < F:
                        option[at[b] + i] = j
                        break
    return holder, at, option
