"""Merges: a node whose option follows from a neighbour's is held by it."""

from __future__ import annotations

import numpy as np

from mapper.solve.selection.arrays import Arrays
from mapper.solve.selection.expand import Step
from mapper.solve.selection.problem import FORBIDDEN
from mapper.solve.selection.rebuild import rebuilt
from mapper.solve.selection.rows import Ints, offsets, runs

HUB = 30
"""A node with more edges is only merged into one with as many options: its edges would grow in all places at once."""

MERGED_ENTRIES = 2**20
"""Entries that the edges of a merged node may have, when they grow by the merge."""


def merge(arrays: Arrays) -> tuple[Arrays, list[Step]]:
    """Without nodes whose option follows from another's: an edge leaves each option of that one a single partner."""
    if not arrays.edges:
        return arrays, []
    partners = np.add.reduceat(arrays.edge_cost < FORBIDDEN, arrays.edge_first[:-1], dtype=np.int64)
    forward = _followers(arrays, partners, ahead=True)
    backward = _followers(arrays, partners, ahead=False)
    parents = _forest(arrays, forward, backward)
    if not parents:
        return arrays, []
    holder, option = _held(arrays, parents)
    return rebuilt(arrays, holder, offsets(arrays.options[holder]), np.concatenate(option))


def _followers(arrays: Arrays, partners: Ints, *, ahead: bool) -> dict[int, Ints]:
    """By edge of which one end follows from the other (b from a if ahead): the follower's option for each option."""
    a, b = arrays.options[arrays.edge_a], arrays.options[arrays.edge_b]
    leads = a if ahead else b
    edges = np.flatnonzero(partners == leads)
    if not len(edges):
        return {}
    at = runs(arrays.edge_first[:-1][edges], (a * b)[edges])
    allowed = at[arrays.edge_cost[at] < FORBIDDEN]
    its = np.repeat(np.arange(len(edges)), leads[edges])
    row, column = np.divmod(allowed - arrays.edge_first[:-1][edges][its], b[edges][its])
    lead, follow = (row, column) if ahead else (column, row)
    order = np.lexsort((lead, its))
    lead, follow = lead[order], follow[order]
    first = offsets(leads[edges])
    expected = runs(np.zeros(len(edges), dtype=np.int64), leads[edges])
    each_once = np.logical_and.reduceat(lead == expected, first[:-1])
    return {
        int(e): follow[first[i] : first[i + 1]] for i, e in enumerate(edges.tolist()) if each_once[i]
    }  # fmt: skip


def _forest(arrays: Arrays, forward: dict[int, Ints], backward: dict[int, Ints]) -> dict[int, tuple[int, Ints]]:
    """Nodes to absorb: the node that each follows from, and its option for each option there. Without a circle."""
    entries = np.zeros(arrays.nodes, dtype=np.int64)
    for ends in (arrays.edge_a, arrays.edge_b):
        np.add.at(entries, ends, np.diff(arrays.edge_first))
    options, degree, growing = arrays.options.tolist(), np.diff(arrays.first_incident).tolist(), entries.tolist()
    root = list(range(arrays.nodes))
    parents: dict[int, tuple[int, Ints]] = {}

    def leader(node: int) -> int:
        while root[node] != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    def absorb(a: int, b: int, follow: Ints | None) -> bool:
        if follow is None or b in parents:
            return False
        top = leader(a)
        grows = options[top] > options[b]
        too_large = degree[b] > HUB or growing[b] // options[b] * options[top] > MERGED_ENTRIES
        if top == b or (grows and too_large):
            return False
        parents[b] = a, follow
        root[b] = top
        return True

    for e in sorted(forward.keys() | backward.keys()):
        a, b = int(arrays.edge_a[e]), int(arrays.edge_b[e])
        ways = [(a, b, forward.get(e)), (b, a, backward.get(e))]
        if degree[a] < degree[b]:  # the end with fewer edges is absorbed if both may be
            ways.reverse()
        if not absorb(*ways[0]):
            absorb(*ways[1])
    return parents


def _held(arrays: Arrays, parents: dict[int, tuple[int, Ints]]) -> tuple[Ints, list[Ints]]:
    """Who holds each node, and the node's option for each option of the holder."""
    holder = list(range(arrays.nodes))
    alone = [np.arange(k) for k in range(int(arrays.options.max()) + 1)]
    option = [alone[k] for k in arrays.options.tolist()]
    done = [node not in parents for node in range(arrays.nodes)]
    for start in parents:
        path = []
        node = start
        while not done[node]:
            path.append(node)
            node = parents[node][0]
        for b in reversed(path):
            a, follow = parents[b]
            holder[b], option[b], done[b] = holder[a], follow[option[a]], True
    return np.array(holder, dtype=np.int64), option
