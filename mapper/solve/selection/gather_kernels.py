"""The loops that make nodes and edges anew, compiled: costs gathered by option and added up, additive edges settled."""

from __future__ import annotations

import numpy as np
from numba import njit

from mapper.solve.selection.rows import Flags, Ints

F = 10**18  # FORBIDDEN; compiled code takes a constant of its own module


@njit(cache=True, nogil=True)
def gather_costs(first: Ints, cost: Ints, owner: Ints, at: Ints, option: Ints, new_first: Ints) -> Ints:
    """Costs of the new nodes' options: the sum over the old nodes that each one holds."""
    new = np.zeros(new_first[-1], np.int64)
    for i in range(len(first) - 1):
        base = new_first[owner[i]]
        for o in range(at[i + 1] - at[i]):
            c = cost[first[i] + option[at[i] + o]]
            new[base + o] = F if c >= F or new[base + o] >= F else new[base + o] + c
    return new


@njit(cache=True, nogil=True)
def gather_edges(
    first: Ints,
    edge_a: Ints,
    edge_b: Ints,
    edge_first: Ints,
    edge_cost: Ints,
    owner: Ints,
    at: Ints,
    option: Ints,
    new_first: Ints,
    new_cost: Ints,
    target: Ints,
    new_at: Ints,
) -> Ints:
    """Entries of the new edges (target[e] < 0: inside a new node, part of its options' costs), parallel ones added."""
    new = np.zeros(new_at[-1], np.int64)
    for e in range(len(edge_a)):
        a, b = edge_a[e], edge_b[e]
        kb = first[b + 1] - first[b]
        na, nb = at[a + 1] - at[a], at[b + 1] - at[b]
        if target[e] < 0:
            base = new_first[owner[a]]
            for i in range(na):
                c = edge_cost[edge_first[e] + option[at[a] + i] * kb + option[at[b] + i]]
                new_cost[base + i] = F if c >= F or new_cost[base + i] >= F else new_cost[base + i] + c
            continue
        step_a, step_b = (nb, 1) if owner[a] < owner[b] else (1, na)
        for i in range(na):
            row = edge_first[e] + option[at[a] + i] * kb
            for j in range(nb):
                c = edge_cost[row + option[at[b] + j]]
                to = new_at[target[e]] + i * step_a + j * step_b
                new[to] = F if c >= F or new[to] >= F else new[to] + c
    return new


@njit(cache=True, nogil=True)
def settle(first: Ints, cost: Ints, edge_a: Ints, edge_b: Ints, edge_first: Ints, edge_cost: Ints) -> Flags:
    """Flags edges that are a cost of a's option plus one of b's, and adds them to cost."""
    m = len(edge_a)
    additive = np.zeros(m, np.bool_)
    for e in range(m):
        a, b = edge_a[e], edge_b[e]
        ka, kb = first[a + 1] - first[a], first[b + 1] - first[b]
        at = edge_first[e]
        same = True
        if ka > 1 and kb > 1:
            for i in range(ka):
                difference = edge_cost[at + i * kb] - edge_cost[at]
                for j in range(kb):
                    c = edge_cost[at + i * kb + j]
                    if c >= F or c - edge_cost[at + j] != difference:
                        same = False
                        break
                if not same:
                    break
        if not same:
            continue
        additive[e] = True
        for i in range(ka if kb == 1 or ka > 1 else 0):
            c = edge_cost[at + i * kb]
            cost[first[a] + i] = F if c >= F or cost[first[a] + i] >= F else cost[first[a] + i] + c
        for j in range(kb if kb > 1 else 0):
            c = edge_cost[at + j]
            if ka > 1:
                c -= edge_cost[at]
            cost[first[b] + j] = F if c >= F or cost[first[b] + j] >= F else cost[first[b] + j] + c
    return additive
