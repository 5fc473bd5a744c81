"""The loops over rows of memory, compiled: which rows are kept whenever another one is."""

from __future__ import annotations

import numpy as np
from numba import njit

from mapper.solve.selection.rows import Flags, Ints


@njit(cache=True, nogil=True)
def implied_by_neighbours(
    first: Ints, owner: Ints, start: Ints, end: Ints, usage_first: Ints, usage: Ints, limit: Ints, starting: Ints,
    ending: Ints, starting_first: Ints, ending_first: Ints, most_events: int,
) -> Flags:  # fmt: skip
    """Rows that the next or the last row that stays implies: max over choices of (load - load there) <= limit - limit.

    starting, ending: pieces by the row at which they start and end, those of row r from starting_first[r] on. Rows with
    more than most_events events between them are not compared.
    """
    rows = len(limit)
    after, before = np.arange(1, rows + 1), np.arange(-1, rows - 1)
    gone = np.zeros(rows, np.bool_)
    difference = np.zeros(first[-1], np.int64)
    touched = np.empty(2 * most_events + 2, np.int64)
    queue = np.arange(rows)
    waiting = np.ones(rows, np.bool_)
    head, count = 0, rows
    while count:
        r = queue[head]
        head = (head + 1) % rows
        count -= 1
        waiting[r] = False
        for side in range(2):
            s = after[r] if side == 0 else before[r]
            if s < 0 or s >= rows:
                continue
            low, high = min(r, s), max(r, s)
            events = starting_first[high + 1] - starting_first[low + 1] + ending_first[high + 1] - ending_first[low + 1]
            if events > most_events:
                continue
            if _most_more(
                r, low, high, first, owner, start, end, usage_first, usage, starting, ending, starting_first,
                ending_first, difference, touched,
            ) <= limit[r] - limit[s]:  # fmt: skip
                gone[r] = True
                if before[r] >= 0:
                    after[before[r]] = after[r]
                if after[r] < rows:
                    before[after[r]] = before[r]
                for other in (before[r], after[r]):
                    if 0 <= other < rows and not waiting[other]:
                        waiting[other] = True
                        queue[(head + count) % rows] = other
                        count += 1
                break
    return gone


@njit(cache=True, nogil=True)
def _most_more(
    r: int, low: int, high: int, first: Ints, owner: Ints, start: Ints, end: Ints, usage_first: Ints, usage: Ints,
    starting: Ints, ending: Ints, starting_first: Ints, ending_first: Ints, difference: Ints, touched: Ints,
) -> int:  # fmt: skip
    """How much more a choice can use of row r than of the other of rows low and high; `difference` is 0 throughout."""
    nodes = 0
    for kind in range(2):
        events, event_first = (starting, starting_first) if kind == 0 else (ending, ending_first)
        for at in range(event_first[low + 1], event_first[high + 1]):
            q = events[at]
            if start[q] > low and end[q] <= high:
                continue
            # a piece that starts in between holds high, one that ends in between holds low
            sign = 1 if (kind == 0) == (r == high) else -1
            node = owner[q]
            base = first[node]
            k = first[node + 1] - base
            touched[nodes] = node
            nodes += 1
            for o in range(k):
                difference[base + o] += sign * usage[usage_first[q] + o]
    total = 0
    for x in range(nodes):
        base, stop = first[touched[x]], first[touched[x] + 1]
        most = difference[base]
        for o in range(base, stop):
            most = max(most, difference[o])
        total += most
        for o in range(base, stop):
            difference[o] = 0
    return total
