"""Reductions of a selection problem to a core, in rounds until nothing changes, and the way back from the core.

A round makes the problem arc consistent, merges nodes whose option follows from a neighbour's, drops dominated options,
and eliminates nodes without memory that have at most two neighbours. Each keeps at least one optimal choice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mapper.solve.budget import Budget
from mapper.solve.selection import eliminate_kernels, gather_kernels, merge_kernels, reduce_kernels
from mapper.solve.selection.arrays import Arrays, assemble, pieces_of, plus
from mapper.solve.selection.expand import Eliminated, Merged, Step
from mapper.solve.selection.problem import FORBIDDEN
from mapper.solve.selection.rows import Flags, Ints, Pieces, compressed, joined, offsets, runs
from mapper.solve.selection.tighten import tighten

HUB = 30
"""A node with more edges is only merged into one with as many options: its edges would grow in all places at once."""

MERGED_ENTRIES = 2**20
"""Entries that the edges of a merged node may have, when they grow by the merge."""

GROWTH = 2
"""How many times the entries of a node's two edges the edge may have that stands for them."""

ELIMINATION_WORK = 2**26
"""Additions that the elimination of one node may take."""

SAMPLES = 16
"""Choices of the neighbours under which two options are compared before they are compared under all."""

LEAST_GAIN = 0.002
"""A round that takes away less than this part of nodes, options and entries is the last."""


class ContradictionError(Exception):
    """A node is left without an option."""

    def __init__(self, node: int) -> None:
        super().__init__(node)
        self.node = node


@dataclass(frozen=True, eq=False)
class Reduced:
    """The core that is left, and the steps that led to it."""

    core: Arrays
    steps: tuple[Step, ...]

    def expand(self, choice: Ints) -> Ints:
        """The choice of the whole that a choice of the core stands for; it costs the same."""
        for step in reversed(self.steps):
            choice = step.expand(choice)
        return choice


def reduce(arrays: Arrays, budget: Budget) -> Reduced:
    """The core of the arrays. Raises ContradictionError with a node of theirs that is left without an option."""
    steps: list[Step] = []
    while not budget.over():
        before = arrays
        for act in ACTS:
            try:
                arrays, done = act(arrays)
            except ContradictionError as lost:
                node = lost.node
                for step in reversed(steps):
                    node = step.origin(node)
                raise ContradictionError(node) from lost
            steps += done
        if _size(before) - _size(arrays) <= LEAST_GAIN * _size(before):
            break
    return Reduced(arrays, tuple(steps))


def _size(arrays: Arrays) -> int:
    return arrays.nodes + len(arrays.cost) + len(arrays.edge_cost) + arrays.rows


def consistent(arrays: Arrays) -> tuple[Arrays, list[Step]]:
    """Without options that cost too much, use more than a row has, or leave a neighbour without a partner."""
    alive = (arrays.cost < FORBIDDEN) & ~_too_large(arrays)
    some = np.logical_or.reduceat(alive, arrays.first[:-1]) if arrays.nodes else np.zeros(0, np.bool_)
    lost = -1 if some.all() else int(np.argmin(some))
    if lost < 0:
        lost = reduce_kernels.arc_consistent(
            arrays.first, arrays.edge_a, arrays.edge_b, arrays.edge_first, arrays.edge_cost,
            arrays.first_incident, arrays.incident, alive,
        )  # fmt: skip
    if lost >= 0:
        raise ContradictionError(lost)
    return only(arrays, alive)


def _too_large(arrays: Arrays) -> Flags:
    """Options that alone use more than a row of one of their pieces has."""
    found = np.zeros(len(arrays.cost), dtype=np.bool_)
    if not arrays.rows:
        return found
    strictest = _least_in(arrays.limit, arrays.piece_start, arrays.piece_end)
    owner = pieces_of(arrays).owner
    counts = arrays.options[owner]
    over = arrays.usage > np.repeat(strictest, counts)
    found[runs(arrays.first[owner], counts)[over]] = True
    return found


def _least_in(values: Ints, start: Ints, end: Ints) -> Ints:
    """The least value in each non-empty range, from a table of the least of 1, 2, 4, ... values."""
    table = [values]
    while 2 ** len(table) <= len(values):
        last, half = table[-1], 2 ** (len(table) - 1)
        table.append(np.minimum(last[:-half], last[half:]))
    level = np.floor(np.log2(np.maximum(end - start, 1))).astype(np.int64)
    least = np.empty(len(start), dtype=np.int64)
    for k, column in enumerate(table):
        at = np.flatnonzero(level == k)
        least[at] = np.minimum(column[start[at]], column[end[at] - 2**k])
    return least


def merge(arrays: Arrays) -> tuple[Arrays, list[Step]]:
    """Nodes whose option follows from a neighbour's are held by it; edges that are sums of costs are dropped."""
    found = merge_kernels.functional(arrays.first, arrays.edge_a, arrays.edge_b, arrays.edge_first, arrays.edge_cost)
    if not found.any():
        return arrays, []
    entries = np.zeros(arrays.nodes, dtype=np.int64)
    for ends in (arrays.edge_a, arrays.edge_b):
        np.add.at(entries, ends, np.diff(arrays.edge_first))
    absorbed, via = merge_kernels.merges(
        arrays.first, arrays.edge_a, arrays.edge_b, found, np.diff(arrays.first_incident), entries, HUB, MERGED_ENTRIES
    )
    if not (absorbed >= 0).any():
        return arrays, []
    holder, at, option = merge_kernels.merged_options(
        arrays.first, arrays.edge_a, arrays.edge_b, arrays.edge_first, arrays.edge_cost, absorbed, via
    )
    return rebuilt(arrays, holder, at, option)


def undominated(arrays: Arrays) -> tuple[Arrays, list[Step]]:
    """Without options that another one of the node can always stand in for."""
    alive = reduce_kernels.undominated(
        arrays.first, arrays.cost, arrays.piece_first, arrays.usage_first, arrays.usage, arrays.edge_a, arrays.edge_b,
        arrays.edge_first, arrays.edge_cost, arrays.first_incident, arrays.incident, SAMPLES,
    )  # fmt: skip
    return only(arrays, alive)


def only(arrays: Arrays, alive: Flags) -> tuple[Arrays, list[Step]]:
    """The arrays without the options that are not alive."""
    single = arrays.options[arrays.edge_a] == 1
    if alive.all() and not single.any() and not (arrays.options[arrays.edge_b] == 1).any():
        return arrays, []
    option = (np.arange(len(arrays.cost)) - np.repeat(arrays.first[:-1], arrays.options))[alive]
    left = np.add.reduceat(alive.astype(np.int64), arrays.first[:-1])
    return rebuilt(arrays, np.arange(arrays.nodes), offsets(left), option)


def rebuilt(arrays: Arrays, holder: Ints, at: Ints, option: Ints) -> tuple[Arrays, list[Step]]:
    """Arrays in which node i is held by holder[i], whose option o means the option option[at[i] + o] of i.

    A holder holds itself, and has at[i + 1] - at[i] options for all that it holds.
    """
    holds = holder == np.arange(arrays.nodes)
    owner = (np.cumsum(holds) - 1)[holder]
    first = offsets(np.diff(at)[holds])
    cost = gather_kernels.gather_costs(arrays.first, arrays.cost, owner, at, option, first)
    ends = owner[arrays.edge_a], owner[arrays.edge_b]
    a, b, target = _united(np.minimum(*ends), np.maximum(*ends), len(first) - 1)
    edge_first = offsets(np.diff(first)[a] * np.diff(first)[b])
    edge_cost = gather_kernels.gather_edges(
        arrays.first, arrays.edge_a, arrays.edge_b, arrays.edge_first, arrays.edge_cost, owner, at, option, first, cost,
        target, edge_first,
    )  # fmt: skip
    pieces = _gathered_pieces(arrays, owner, at, option)
    whole = _settled(first, cost, pieces, a, b, edge_first, edge_cost, arrays.constant)
    return whole, [Merged(owner, at, option)]


def _united(a: Ints, b: Ints, nodes: int) -> tuple[Ints, Ints, Ints]:
    """Pairs a < b without repetition, in order, and which of them each given pair is (-1: a == b)."""
    apart = a != b
    keys, inverse = np.unique(a[apart] * nodes + b[apart], return_inverse=True)
    target = np.full(len(a), -1, dtype=np.int64)
    target[apart] = inverse
    return keys // max(nodes, 1), keys % max(nodes, 1), target


def _settled(
    first: Ints, cost: Ints, pieces: Pieces, a: Ints, b: Ints, edge_first: Ints, edge_cost: Ints, constant: int
) -> Arrays:
    """Arrays without the edges that are sums of costs of options; adds those to `cost`."""
    additive = gather_kernels.settle(first, cost, a, b, edge_first, edge_cost)
    if additive.any():
        sizes = np.diff(edge_first)
        edge_cost = edge_cost[np.repeat(~additive, sizes)]
        a, b, edge_first = a[~additive], b[~additive], offsets(sizes[~additive])
    return assemble(first, cost, compressed(pieces), a, b, edge_first, edge_cost, constant)


def _gathered_pieces(arrays: Arrays, owner: Ints, at: Ints, option: Ints) -> Pieces:
    """The pieces of the new nodes."""
    old = pieces_of(arrays).owner
    counts = np.diff(at)[old]
    usage = arrays.usage[np.repeat(arrays.usage_first[:-1], counts) + option[runs(at[old], counts)]]
    return joined(Pieces(owner[old], arrays.piece_start, arrays.piece_end, offsets(counts), usage, arrays.limit))


def eliminate(arrays: Arrays) -> tuple[Arrays, list[Step]]:
    """Without nodes that use no memory and have two neighbours at most; an edge of these stands for the best option."""
    chosen, neighbours = eliminate_kernels.independent(
        arrays.first, arrays.piece_first, arrays.edge_a, arrays.edge_b, arrays.first_incident, arrays.incident,
        GROWTH, ELIMINATION_WORK,
    )  # fmt: skip
    gone = np.flatnonzero(chosen)
    if not len(gone):
        return arrays, []
    beside = neighbours[gone]
    sizes = np.where(beside >= 0, arrays.options[np.maximum(beside, 0)], 1)
    at = offsets(sizes.prod(axis=1))
    least, option = eliminate_kernels.eliminated(
        arrays.first, arrays.cost, arrays.edge_a, arrays.edge_first, arrays.edge_cost, arrays.first_incident,
        arrays.incident, gone, neighbours, at,
    )  # fmt: skip
    degree = (beside >= 0).sum(axis=1)
    alone = least[at[:-1][degree == 0]]
    if (alone >= FORBIDDEN).any():
        raise ContradictionError(int(gone[degree == 0][np.argmax(alone >= FORBIDDEN)]))
    widened = _with_edges(arrays, chosen, beside, degree, least, at)
    whole = _without(widened, ~chosen, arrays.constant + int(alone.sum()))
    return whole, [Eliminated(np.flatnonzero(~chosen), gone, beside, sizes[:, 1], at, option)]


def _with_edges(arrays: Arrays, chosen: Flags, beside: Ints, degree: Ints, least: Ints, at: Ints) -> Arrays:
    """The arrays with the eliminated nodes' edges replaced: costs at one neighbour, or an edge between the two."""
    sizes = np.diff(at)
    cost = arrays.cost.copy()
    for v in np.flatnonzero(degree == 1).tolist():
        mine = slice(arrays.first[beside[v, 0]], arrays.first[beside[v, 0] + 1])
        cost[mine] = plus(cost[mine], least[at[v] : at[v + 1]])
    stay = ~(chosen[arrays.edge_a] | chosen[arrays.edge_b])
    two = degree == 2
    a = np.concatenate([arrays.edge_a[stay], beside[two, 0]])
    b = np.concatenate([arrays.edge_b[stay], beside[two, 1]])
    old = np.diff(arrays.edge_first)
    edge_first = offsets(np.concatenate([old[stay], sizes[two]]))
    edge_cost = np.concatenate([arrays.edge_cost[np.repeat(stay, old)], least[np.repeat(two, sizes)]])
    return replace(arrays, cost=cost, edge_a=a, edge_b=b, edge_first=edge_first, edge_cost=edge_cost)


def _without(arrays: Arrays, stay: Flags, constant: int) -> Arrays:
    """Only the nodes that stay, which alone have edges and pieces; edges may be parallel and either way round."""
    new = np.cumsum(stay) - 1
    counts = arrays.options
    first = offsets(counts[stay])
    cost = arrays.cost[np.repeat(stay, counts)]
    ends = new[arrays.edge_a], new[arrays.edge_b]
    a, b, target = _united(np.minimum(*ends), np.maximum(*ends), len(first) - 1)
    edge_first = offsets(np.diff(first)[a] * np.diff(first)[b])
    whole = offsets(counts[stay])
    option = runs(np.zeros_like(first[:-1]), np.diff(first))
    edge_cost = gather_kernels.gather_edges(
        first, *ends, arrays.edge_first, arrays.edge_cost, np.arange(len(first) - 1), whole, option, first, cost,
        target, edge_first,
    )  # fmt: skip
    pieces = pieces_of(arrays)
    pieces = replace(pieces, owner=new[pieces.owner])
    return _settled(first, cost, pieces, a, b, edge_first, edge_cost, constant)


ACTS = (consistent, merge, undominated, eliminate, tighten)
"""What a round does, in this order: each makes more of the next possible."""
