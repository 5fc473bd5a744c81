"""A problem made anew: options left out, nodes held by others, parallel edges added up, additive ones settled."""

from __future__ import annotations

import numpy as np

from mapper.solve.selection import reduce_kernels as kernels
from mapper.solve.selection.arrays import Arrays, assemble, pieces_of
from mapper.solve.selection.expand import Merged, Step
from mapper.solve.selection.problem import FORBIDDEN
from mapper.solve.selection.rows import Flags, Ints, Pieces, compressed, joined, offsets, runs


def only(arrays: Arrays, alive: Flags) -> tuple[Arrays, list[Step]]:
    """The arrays without the options that are not alive; every node keeps one. Edges at a single option are settled."""
    single = arrays.options == 1
    if alive.all() and not single[arrays.edge_a].any() and not single[arrays.edge_b].any():
        return arrays, []
    option = (np.arange(len(arrays.cost)) - np.repeat(arrays.first[:-1], arrays.options))[alive]
    left = np.add.reduceat(alive, arrays.first[:-1], dtype=np.int64)
    return rebuilt(arrays, np.arange(arrays.nodes), offsets(left), option)


def rebuilt(arrays: Arrays, holder: Ints, at: Ints, option: Ints) -> tuple[Arrays, list[Step]]:
    """Arrays in which node i is held by holder[i], whose option o means the option option[at[i] + o] of i.

    A holder holds itself, and has at[i + 1] - at[i] options for all that it holds.
    """
    holds = holder == np.arange(arrays.nodes)
    owner = (np.cumsum(holds) - 1)[holder]
    first = offsets(np.diff(at)[holds])
    counts = np.diff(at)
    cost = np.zeros(int(first[-1]), dtype=np.int64)
    add_costs(cost, runs(first[owner], counts), arrays.cost[np.repeat(arrays.first[:-1], counts) + option])
    ends = owner[arrays.edge_a], owner[arrays.edge_b]
    edges = arrays.options[arrays.edge_b], arrays.edge_first[:-1], arrays.edge_cost
    rows, columns = at[arrays.edge_a], at[arrays.edge_b]
    pieces = _gathered_pieces(arrays, owner, at, option)
    return gathered(first, cost, pieces, ends, edges, (rows, columns, option), arrays.constant), [
        Merged(owner, at, option)
    ]


def add_costs(cost: Ints, to: Ints, amounts: Ints) -> None:
    """Adds the amounts to the costs at `to`; forbidden is what was or is made so."""
    banned = np.concatenate([np.flatnonzero(cost >= FORBIDDEN), to[amounts >= FORBIDDEN]])
    np.add.at(cost, to, np.where(amounts >= FORBIDDEN, 0, amounts))
    cost[banned] = FORBIDDEN


def gathered(
    first: Ints,
    cost: Ints,
    pieces: Pieces,
    ends: tuple[Ints, Ints],
    edges: tuple[Ints, Ints, Ints],
    options: tuple[Ints, Ints, Ints],
    constant: int,
) -> Arrays:
    """Arrays of nodes with the old edges between them: parallel ones added up, those inside a node made its cost.

    ends: the new nodes of each old edge. edges: its number of columns, where it begins, all entries. options: where the
    old options that the new ones of its a stand for begin, the same of its b, and those options.
    """
    low, high = np.minimum(*ends), np.maximum(*ends)
    inside = low == high
    nodes = max(len(first) - 1, 1)
    keys, inverse = np.unique(low[~inside] * nodes + high[~inside], return_inverse=True)
    target = np.full(len(low), -1, dtype=np.int64)
    target[~inside] = inverse
    a, b = keys // nodes, keys % nodes
    counts = np.diff(first)
    edge_first = offsets(counts[a] * counts[b])
    entries = np.zeros(int(edge_first[-1]), dtype=np.int64)
    kernels.gather_edges(*ends, *edges, *options, first, cost, target, edge_first, entries)
    additive = np.zeros(len(a), dtype=np.bool_)
    kernels.settle(first, cost, a, b, edge_first, entries, additive)
    if additive.any():
        sizes = np.diff(edge_first)
        entries = entries[np.repeat(~additive, sizes)]
        a, b, edge_first = a[~additive], b[~additive], offsets(sizes[~additive])
    return assemble(first, cost, compressed(pieces), a, b, edge_first, entries, constant)


def _gathered_pieces(arrays: Arrays, owner: Ints, at: Ints, option: Ints) -> Pieces:
    """The pieces of the new nodes."""
    old = pieces_of(arrays).owner
    counts = np.diff(at)[old]
    usage = arrays.usage[np.repeat(arrays.usage_first[:-1], counts) + option[runs(at[old], counts)]]
    return joined(Pieces(owner[old], arrays.piece_start, arrays.piece_end, offsets(counts), usage, arrays.limit))
