"""The loops of the reductions, compiled; the caller makes what they write into, which spares most of the compiling."""

from __future__ import annotations

from numba import njit

from mapper.solve.selection.rows import Flags, Ints

F = 10**18  # FORBIDDEN; compiled code takes a constant of its own module


@njit(cache=True, nogil=True)
def arc_consistent(
    first: Ints, edge_a: Ints, edge_b: Ints, edge_first: Ints, edge_cost: Ints, first_incident: Ints, incident: Ints,
    alive: Flags, queue: Ints, waiting: Flags, count: int,
) -> int:  # fmt: skip
    """Clears alive[options] where an edge leaves no partner; returns a node that loses its last option, or -1.

    queue: room for all edges, the first `count` to be looked at, those flagged in `waiting` (AC-3, Mackworth 1977).
    """
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
                alive[fa + i] = supported
                left |= supported
                lost |= not supported
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
def gather_edges(
    new_a: Ints, new_b: Ints, width: Ints, begins: Ints, edge_cost: Ints, rows: Ints, columns: Ints, option: Ints,
    first: Ints, cost: Ints, target: Ints, edge_first: Ints, entries: Ints,
) -> None:  # fmt: skip
    """Adds the old edges to the entries of the new ones, or to the cost of the node that holds both ends (target < 0).

    Old edge e of `width` columns joins the new nodes new_a and new_b, whose options mean option[rows[e]...] and
    option[columns[e]...] of its ends.
    """
    for e in range(len(new_a)):
        a, b = new_a[e], new_b[e]
        na, nb = first[a + 1] - first[a], first[b + 1] - first[b]
        inside = target[e] < 0
        step_a, step_b = (nb, 1) if a < b else (1, na)
        for i in range(na):
            row = begins[e] + option[rows[e] + i] * width[e]
            if inside:
                c = edge_cost[row + option[columns[e] + i]]
                cost[first[a] + i] = F if c >= F or cost[first[a] + i] >= F else cost[first[a] + i] + c
                continue
            to = edge_first[target[e]] + i * step_a
            for j in range(nb):
                c = edge_cost[row + option[columns[e] + j]]
                entries[to] = F if c >= F or entries[to] >= F else entries[to] + c
                to += step_b


@njit(cache=True, nogil=True)
def settle(
    first: Ints, cost: Ints, edge_a: Ints, edge_b: Ints, edge_first: Ints, edge_cost: Ints, additive: Flags
) -> None:
    """Flags edges that are a cost of a's option plus one of b's, and adds those to cost."""
    for e in range(len(edge_a)):
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
        base = edge_cost[at]
        if ka == 1:
            a, b, ka, kb = b, a, kb, 1
        for i in range(ka):
            c = edge_cost[at + i * kb]
            cost[first[a] + i] = F if c >= F or cost[first[a] + i] >= F else cost[first[a] + i] + c
        for j in range(1, kb):  # no cost is forbidden here, or kb is 1
            cost[first[b] + j] = min(cost[first[b] + j] + edge_cost[at + j] - base, F)


@njit(cache=True, nogil=True)
def undominated(
    first: Ints, cost: Ints, piece_first: Ints, usage_first: Ints, usage: Ints, edge_a: Ints, edge_b: Ints,
    edge_first: Ints, edge_cost: Ints, first_incident: Ints, incident: Ints, sampled: Ints, alive: Flags,
) -> None:  # fmt: skip
    """Clears alive[options] of dominated options, one after another; sampled: costs of options under some choices."""
    for i in range(len(first) - 1):
        fi, k = first[i], first[i + 1] - first[i]
        for pair in range(k * k):
            worse, better = fi + pair // k, fi + pair % k
            if worse == better or not alive[worse] or not alive[better]:
                continue
            stands_in = True
            for s in range(sampled.shape[1]):
                if sampled[better, s] > sampled[worse, s]:
                    stands_in = False
                    break
            if not stands_in:
                continue
            for q in range(piece_first[i], piece_first[i + 1]):
                if usage[usage_first[q] + better - fi] > usage[usage_first[q] + worse - fi]:
                    stands_in = False
                    break
            total = cost[better] - cost[worse]
            for at in range(first_incident[i], first_incident[i + 1]):
                if not stands_in:
                    break
                e = incident[at]
                ahead = edge_a[e] == i
                other = edge_b[e] if ahead else edge_a[e]
                count = first[other + 1] - first[other]
                step, row = (1, count) if ahead else (k, 1)
                most = -F
                for j in range(count):
                    against = edge_cost[edge_first[e] + (worse - fi) * row + j * step]
                    if not alive[first[other] + j] or against >= F:
                        continue
                    mine = edge_cost[edge_first[e] + (better - fi) * row + j * step]
                    if mine >= F:
                        stands_in = False
                        break
                    most = max(most, mine - against)
                if most > -F:
                    total += most
            if stands_in and total <= 0:
                alive[worse] = False


@njit(cache=True, nogil=True)
def implied_by_neighbours(
    first: Ints, owner: Ints, start: Ints, end: Ints, usage_first: Ints, usage: Ints, limit: Ints, starting: Ints,
    ending: Ints, starting_first: Ints, ending_first: Ints, after: Ints, before: Ints, queue: Ints, waiting: Flags,
    difference: Ints, touched: Ints, gone: Flags,
) -> None:  # fmt: skip
    """Flags rows implied by the next or the last row that stays: no choice is further above the limit here than there.

    starting, ending: pieces by the row at which they start and end, those of row r from starting_first[r] on. after,
    before, queue, waiting: all rows. difference: a zero per option. touched: room for the pieces that start or end
    between two rows; rows with more are not compared.
    """
    rows = len(limit)
    head, count = 0, rows
    while count:
        r = queue[head]
        head = (head + 1) % rows
        count -= 1
        waiting[r] = False
        for side in range(2):
            s = after[r] if side == 0 else before[r]
            if s < 0 or s >= rows or gone[r]:
                continue
            low, high = min(r, s), max(r, s)
            events = starting_first[high + 1] - starting_first[low + 1] + ending_first[high + 1] - ending_first[low + 1]
            if events > len(touched):
                continue
            nodes = 0
            for event in range(events):
                opening = event < starting_first[high + 1] - starting_first[low + 1]
                at = starting_first[low + 1] + event
                q = starting[at] if opening else ending[at - starting_first[high + 1] + ending_first[low + 1]]
                if start[q] > low and end[q] <= high:
                    continue
                # what starts in between is used in the high row alone, what ends in between in the low row
                sign = 1 if opening == (r == high) else -1
                touched[nodes] = owner[q]
                nodes += 1
                for o in range(usage_first[q + 1] - usage_first[q]):
                    difference[first[owner[q]] + o] += sign * usage[usage_first[q] + o]
            more = 0
            for x in range(nodes):
                most = difference[first[touched[x]]]
                for o in range(first[touched[x]], first[touched[x] + 1]):
                    most = max(most, difference[o])
                for o in range(first[touched[x]], first[touched[x] + 1]):
                    difference[o] = 0
                more += most
            if more > limit[r] - limit[s]:
                continue
            gone[r] = True
            for side_of in range(2):
                other = before[r] if side_of == 0 else after[r]
                if 0 <= other < rows:
                    if side_of == 0:
                        after[other] = after[r]
                    else:
                        before[other] = before[r]
                    if not waiting[other]:
                        waiting[other] = True
                        queue[(head + count) % rows] = other
                        count += 1
