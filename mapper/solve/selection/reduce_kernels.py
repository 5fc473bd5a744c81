"""The loops over options, compiled: arc consistency and dominance."""

from __future__ import annotations

import numpy as np
from numba import njit

from mapper.solve.selection.rows import Flags, Ints

F = 10**18  # FORBIDDEN; compiled code takes a constant of its own module


@njit(cache=True, nogil=True)
def arc_consistent(
    first: Ints,
    edge_a: Ints,
    edge_b: Ints,
    edge_first: Ints,
    edge_cost: Ints,
    first_incident: Ints,
    incident: Ints,
    alive: Flags,
) -> int:
    """Clears alive[options] where an edge leaves no partner; returns a node that loses its last option, or -1."""
    m = len(edge_a)
    queue = np.arange(m)
    waiting = np.ones(m, np.bool_)
    count = m
    while count:
        count -= 1
        e = queue[count]
        waiting[e] = False
        for side in range(2):
            node, other = (edge_a[e], edge_b[e]) if side == 0 else (edge_b[e], edge_a[e])
            fa, ka = first[node], first[node + 1] - first[node]
            fb, kb = first[other], first[other + 1] - first[other]
            step_a, step_b = (kb, 1) if side == 0 else (1, ka)
            lost, left = False, False
            for i in range(ka):
                if not alive[fa + i]:
                    continue
                supported = False
                for j in range(kb):
                    if alive[fb + j] and edge_cost[edge_first[e] + i * step_a + j * step_b] < F:
                        supported = True
                        break
                if supported:
                    left = True
                else:
                    alive[fa + i] = False
                    lost = True
            if not left:
                return int(node)
            if lost:
                for at in range(first_incident[node], first_incident[node + 1]):
                    d = incident[at]
                    if d != e and not waiting[d]:
                        waiting[d] = True
                        queue[count] = d
                        count += 1
    return -1


@njit(cache=True, nogil=True)
def _dominates(
    better: int,
    worse: int,
    i: int,
    first: Ints,
    cost: Ints,
    edge_a: Ints,
    edge_b: Ints,
    edge_first: Ints,
    edge_cost: Ints,
    first_incident: Ints,
    incident: Ints,
    alive: Flags,
) -> bool:
    """Whether option `better` of node i costs no more than `worse`, whatever the neighbours choose."""
    total = cost[first[i] + better] - cost[first[i] + worse]
    for q in range(first_incident[i], first_incident[i + 1]):
        e = incident[q]
        a, b = edge_a[e], edge_b[e]
        ka, kb = first[a + 1] - first[a], first[b + 1] - first[b]
        at = edge_first[e]
        most = -F
        if a == i:
            up, down, step, count, base = at + better * kb, at + worse * kb, 1, kb, first[b]
        else:
            up, down, step, count, base = at + better, at + worse, kb, ka, first[a]
        for j in range(count):
            if not alive[base + j]:
                continue
            against = edge_cost[down + j * step]
            if against >= F:
                continue
            mine = edge_cost[up + j * step]
            if mine >= F:
                return False
            if mine - against > most:
                most = mine - against
        if most > -F:
            total += most
    return bool(total <= 0)


@njit(cache=True, nogil=True)
def _sampled(
    i: int, k: int, samples: int, first: Ints, cost: Ints, edge_a: Ints, edge_b: Ints, edge_first: Ints,
    edge_cost: Ints, first_incident: Ints, incident: Ints, alive: Flags,
) -> Ints:  # fmt: skip
    """The cost of each option of node i under sample choices of its neighbours (F: forbidden)."""
    found = np.empty((k, samples), np.int64)
    for o in range(k):
        found[o] = cost[first[i] + o]
    draw = 1
    for q in range(first_incident[i], first_incident[i + 1]):
        e = incident[q]
        other = edge_a[e] + edge_b[e] - i
        count = first[other + 1] - first[other]
        for s in range(samples):
            draw = (draw * 1103515245 + 12345) % 2147483648
            j = (draw >> 8) % count
            while not alive[first[other] + j]:
                j = (j + 1) % count
            at, step = (edge_first[e] + j, count) if edge_a[e] == i else (edge_first[e] + j * k, 1)
            for o in range(k):
                c = edge_cost[at + o * step]
                found[o, s] = F if c >= F or found[o, s] >= F else found[o, s] + c
    return found


@njit(cache=True, nogil=True)
def undominated(
    first: Ints, cost: Ints, piece_first: Ints, usage_first: Ints, usage: Ints, edge_a: Ints, edge_b: Ints,
    edge_first: Ints, edge_cost: Ints, first_incident: Ints, incident: Ints, samples: int,
) -> Flags:  # fmt: skip
    """Which options remain when dominated ones go, one after another.

    An option goes when another of its node uses no more memory anywhere and never costs more (dead-end elimination,
    Goldstein 1994). Most pairs are told apart by their costs under a few choices of the neighbours.
    """
    alive = np.ones(len(cost), np.bool_)
    for i in range(len(first) - 1):
        k = first[i + 1] - first[i]
        if k < 2:
            continue
        sampled = _sampled(
            i, k, samples, first, cost, edge_a, edge_b, edge_first, edge_cost, first_incident, incident, alive
        )
        for worse in range(k):
            for better in range(k):
                if better == worse or not alive[first[i] + better]:
                    continue
                possible = True
                for s in range(samples):
                    if sampled[better, s] > sampled[worse, s]:
                        possible = False
                        break
                if not possible:
                    continue
                for q in range(piece_first[i], piece_first[i + 1]):
                    if usage[usage_first[q] + better] > usage[usage_first[q] + worse]:
                        possible = False
                        break
                if possible and _dominates(
                    better, worse, i, first, cost, edge_a, edge_b, edge_first, edge_cost, first_incident, incident,
                    alive,
                ):  # fmt: skip
                    alive[first[i] + worse] = False
                    break
    return alive
