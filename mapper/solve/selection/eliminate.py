"""Elimination of nodes without memory that have two neighbours at most: an edge of these stands for the best option."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mapper.solve.selection.arrays import Arrays, pieces_of, plus
from mapper.solve.selection.expand import Eliminated, Step
from mapper.solve.selection.problem import FORBIDDEN
from mapper.solve.selection.rebuild import add_costs, gathered
from mapper.solve.selection.rows import Flags, Ints, offsets, runs

GROWTH = 2
"""How many times the entries of a node's two edges the edge may have that stands for them."""

WORK = 2**26
"""Additions that the elimination of one node may take, and of several at a time."""


class ContradictionError(Exception):
    """A node is left without an option."""

    def __init__(self, node: int) -> None:
        super().__init__(node)
        self.node = node


def eliminate(arrays: Arrays) -> tuple[Arrays, list[Step]]:
    """Without nodes that use no memory and have two neighbours at most, none of them beside another that goes."""
    gone, edges = _independent(arrays)
    if not len(gone):
        return arrays, []
    known = edges >= 0
    its = np.maximum(edges, 0)
    beside = np.where(known, arrays.edge_a[its] + arrays.edge_b[its] - gone[:, None], -1) if arrays.edges else edges
    sizes = np.where(known, arrays.options[np.maximum(beside, 0)], 1)
    at = offsets(sizes.prod(axis=1))
    least, option = _best(arrays, gone, edges, sizes, at)
    degree = known.sum(axis=1)
    alone = least[at[:-1][degree == 0]]
    if (alone >= FORBIDDEN).any():
        raise ContradictionError(int(gone[degree == 0][np.argmax(alone >= FORBIDDEN)]))
    stay = np.ones(arrays.nodes, dtype=np.bool_)
    stay[gone] = False
    core = _without(arrays, stay, beside, degree, least, at, arrays.constant + int(alone.sum()))
    return core, [Eliminated(np.flatnonzero(stay), gone, beside, sizes[:, 1], at, option)]


def _independent(arrays: Arrays) -> tuple[Ints, Ints]:
    """Nodes that can be eliminated together, those with fewer neighbours first, and their edges (two, -1: none)."""
    degree = np.diff(arrays.first_incident)
    able = np.flatnonzero((degree <= 2) & (np.diff(arrays.piece_first) == 0))
    options, blocked = arrays.options.tolist(), set[int]()
    gone, edges = [], []
    for i in able[np.argsort(degree[able], kind="stable")].tolist():
        if i in blocked:
            continue
        mine = arrays.incident[arrays.first_incident[i] : arrays.first_incident[i + 1]].tolist()
        beside = [int(arrays.edge_a[e] + arrays.edge_b[e]) - i for e in mine]
        if len(mine) == 2:
            k, x, y = (options[n] for n in (i, *beside))
            if x * y > GROWTH * k * (x + y) or k * x * y > WORK:
                continue
        blocked.update(beside)
        gone.append(i)
        edges.append([*mine, -1, -1][:2])
    return np.array(gone, dtype=np.int64), np.array(edges, dtype=np.int64).reshape(-1, 2)


def _best(arrays: Arrays, gone: Ints, edges: Ints, sizes: Ints, at: Ints) -> tuple[Ints, Ints]:
    """For each node and options of its neighbours, the least cost of the node and its edges, and the option of it."""
    least, option = np.empty(int(at[-1]), dtype=np.int64), np.empty(int(at[-1]), dtype=np.int64)
    shapes = np.column_stack([arrays.options[gone], sizes, *_forwards(arrays, gone, edges)])
    kinds, kind = np.unique(shapes, axis=0, return_inverse=True)
    order = np.argsort(kind.reshape(-1), kind="stable")
    negative = min(arrays.cost.min(initial=0), arrays.edge_cost.min(initial=0)) < 0
    add: Callable[[Ints, Ints], Ints] = plus if negative else np.add  # a sum with FORBIDDEN must not fall below it
    groups = np.split(order, np.cumsum(np.bincount(kind.reshape(-1)))[:-1])
    for (k, x, y, x_ahead, y_ahead), group in zip(kinds.tolist(), groups, strict=True):
        together = max(WORK // (8 * k * x * y), 1)
        for part in (group[i : i + together] for i in range(0, len(group), together)):
            total = arrays.cost[arrays.first[gone[part]][:, None] + np.arange(k)][:, :, None, None]
            total = add(total, _entries(arrays, edges[part, 0], k, x, x_ahead)[:, :, :, None])
            total = add(total, _entries(arrays, edges[part, 1], k, y, y_ahead)[:, :, None, :])
            chosen = total.argmin(axis=1)
            found = np.minimum(np.take_along_axis(total, chosen[:, None], axis=1), FORBIDDEN)
            to = at[part][:, None] + np.arange(x * y)
            option[to] = chosen.reshape(len(part), -1)
            least[to] = found.reshape(len(part), -1)
    return least, option


def _forwards(arrays: Arrays, gone: Ints, edges: Ints) -> list[Ints]:
    """For each node's first and second edge: 1 if its rows are the node's options, 0 if its columns, -1: none."""
    if not arrays.edges:
        return [edges[:, 0], edges[:, 1]]
    return [np.where(its < 0, -1, arrays.edge_a[np.maximum(its, 0)] == gone).astype(np.int64) for its in edges.T]


def _entries(arrays: Arrays, edges: Ints, k: int, other: int, ahead: int) -> Ints:
    """The entries of edges of one shape, the eliminated node's options first; 0 without an edge."""
    if ahead < 0:
        return np.zeros((len(edges), k, 1), dtype=np.int64)
    its = arrays.edge_cost[arrays.edge_first[edges][:, None] + np.arange(k * other)]
    shaped: Ints = its.reshape(len(edges), k, other) if ahead else its.reshape(len(edges), other, k).transpose(0, 2, 1)
    return shaped


def _without(arrays: Arrays, stay: Flags, beside: Ints, degree: Ints, least: Ints, at: Ints, constant: int) -> Arrays:
    """The nodes that stay; for each that goes, costs at its neighbour or an edge between its two neighbours."""
    sizes = np.diff(at)
    cost = arrays.cost.copy()
    one, two = degree == 1, degree == 2
    add_costs(cost, runs(arrays.first[beside[one, 0]], sizes[one]), least[np.repeat(one, sizes)])
    kept = stay[arrays.edge_a] & stay[arrays.edge_b]
    old = np.diff(arrays.edge_first)
    ends = np.concatenate([arrays.edge_a[kept], beside[two, 0]]), np.concatenate([arrays.edge_b[kept], beside[two, 1]])
    entries = np.concatenate([arrays.edge_cost[np.repeat(kept, old)], least[np.repeat(two, sizes)]])
    begins = offsets(np.concatenate([old[kept], sizes[two]]))[:-1]
    new = np.cumsum(stay) - 1
    first = offsets(arrays.options[stay])
    same = np.arange(int(arrays.options.max(initial=0)))  # an option stands for itself
    zeros = np.zeros_like(begins)
    pieces = pieces_of(arrays)
    return gathered(
        first,
        cost[np.repeat(stay, arrays.options)],
        replace(pieces, owner=new[pieces.owner]),
        (new[ends[0]], new[ends[1]]),
        (arrays.options[ends[1]], begins, entries),
        (zeros, zeros, same),
        constant,
    )
