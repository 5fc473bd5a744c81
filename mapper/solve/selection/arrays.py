"""A selection problem as flat arrays, which kernels work on: nodes, memory in pieces over rows, edges, adjacency.

A row is a moment of one memory at which its limit can be exceeded; a piece is a range of rows in which a node uses
memory. A node of a problem has at most a piece per memory, one that merged several nodes may have more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mapper.solve.selection.flat import flat
from mapper.solve.selection.problem import FORBIDDEN, Problem
from mapper.solve.selection.rows import Pieces, compressed, covered, of_problem, offsets, runs

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Arrays:
    """n nodes, m edges (a < b, no parallel ones), p pieces, rows; all arrays are int64.

    first[n+1]: the options of node i are first[i]..first[i+1] of cost, FORBIDDEN for those not to be chosen.
    piece_first[n+1]: the pieces of node i; piece q covers rows piece_start[q]..piece_end[q], and the usage of its
    option o (counted from 0) there is usage[usage_first[q] + o]. limit[rows]: what the usages of a row may add up to.
    edge_first[m+1]: edge_cost of edge e begins at edge_first[e], row-major (options of a) x (options of b).
    incident[first_incident[i]..first_incident[i+1]]: the edges of node i. constant: part of every choice's cost.
    """

    first: Ints
    cost: Ints
    piece_first: Ints
    piece_start: Ints
    piece_end: Ints
    usage_first: Ints
    usage: Ints
    limit: Ints
    edge_a: Ints
    edge_b: Ints
    edge_first: Ints
    edge_cost: Ints
    first_incident: Ints
    incident: Ints
    constant: int = 0

    @property
    def nodes(self) -> int:
        return len(self.first) - 1

    @property
    def edges(self) -> int:
        return len(self.edge_a)

    @property
    def rows(self) -> int:
        return len(self.limit)

    @property
    def options(self) -> Ints:
        """How many options each node has."""
        return np.diff(self.first)


def evaluate(arrays: Arrays, choice: Ints) -> tuple[int, int]:
    """The cost of a choice (at least FORBIDDEN when something forbidden is chosen), and the largest excess of a row."""
    nodes = arrays.cost[arrays.first[:-1] + choice]
    columns = arrays.options[arrays.edge_b]
    pairs = arrays.edge_cost[arrays.edge_first[:-1] + choice[arrays.edge_a] * columns + choice[arrays.edge_b]]
    total = int(nodes[nodes < FORBIDDEN].sum() + pairs[pairs < FORBIDDEN].sum())
    banned = int((nodes >= FORBIDDEN).sum() + (pairs >= FORBIDDEN).sum())
    excess = int((loads(arrays, choice) - arrays.limit).max(initial=0))
    return arrays.constant + total + 2 * banned * FORBIDDEN, excess


def loads(arrays: Arrays, choice: Ints) -> Ints:
    """The usage of each row under a choice."""
    used = arrays.usage[arrays.usage_first[:-1] + choice[pieces_of(arrays).owner]]
    return covered(arrays.rows, arrays.piece_start, arrays.piece_end, used)


def pieces_of(arrays: Arrays) -> Pieces:
    """The memory of the arrays: pieces with their owners, and limits."""
    owner = np.repeat(np.arange(arrays.nodes), np.diff(arrays.piece_first))
    return Pieces(owner, arrays.piece_start, arrays.piece_end, arrays.usage_first, arrays.usage, arrays.limit)


def with_pieces(arrays: Arrays, pieces: Pieces) -> Arrays:
    """The arrays with other memory."""
    return replace(
        arrays, piece_first=offsets(np.bincount(pieces.owner, minlength=arrays.nodes)), piece_start=pieces.start,
        piece_end=pieces.end, usage_first=pieces.usage_first, usage=pieces.usage, limit=pieces.limit,
    )  # fmt: skip


def from_problem(problem: Problem) -> Arrays:
    """The arrays of a checked problem; the rows are those that can bind."""
    first = offsets(np.array([len(node.costs) for node in problem.nodes], dtype=np.int64))
    cost = flat([node.costs for node in problem.nodes], FORBIDDEN)
    for edge in problem.edges:
        if edge.a == edge.b:
            mine = slice(first[edge.a], first[edge.a + 1])
            its = np.array([min(c, FORBIDDEN) for c in edge.costs], dtype=np.int64)
            cost[mine] = plus(cost[mine], its[:: first[edge.a + 1] - first[edge.a] + 1])
    return assemble(first, cost, compressed(of_problem(problem)), *_edges(problem, np.diff(first)))


def assemble(
    first: Ints, cost: Ints, pieces: Pieces, a: Ints, b: Ints, edge_first: Ints, edge_cost: Ints, constant: int = 0
) -> Arrays:
    """Arrays of these nodes, pieces (owners ascending) and edges, with the adjacency worked out."""
    nodes = len(first) - 1
    piece_first = offsets(np.bincount(pieces.owner, minlength=nodes))
    ends = np.concatenate([a, b])
    incident = (np.argsort(ends, kind="stable") % max(len(a), 1)).astype(np.int64)
    first_incident = offsets(np.bincount(ends, minlength=nodes))
    return Arrays(
        first, cost, piece_first, pieces.start, pieces.end, pieces.usage_first, pieces.usage, pieces.limit,
        a, b, edge_first, edge_cost, first_incident, incident, constant,
    )  # fmt: skip


def plus(left: Ints, right: Ints) -> Ints:
    """The sum of costs; forbidden where either is."""
    return np.where((left >= FORBIDDEN) | (right >= FORBIDDEN), FORBIDDEN, left + right)


def _edges(problem: Problem, options: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Edges sorted by (a, b) with a < b, parallel ones added up: a, b, edge_first, edge_cost."""
    given = np.flatnonzero(problem.ends[:, 0] != problem.ends[:, 1])
    ends = problem.ends[given]
    a, b = ends.min(axis=1), ends.max(axis=1)
    order = np.lexsort((b, a))
    sizes = options[a] * options[b]
    before = offsets(options[problem.ends].prod(axis=1))[:-1][given]
    costs = problem.pair_costs[runs(before[order], sizes[order])]
    at = offsets(sizes[order])
    for e in np.flatnonzero(ends[order, 0] > ends[order, 1]).tolist():
        matrix = costs[at[e] : at[e + 1]].reshape(int(options[ends[order[e], 0]]), -1)
        costs[at[e] : at[e + 1]] = matrix.T.copy().reshape(-1)
    a, b = a[order], b[order]
    new = np.ones(len(a), dtype=np.bool_)
    new[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    leader = np.flatnonzero(new)[np.cumsum(new) - 1] if len(a) else np.zeros(0, dtype=np.int64)
    for e in np.flatnonzero(~new).tolist():
        main = slice(at[leader[e]], at[leader[e] + 1])
        costs[main] = plus(costs[main], costs[at[e] : at[e + 1]])
    kept = costs if new.all() else costs[np.repeat(new, sizes[order])]
    return a[new], b[new], offsets(sizes[order][new]), kept
