"""Compiled loops of the neighbourhood search: random induced trees, each chosen anew by an exact dynamic program."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from mapper.solve.selection.rows import Ints

Floats = npt.NDArray[np.float64]

WORK_OF_A_TREE = 60_000
"""Pairs of options that a tree may have along its edges, and options that it may have in all."""

WELL_CONNECTED = 64
"""A node with more neighbours is tried more rarely, and offers only so many of them for growing."""

COST, EXCESS, BEST, NOTED = range(4)
"""What a walk keeps in its state: cost, excess, least cost without excess, how much of the journal is in use."""


@njit(cache=True, nogil=True)
def fields(
    first: Ints, cost: Ints, edge_a: Ints, edge_b: Ints, edge_first: Ints, edge_cost: Ints, choice: Ints, field: Ints
) -> None:
    """Sets `field`: what each option costs, itself and by its edges, given the choice of all other nodes."""
    field[:] = cost
    for edge in range(len(edge_a)):
        a, b = edge_a[edge], edge_b[edge]
        rows, columns = first[a + 1] - first[a], first[b + 1] - first[b]
        base = edge_first[edge]
        for k in range(rows):
            field[first[a] + k] += edge_cost[base + k * columns + choice[b]]
        for j in range(columns):
            field[first[b] + j] += edge_cost[base + choice[a] * columns + j]


@njit(cache=True, nogil=True)
def _grow(
    target: int, root: int, first: Ints, first_incident: Ints, incident: Ints, edge_a: Ints, edge_b: Ints, stamp: int,
    marks: Ints, nodes: Ints, parent: Ints, link: Ints, at: Ints, front: Ints,
) -> tuple[int, int]:  # fmt: skip
    """Grows a random induced tree from a root: its nodes have no edges but those of child and parent. Size, work."""
    count, fronts, cells, work = 0, 1, 0, 0
    front[0, 0], front[0, 1], front[0, 2] = root, -1, -1
    while fronts > 0 and count < target:
        pick = np.random.randint(fronts)
        node, up, via = front[pick, 0], front[pick, 1], front[pick, 2]
        fronts -= 1
        front[pick, 0], front[pick, 1], front[pick, 2] = front[fronts, 0], front[fronts, 1], front[fronts, 2]
        if marks[node] == stamp:
            continue
        degree, width = first_incident[node + 1] - first_incident[node], first[node + 1] - first[node]
        if up >= 0:
            more = width * (first[nodes[up] + 1] - first[nodes[up]])
            if at[count] + width > WORK_OF_A_TREE:
                continue
            if cells + more > WORK_OF_A_TREE and (cells > 0 or np.random.random() * more > WORK_OF_A_TREE):
                continue
            if degree > WELL_CONNECTED and np.random.random() * degree > WELL_CONNECTED:
                continue
            touching = 0
            for q in range(first_incident[node], first_incident[node + 1]):
                edge = incident[q]
                if marks[edge_a[edge] + edge_b[edge] - node] == stamp:
                    touching += 1
                    if touching > 1:
                        break
            work += degree
            if touching > 1:
                continue
            cells += more
        marks[node] = stamp
        nodes[count], parent[count], link[count] = node, up, via
        at[count + 1] = at[count] + width
        begin = np.random.randint(degree) if degree > WELL_CONNECTED else 0
        for s in range(min(degree, WELL_CONNECTED)):
            edge = incident[first_incident[node] + (begin + s) % degree]
            other = edge_a[edge] + edge_b[edge] - node
            if marks[other] != stamp and fronts < len(front) and first[other + 1] - first[other] > 1:
                front[fronts, 0], front[fronts, 1], front[fronts, 2] = other, count, edge
                fronts += 1
        count += 1
    return count, work + cells + 4 * at[count] + 50


@njit(cache=True, nogil=True)
def _choose(
    count: int, factor: float, noise: float, price: Floats, first: Ints, edge_a: Ints, edge_first: Ints,
    edge_cost: Ints, nodes: Ints, parent: Ints, link: Ints, at: Ints, choice: Ints, field: Ints, value: Ints,
    fresh: Ints,
) -> None:  # fmt: skip
    """Sets `fresh`: the tree's best options given all others, by cost + factor * price + noise."""
    for s in range(count):
        f = first[nodes[s]]
        for k in range(at[s + 1] - at[s]):
            value[at[s] + k] = field[f + k] + np.int64(factor * price[f + k])
        if noise > 0:
            for k in range(at[s], at[s + 1]):
                value[k] += np.int64(-noise * math.log(1.0 - np.random.random()))
    for s in range(count - 1, 0, -1):
        up, edge = parent[s], link[s]
        width, wide = at[s + 1] - at[s], at[up + 1] - at[up]
        mine, theirs, base = at[s], at[up], edge_first[edge]
        now, above = choice[nodes[s]], choice[nodes[up]]
        if edge_a[edge] == nodes[s]:
            for k in range(width):
                value[mine + k] -= edge_cost[base + k * wide + above]
            for j in range(wide):
                least = value[mine] + edge_cost[base + j]
                for k in range(1, width):
                    least = min(least, value[mine + k] + edge_cost[base + k * wide + j])
                value[theirs + j] += least - edge_cost[base + now * wide + j]
        else:
            for k in range(width):
                value[mine + k] -= edge_cost[base + above * width + k]
            for j in range(wide):
                row = base + j * width
                least = value[mine] + edge_cost[row]
                for k in range(1, width):
                    least = min(least, value[mine + k] + edge_cost[row + k])
                value[theirs + j] += least - edge_cost[row + now]
    fresh[0] = np.argmin(value[: at[1]])
    for s in range(1, count):
        up, width = parent[s], at[s + 1] - at[s]
        if edge_a[link[s]] == nodes[s]:
            base, step = edge_first[link[s]] + fresh[up], at[up + 1] - at[up]
        else:
            base, step = edge_first[link[s]] + fresh[up] * width, 1
        best = 0
        least = value[at[s]] + edge_cost[base]
        for k in range(1, width):
            candidate = value[at[s] + k] + edge_cost[base + k * step]
            if candidate < least:
                best, least = k, candidate
        fresh[s] = best


@njit(cache=True, nogil=True)
def _difference(
    count: int, first: Ints, edge_a: Ints, edge_first: Ints, edge_cost: Ints, nodes: Ints, parent: Ints, link: Ints,
    choice: Ints, field: Ints, fresh: Ints,
) -> tuple[int, int]:  # fmt: skip
    """How many nodes of the tree change, and by how much the cost does."""
    changed, delta = 0, 0
    for s in range(count):
        node = nodes[s]
        new, old = fresh[s], choice[node]
        if new == old:
            continue
        changed += 1
        delta += field[first[node] + new] - field[first[node] + old]
        if s == 0:
            continue
        up = nodes[parent[s]]
        above, before = fresh[parent[s]], choice[up]
        if above != before:
            base = edge_first[link[s]]
            if edge_a[link[s]] == node:
                mine, its = first[up + 1] - first[up], 1
            else:
                mine, its = 1, first[node + 1] - first[node]
            delta += edge_cost[base + new * mine + above * its] - edge_cost[base + new * mine + before * its]
            delta += edge_cost[base + old * mine + before * its] - edge_cost[base + old * mine + above * its]
    return changed, delta


@njit(cache=True, nogil=True)
def _load(
    count: int, sign: int, piece_first: Ints, piece_start: Ints, piece_end: Ints, usage_first: Ints, usage: Ints,
    limit: Ints, nodes: Ints, choice: Ints, fresh: Ints, load: Ints,
) -> tuple[int, int]:  # fmt: skip
    """Puts the usages of a tree's new options in the place of its old ones (sign -1: takes it back). Excess, work."""
    more, work = 0, 0
    for s in range(count):
        node = nodes[s]
        if fresh[s] == choice[node]:
            continue
        for q in range(piece_first[node], piece_first[node + 1]):
            extra = sign * (usage[usage_first[q] + fresh[s]] - usage[usage_first[q] + choice[node]])
            if extra != 0:
                for t in range(piece_start[q], piece_end[q]):
                    over = load[t] - limit[t]
                    more += max(over + extra, 0) - max(over, 0)
                    load[t] += extra
                work += (piece_end[q] - piece_start[q]) // 2
    return more, work


@njit(cache=True, nogil=True)
def rolled_back(choice: Ints, journal: Ints, noted: int, best: Ints) -> None:
    """Sets `best` to the choice before the changes that the journal notes: pairs of a node and its option before."""
    best[:] = choice
    for q in range(noted - 2, -1, -2):
        best[journal[q]] = journal[q + 1]


@njit(cache=True, nogil=True)
def _take(
    count: int, first: Ints, first_incident: Ints, incident: Ints, edge_a: Ints, edge_b: Ints, edge_first: Ints,
    edge_cost: Ints, nodes: Ints, fresh: Ints, choice: Ints, field: Ints, state: Ints, journal: Ints, best: Ints,
) -> int:  # fmt: skip
    """Changes the choice and the fields of the neighbours; returns the work."""
    work = 0
    for s in range(count):
        node = nodes[s]
        new, old = fresh[s], choice[node]
        if new == old:
            continue
        if state[NOTED] + 2 > len(journal):
            rolled_back(choice, journal, state[NOTED], best)
            state[NOTED] = -1
        elif state[NOTED] >= 0:
            journal[state[NOTED]], journal[state[NOTED] + 1] = node, old
            state[NOTED] += 2
        choice[node] = new
        for q in range(first_incident[node], first_incident[node + 1]):
            edge = incident[q]
            base = edge_first[edge]
            other = edge_a[edge] + edge_b[edge] - node
            f, width = first[other], first[other + 1] - first[other]
            if edge_a[edge] == node:
                for k in range(width):
                    field[f + k] += edge_cost[base + new * width + k] - edge_cost[base + old * width + k]
            else:
                columns = first[node + 1] - first[node]
                for k in range(width):
                    field[f + k] += edge_cost[base + k * columns + new] - edge_cost[base + k * columns + old]
            work += width
    return work


@njit(cache=True, nogil=True)
def anneal(
    most_work: int, seed: int, hot: float, cold: float, largest: int, penalty: float, free: Ints, price: Floats,
    first: Ints, first_incident: Ints, incident: Ints, edge_a: Ints, edge_b: Ints, edge_first: Ints, edge_cost: Ints,
    piece_first: Ints, piece_start: Ints, piece_end: Ints, usage_first: Ints, usage: Ints, limit: Ints,
    choice: Ints, best: Ints, field: Ints, load: Ints, state: Ints, journal: Ints,
) -> tuple[int, float]:  # fmt: skip
    """Walks over choices for that much work, the temperature falling from hot to cold; the work, and the mean cost.

    A tree of log-uniform size up to `largest` gets its best options, given the others and a random part of the prices
    of memory; the change is taken by the rule of Metropolis, an excess of memory costs `penalty` each.
    """
    np.random.seed(seed)
    widest = 0
    for node in range(len(first) - 1):
        widest = max(widest, first[node + 1] - first[node])
    nodes, parent, link = np.empty(largest, np.int64), np.empty(largest, np.int64), np.empty(largest, np.int64)
    at, fresh = np.zeros(largest + 1, np.int64), np.empty(largest, np.int64)
    front = np.empty((WELL_CONNECTED * (largest + 1), 3), np.int64)
    marks = np.zeros(len(first) - 1, np.int64)
    value = np.empty(WORK_OF_A_TREE + widest, np.int64)
    work, moves, mean = 0, 0, 0.0
    while work < most_work:
        moves += 1
        heat = hot * (cold / hot) ** (work / most_work)
        target = int(math.exp(np.random.random() * math.log(largest + 0.999)))
        root = free[np.random.randint(len(free))]
        count, cells = _grow(
            target, root, first, first_incident, incident, edge_a, edge_b, moves, marks, nodes, parent, link, at, front
        )
        work += cells
        factor = math.exp(np.random.standard_normal())
        noise = heat if np.random.random() < 0.5 else 0.0
        _choose(
            count, factor, noise, price, first, edge_a, edge_first, edge_cost, nodes, parent, link, at, choice, field,
            value, fresh,
        )  # fmt: skip
        changed, delta = _difference(
            count, first, edge_a, edge_first, edge_cost, nodes, parent, link, choice, field, fresh
        )
        mean += (state[COST] - mean) / moves
        threshold = -heat * math.log(1.0 - np.random.random())
        if changed == 0 or (state[EXCESS] == 0 and delta > threshold):
            continue
        more, cells = _load(
            count, 1, piece_first, piece_start, piece_end, usage_first, usage, limit, nodes, choice, fresh, load
        )
        work += cells
        if delta + penalty * more > threshold:
            _load(count, -1, piece_first, piece_start, piece_end, usage_first, usage, limit, nodes, choice, fresh, load)
            continue
        work += _take(
            count, first, first_incident, incident, edge_a, edge_b, edge_first, edge_cost, nodes, fresh, choice, field,
            state, journal, best,
        )  # fmt: skip
        state[COST] += delta
        state[EXCESS] += more
        if state[EXCESS] == 0 and state[COST] < state[BEST]:
            state[BEST] = state[COST]
            state[NOTED] = 0
    return work, mean
