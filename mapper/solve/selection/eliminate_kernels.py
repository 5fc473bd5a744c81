"""The loops of elimination, compiled: which nodes can go together, and the edges that stand for them."""

from __future__ import annotations

import numpy as np
from numba import njit

from mapper.solve.selection.rows import Flags, Ints

F = 10**18  # FORBIDDEN; compiled code takes a constant of its own module


@njit(cache=True, nogil=True)
def independent(
    first: Ints,
    piece_first: Ints,
    edge_a: Ints,
    edge_b: Ints,
    first_incident: Ints,
    incident: Ints,
    growth: int,
    most_work: int,
) -> tuple[Flags, Ints]:
    """Nodes to eliminate together: no memory, at most two neighbours, none beside another; neighbours[n, 2] or -1."""
    n = len(first) - 1
    neighbours = np.full((n, 2), -1)
    chosen = np.zeros(n, np.bool_)
    blocked = np.zeros(n, np.bool_)
    for most in range(3):
        for i in range(n):
            degree = first_incident[i + 1] - first_incident[i]
            if degree != most or blocked[i] or piece_first[i + 1] > piece_first[i]:
                continue
            free = True
            for q in range(degree):
                e = incident[first_incident[i] + q]
                other = edge_a[e] + edge_b[e] - i
                neighbours[i, q] = other
                free = free and not chosen[other]
            if not free:
                continue
            if degree == 2:
                k = first[i + 1] - first[i]
                x, y = neighbours[i, 0], neighbours[i, 1]
                kx, ky = first[x + 1] - first[x], first[y + 1] - first[y]
                if kx * ky > growth * k * (kx + ky) or kx * ky * k > most_work:
                    continue
            chosen[i] = True
            for q in range(degree):
                blocked[neighbours[i, q]] = True
    return chosen, neighbours


@njit(cache=True, nogil=True)
def eliminated(
    first: Ints,
    cost: Ints,
    edge_a: Ints,
    edge_first: Ints,
    edge_cost: Ints,
    first_incident: Ints,
    incident: Ints,
    nodes: Ints,
    neighbours: Ints,
    at: Ints,
) -> tuple[Ints, Ints]:
    """For each node and options of its neighbours, the least cost of the node and its edges, and the option of it."""
    least = np.full(at[-1], F)
    option = np.zeros(at[-1], np.int64)
    for v in range(len(nodes)):
        i = nodes[v]
        x, y = neighbours[i, 0], neighbours[i, 1]
        k = first[i + 1] - first[i]
        kx = first[x + 1] - first[x] if x >= 0 else 1
        ky = first[y + 1] - first[y] if y >= 0 else 1
        ex = incident[first_incident[i]] if x >= 0 else -1
        ey = incident[first_incident[i] + 1] if y >= 0 else -1
        for o in range(k):
            mine = cost[first[i] + o]
            if mine >= F:
                continue
            for p in range(kx):
                one = mine
                if ex >= 0:
                    c = edge_cost[edge_first[ex] + (o * kx + p if edge_a[ex] == i else p * k + o)]
                    if c >= F:
                        continue
                    one += c
                for r in range(ky):
                    both = one
                    if ey >= 0:
                        c = edge_cost[edge_first[ey] + (o * ky + r if edge_a[ey] == i else r * k + o)]
                        if c >= F:
                            continue
                        both += c
                    to = at[v] + p * ky + r
                    if both < least[to]:
                        least[to] = both
                        option[to] = o
    return least, option
