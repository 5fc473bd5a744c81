"""Memory in rows: pieces of usage over ranges of rows, and the rows that no choice can exceed left out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mapper.solve.selection.problem import Problem

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pieces:
    """Ranges of rows [start, end) in which a node (owner, ascending) uses memory, and the limit of each row.

    The usages of piece q, one per option of its owner, are usage[usage_first[q]..usage_first[q + 1]].
    """

    owner: Ints
    start: Ints
    end: Ints
    usage_first: Ints
    usage: Ints
    limit: Ints

    @property
    def least(self) -> Ints:
        """The smallest usage of each piece."""
        return _by_piece(np.minimum, self)

    @property
    def most(self) -> Ints:
        """The largest usage of each piece."""
        return _by_piece(np.maximum, self)


def _by_piece(function: np.ufunc, pieces: Pieces) -> Ints:
    if not len(pieces.owner):
        return np.zeros(0, dtype=np.int64)
    found: Ints = function.reduceat(pieces.usage, pieces.usage_first[:-1])
    return found


def offsets(counts: Ints) -> Ints:
    """Where each run begins and the last one ends, of runs of the given lengths."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)])


def covered(rows: int, start: Ints, end: Ints, amount: Ints) -> Ints:
    """For each row the sum of the amounts whose range [start, end) holds it."""
    change = np.zeros(rows + 1, dtype=np.int64)
    np.add.at(change, start, amount)
    np.subtract.at(change, end, amount)
    return np.cumsum(change)[:-1]


def runs(begins: Ints, counts: Ints) -> Ints:
    """The numbers begins[i], begins[i] + 1, ... of each run, counts[i] of them, one run after another."""
    return np.arange(int(counts.sum())) + np.repeat(begins - offsets(counts)[:-1], counts)


def joined(pieces: Pieces) -> Pieces:
    """The same pieces in order of owner and rows, those of a node in the same rows added up."""
    order = np.lexsort((pieces.end, pieces.start, pieces.owner))
    owner, start, end = pieces.owner[order], pieces.start[order], pieces.end[order]
    counts = np.diff(pieces.usage_first)[order]
    usage = pieces.usage[runs(pieces.usage_first[:-1][order], counts)]
    new = np.ones(len(owner), dtype=np.bool_)
    new[1:] = (owner[1:] != owner[:-1]) | (start[1:] != start[:-1]) | (end[1:] != end[:-1])
    usage_first = offsets(counts[new])
    total = np.zeros(int(usage_first[-1]), dtype=np.int64)
    np.add.at(total, runs(usage_first[np.cumsum(new) - 1], counts), usage)
    return Pieces(owner[new], start[new], end[new], usage_first, total, pieces.limit)


def only_rows(pieces: Pieces, keep: Flags) -> Pieces:
    """The pieces with the kept rows alone; without those that have no row or use the same whatever is chosen."""
    place = offsets(keep.astype(np.int64))
    start, end = place[pieces.start], place[pieces.end]
    used = (start < end) & (pieces.most > pieces.least)
    counts = np.diff(pieces.usage_first)
    usage = pieces.usage[np.repeat(used, counts)]
    return Pieces(pieces.owner[used], start[used], end[used], offsets(counts[used]), usage, pieces.limit[keep])


def of_problem(problem: Problem) -> Pieces:
    """A piece per node and memory that it may use; a row per memory and stretch of time between two events."""
    live = [(i, node) for i, node in enumerate(problem.nodes) if node.start < node.end and max(node.usages) > 0]
    moments = np.unique(np.array([moment for _, node in live for moment in (node.start, node.end)], dtype=np.int64))
    stretches = max(len(moments) - 1, 0)
    owner, memory, usages = [], [], []
    for i, node in live:
        for m in sorted(set(node.memories) or {0}):
            its = [u if not node.memories or node.memories[o] == m else 0 for o, u in enumerate(node.usages)]
            owner.append(i)
            memory.append(m)
            usages.append(its)
    owners = np.array(owner, dtype=np.int64)
    base = np.array(memory, dtype=np.int64) * stretches
    start = base + np.searchsorted(moments, np.array([problem.nodes[i].start for i in owner], dtype=np.int64))
    end = base + np.searchsorted(moments, np.array([problem.nodes[i].end for i in owner], dtype=np.int64))
    usage_first = offsets(np.array([len(its) for its in usages], dtype=np.int64))
    usage = np.array([u for its in usages for u in its], dtype=np.int64)
    limits = np.array([min(limit, 2**62) for limit in problem.limits], dtype=np.int64)  # usages add up to less
    limit = np.repeat(limits, stretches)
    return Pieces(owners, start, end, usage_first, usage, limit)


def compressed(pieces: Pieces) -> Pieces:
    """The same limits in fewer rows: what is used whatever is chosen is taken off the limits.

    A row goes when the largest usages together keep its limit, or when a neighbour is at least as strict: it has all
    of the row's pieces, and no higher limit. A limit below 0 stays: nothing fits then.
    """
    least, rows = pieces.least, len(pieces.limit)
    limit = pieces.limit - covered(rows, pieces.start, pieces.end, least)
    usage = pieces.usage - np.repeat(least, np.diff(pieces.usage_first))
    spread = pieces.most - least
    binding = (covered(rows, pieces.start, pieces.end, spread) > limit) | (limit < 0)
    pieces = only_rows(replace(pieces, usage=usage, limit=limit), binding)
    while not (keep := _strictest(pieces.limit, pieces.start, pieces.end)).all():
        pieces = only_rows(pieces, keep)
    return pieces


def _strictest(limit: Ints, start: Ints, end: Ints) -> Flags:
    """Which rows are not made needless by the next one; if there is no such row, not by the one before."""
    rows = len(limit)
    begins, ends = np.bincount(start, minlength=rows + 1), np.bincount(end, minlength=rows + 1)
    keep = np.ones(rows, dtype=np.bool_)
    keep[:-1] = (ends[1:rows] > 0) | (limit[:-1] < limit[1:])
    if keep.all():
        keep[1:] = (begins[1:rows] > 0) | (limit[1:] < limit[:-1])
    return keep
