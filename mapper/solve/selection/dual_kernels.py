"""Compiled loops of the dual bound: message passes over all edges, and the exact value of what they reach."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from mapper.solve.selection.problem import FORBIDDEN
from mapper.solve.selection.rows import Ints

Floats = npt.NDArray[np.float64]
Numbers = Floats | Ints

NONE = 2**62
"""The least value of a node or an edge of which everything is forbidden."""


@njit(cache=True, nogil=True)
def add_prices(
    owner: Ints, start: Ints, end: Ints, usage_first: Ints, usage: Ints, first: Ints, sums: Numbers, into: Numbers
) -> None:
    """Adds to each option its usages times the prices of their rows; sums[r]: the prices of all rows before r."""
    for piece in range(len(owner)):
        price = sums[end[piece]] - sums[start[piece]]
        if price != 0:
            at = first[owner[piece]]
            begin = usage_first[piece]
            for k in range(usage_first[piece + 1] - begin):
                into[at + k] += price * usage[begin + k]


@njit(cache=True, nogil=True)
def sweep(
    ahead: bool, first: Ints, unary: Floats, edge_a: Ints, edge_b: Ints, edge_first: Ints, edge_cost: Ints,
    first_incident: Ints, incident: Ints, message_first: Ints, message: Floats, most: float, choice: Ints,
) -> float:  # fmt: skip
    """One pass of TRW-S over the nodes, ascending when `ahead`, else descending; returns the bound that it reaches.

    message: for each edge what b tells the options of a, then what a tells those of b. choice: the best option of each
    node by what it has been told.
    """
    nodes = len(first) - 1
    widest = 0
    for node in range(nodes):
        widest = max(widest, first[node + 1] - first[node])
    belief, share, sent = np.empty(widest), np.empty(widest), np.empty(widest)
    total = 0.0
    for step in range(nodes):
        node = step if ahead else nodes - 1 - step
        at, count = first[node], first[node + 1] - first[node]
        for k in range(count):
            belief[k] = unary[at + k]
        onward = 0
        for q in range(first_incident[node], first_incident[node + 1]):
            edge = incident[q]
            is_a = edge_a[edge] == node
            mine = message_first[edge]
            if is_a == ahead:
                onward += 1
            if not is_a:
                other = edge_a[edge]
                mine += first[other + 1] - first[other]
            for k in range(count):
                belief[k] += message[mine + k]
        best = 0
        for k in range(1, count):
            if belief[k] < belief[best]:
                best = k
        choice[node] = best
        weight = 1.0 / max(onward, first_incident[node + 1] - first_incident[node] - onward, 1)
        total += belief[best] * (1.0 - onward * weight)
        if onward == 0:
            continue
        for q in range(first_incident[node], first_incident[node + 1]):
            edge = incident[q]
            is_a = edge_a[edge] == node
            if is_a != ahead:
                continue
            other = edge_b[edge] if is_a else edge_a[edge]
            width = first[other + 1] - first[other]
            mine = message_first[edge] if is_a else message_first[edge] + width
            theirs = message_first[edge] + count if is_a else message_first[edge]
            for k in range(count):
                share[k] = weight * belief[k] - message[mine + k]
            if is_a:
                for j in range(width):
                    sent[j] = np.inf
                for k in range(count):
                    row = edge_first[edge] + k * width
                    value = share[k]
                    for j in range(width):
                        sent[j] = min(sent[j], value + edge_cost[row + j])
            else:
                for j in range(width):
                    row = edge_first[edge] + j * count
                    least = np.inf
                    for k in range(count):
                        least = min(least, share[k] + edge_cost[row + k])
                    sent[j] = least
            least = sent[0]
            for j in range(1, width):
                least = min(least, sent[j])
            total += least
            for j in range(width):
                message[theirs + j] = min(sent[j] - least, most)
    return total


@njit(cache=True, nogil=True)
def spread(
    first: Ints, unary: Floats, edge_a: Ints, edge_b: Ints, first_incident: Ints, incident: Ints, message_first: Ints,
    message: Floats, scale: float, room: float, parts: Ints,
) -> None:  # fmt: skip
    """What each node gives to its edges after a sweep ahead, in units of 1 / scale; laid out like message.

    Everything a node gives stays within `room`, so that no sum leaves 64 bits; any values make a valid bound.
    """
    for node in range(len(first) - 1):
        count = first[node + 1] - first[node]
        degree = first_incident[node + 1] - first_incident[node]
        onward = 0
        for q in range(first_incident[node], first_incident[node + 1]):
            onward += edge_a[incident[q]] == node
        weight = 1.0 / max(onward, degree - onward, 1)
        bar = room / (degree + 1)
        for k in range(count):
            belief = unary[first[node] + k]
            for q in range(first_incident[node], first_incident[node + 1]):
                edge = incident[q]
                mine = message_first[edge]
                if edge_a[edge] != node:
                    mine += first[edge_a[edge] + 1] - first[edge_a[edge]]
                belief += message[mine + k]
            for q in range(first_incident[node], first_incident[node + 1]):
                edge = incident[q]
                mine = message_first[edge]
                if edge_a[edge] != node:
                    mine += first[edge_a[edge] + 1] - first[edge_a[edge]]
                    given = -message[mine + k]
                else:
                    given = weight * belief - message[mine + k]
                parts[mine + k] = np.int64(min(max(given * scale, -bar), bar))


@njit(cache=True, nogil=True)
def minima(
    first: Ints, cost: Ints, extra: Ints, edge_a: Ints, edge_b: Ints, edge_first: Ints, edge_cost: Ints,
    message_first: Ints, parts: Ints, shift: int, least: Ints,
) -> None:  # fmt: skip
    """The least value of each node, then of each edge, in units of 2^-shift: costs, and what nodes give to edges.

    extra: what an option costs besides (the prices of its memory), in that unit.
    """
    nodes = len(first) - 1
    value = extra.copy()
    for k in range(len(cost)):
        value[k] += min(cost[k], FORBIDDEN >> shift) << shift
    for edge in range(len(edge_a)):
        a, b = edge_a[edge], edge_b[edge]
        rows, columns = first[a + 1] - first[a], first[b + 1] - first[b]
        mine = message_first[edge]
        theirs = mine + rows
        low = NONE
        for k in range(rows):
            value[first[a] + k] -= parts[mine + k]
            row = edge_first[edge] + k * columns
            for j in range(columns):
                if edge_cost[row + j] < FORBIDDEN:
                    low = min(low, (edge_cost[row + j] << shift) + parts[mine + k] + parts[theirs + j])
        for j in range(columns):
            value[first[b] + j] -= parts[theirs + j]
        least[nodes + edge] = low
    for node in range(nodes):
        low = NONE
        for k in range(first[node], first[node + 1]):
            if cost[k] < FORBIDDEN:
                low = min(low, value[k])
        least[node] = low
