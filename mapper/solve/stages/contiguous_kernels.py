"""Compiled loops over ideals (downward-closed sets of units): all of them, and the best chain of them.

Dynamic programming over ideals: Tarnawski et al. (NeurIPS 2020). This module imports numba: import it inside functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

NONE = -1


@njit(cache=True, nogil=True)
def ideals(before: Any, keys: Any, sets: Any, starts: Any, added: Any, above: Any) -> int:
    """Fill in all ideals in order of size; how many, or -1 when there is no room for them.

    before: the units directly before each unit as bits [unit, word]. keys: a random word for each unit.
    sets [ideal, word] gets the ideals as bits; the ideals with one unit more than ideal i are above[starts[i] :
    starts[i + 1]], by the units added[...].
    """
    room, words = sets.shape
    units = before.shape[0]
    size = 1
    while size < 2 * room:
        size *= 2
    table = np.full(size, NONE, dtype=np.int32)
    hashes = np.zeros(room, dtype=np.uint64)
    mask = np.uint64(size - 1)
    sets[0, :] = 0
    found, edges, i = 1, 0, 0
    one = np.uint64(1)
    while i < found:
        starts[i] = edges
        for u in range(units):
            word, bit = u >> 6, one << np.uint64(u & 63)
            if sets[i, word] & bit:
                continue
            ready = True
            for w in range(words):
                if before[u, w] & ~sets[i, w]:
                    ready = False
                    break
            if not ready:
                continue
            key = hashes[i] ^ keys[u]
            at = key & mask
            j = NONE
            while table[at] != NONE:
                j = table[at]
                same = hashes[j] == key
                for w in range(words):
                    if not same:
                        break
                    want = sets[i, w] | bit if w == word else sets[i, w]
                    same = sets[j, w] == want
                if same:
                    break
                j = NONE
                at = (at + one) & mask
            if j == NONE:
                if found == room:
                    return -1
                j = found
                found += 1
                table[at] = j
                hashes[j] = key
                for w in range(words):
                    sets[j, w] = sets[i, w]
                sets[j, word] |= bit
            if edges == added.shape[0]:
                return -1
            added[edges] = u
            above[edges] = j
            edges += 1
        i += 1
    starts[i] = edges
    return found


@njit(cache=True, nogil=True)
def best_choice(
    k: int,
    cluster_at: Any,
    cluster_net: Any,
    cluster_work: Any,
    free_home: Any,
    free_readers: Any,
    free_width: Any,
    free_ticks: Any,
    heard: Any,
    inside: Any,
) -> Any:
    """The least ticks that a stage has from a cluster of free groups, whichever of them it takes.

    cluster_work[k, x]: the work of the groups x (bits). Nets of cluster k: cluster_net[cluster_at[k] : ...]; free_home:
    the place of the group that has net n, or -1 for a unit, which is in the stage if inside[n]; free_width[n] units
    read it, heard[n] of them in the stage, and the groups free_readers[n].
    """
    least = cluster_work[k, 0]
    for x in range(cluster_work.shape[1]):
        ticks = cluster_work[k, x]
        for e in range(cluster_at[k], cluster_at[k + 1]):
            n = cluster_net[e]
            readers = free_readers[n]
            if free_home[n] >= 0:
                if x >> free_home[n] & 1:
                    pays = readers & ~x != 0 or heard[n] < free_width[n]
                else:
                    pays = readers & x != 0 or heard[n] > 0
            elif inside[n]:
                pays = heard[n] == free_width[n] and readers & ~x != 0  # the units pay if one reads it elsewhere
            else:
                pays = heard[n] == 0 and readers & x != 0
            if pays:
                ticks += free_ticks[n]
        if x == 0 or ticks < least:
            least = ticks
    return least


@njit(cache=True, nogil=True)
def useful_states(
    i: int,
    upper: int,
    need: int,
    offer: Any,
    left: Any,
    strides: Any,
    best: Any,
    from_ideal: Any,
    from_class: Any,
    useful: Any,
    can: Any,
) -> int:
    """Fill in the states from which ideal i may go on, and the classes that they have left; how many states.

    Devices may stay empty; a state counts for nothing beside one with fewer devices and no larger load.
    """
    states, classes = left.shape
    for s in range(states):
        if best[i, s] >= upper:
            continue
        for c in range(classes):
            if left[s, c] > 0 and best[i, s] < best[i, s + strides[c]]:
                best[i, s + strides[c]] = best[i, s]
                from_ideal[i, s + strides[c]] = i
                from_class[i, s + strides[c]] = c
    kept = 0
    can[:] = False
    for s in range(states):
        if best[i, s] >= upper or need > offer[s]:
            continue
        new = True
        for c in range(classes):
            if left[s, c] < left[0, c] and best[i, s - strides[c]] <= best[i, s]:
                new = False
        if new:
            useful[kept] = s
            kept += 1
            for c in range(classes):
                if left[s, c] > 0:
                    can[c] = True
    return kept


@njit(cache=True, nogil=True)
def readers_in(i: int, sets: Any, read_at: Any, read: Any, count: Any) -> None:
    """Count how many readers of each net are in ideal i."""
    count[:] = 0
    for u in range(read_at.shape[0] - 1):
        if sets[i, u >> 6] >> np.uint64(u & 63) & np.uint64(1):
            for e in range(read_at[u], read_at[u + 1]):
                count[read[e]] += 1


@njit(cache=True, nogil=True)
def sweep(
    first: Any,
    steps: Any,
    sets: Any,
    starts: Any,
    added: Any,
    above: Any,
    times: Any,
    runs: Any,
    sizes: Any,
    memory: Any,
    pays: Any,
    home: Any,
    cost: Any,
    width: Any,
    owned_at: Any,
    owned: Any,
    read_at: Any,
    read: Any,
    hears_at: Any,
    hears: Any,
    has: Any,
    cluster_of: Any,
    cluster_at: Any,
    cluster_net: Any,
    cluster_work: Any,
    free_home: Any,
    free_readers: Any,
    free_width: Any,
    free_ticks: Any,
    strides: Any,
    left: Any,
    need: Any,
    offer: Any,
    upper: Any,
    best: Any,
    from_ideal: Any,
    from_class: Any,
    stamp: Any,
) -> tuple[int, int, int]:
    """Extend chains of stages from each ideal i >= first, until `steps` are done.

    best[i, s]: the least maximal load of devices s (mixed radix: strides[c] per device of class c, left[s, c] still
    unused) that together run ideal i; only chains with a load below `upper` are kept. need[i]: the least ticks of what
    is not in ideal i, offer[s]: what the devices that s leaves can do. Nets: home[n], cost[n], width[n] readers;
    owned[owned_at[u] : owned_at[u + 1]] the nets of unit u, read[...] those it reads.
    Free groups: unit u has (has[e]) or hears the nets hears[e], e from hears_at[u] on, of cluster cluster_of[n]; see
    `best_choice`.
    Returns the next ideal, the steps done, and the value of all devices for all units so far.
    """
    count = starts.shape[0] - 1
    classes, units = times.shape
    states = offer.shape[0]
    nets = home.shape[0]
    readers = np.zeros(nets, dtype=np.int32)
    outside = np.zeros(nets, dtype=np.int32)
    inside = np.zeros(nets, dtype=np.bool_)
    free_heard = np.zeros(free_home.shape[0], dtype=np.int32)
    free_inside = np.zeros(free_home.shape[0], dtype=np.bool_)
    choice = np.zeros(cluster_work.shape[0], dtype=np.int64)  # ticks of the best choice of each cluster
    path_unit = np.zeros(units + 1, dtype=np.int32)
    path_ideal = np.zeros(units + 1, dtype=np.int32)
    path_edge = np.zeros(units + 1, dtype=np.int64)
    time = np.zeros(classes, dtype=np.int64)
    stranger = np.zeros(classes, dtype=np.int32)  # units of the stage that the class cannot run
    useful = np.zeros(states, dtype=np.int32)
    can = np.zeros(classes, dtype=np.bool_)
    one = np.uint64(1)
    done = 0
    i = first
    while i < count - 1 and done < steps:
        kept = useful_states(i, upper, need[i], offer, left, strides, best, from_ideal, from_class, useful, can)
        if kept == 0:
            i += 1
            continue
        readers_in(i, sets, read_at, read, outside)
        readers[:] = 0
        inside[:] = False
        time[:] = 0
        stranger[:] = 0
        bytes_used = 0
        free_heard[:] = 0
        free_inside[:] = False
        choice[:] = 0
        extra = 0  # ticks of the best choices of all clusters
        moved, settled = 0, 0  # ticks of transfers of the stage; those that stay whatever else joins the stage
        depth = 0
        path_ideal[0] = i
        path_edge[0] = starts[i]
        stamp[i] = i
        while depth >= 0:
            at = path_edge[depth]
            if at < starts[path_ideal[depth] + 1]:
                path_edge[depth] = at + 1
                j = above[at]
                if stamp[j] == i:
                    continue
                stamp[j] = i
                done += 1
                u = added[at]
                for c in range(classes):
                    time[c] += times[c, u]
                    stranger[c] += not runs[c, u]
                bytes_used += sizes[u]
                for e in range(owned_at[u], owned_at[u + 1]):
                    n = owned[e]
                    inside[n] = True
                    if readers[n] > 0:
                        moved -= cost[n]
                    if readers[n] < width[n]:
                        moved += cost[n]
                    if outside[n] > 0:
                        settled += cost[n]
                for e in range(read_at[u], read_at[u + 1]):
                    n = read[e]
                    readers[n] += 1
                    if inside[n]:
                        if readers[n] == width[n]:
                            moved -= cost[n]
                    elif readers[n] == 1:
                        moved += cost[n]
                        h = home[n]
                        if sets[i, h >> 6] & (one << np.uint64(h & 63)):
                            settled += cost[n]
                for e in range(hears_at[u], hears_at[u + 1]):
                    n = hears[e]
                    if has[e]:
                        free_inside[n] = True
                    else:
                        free_heard[n] += 1
                for e in range(hears_at[u], hears_at[u + 1]):
                    k = cluster_of[hears[e]]
                    extra -= choice[k]
                    choice[k] = best_choice(
                        *(k, cluster_at, cluster_net, cluster_work, free_home, free_readers, free_width, free_ticks),
                        *(free_heard, free_inside),
                    )
                    extra += choice[k]
                depth += 1
                path_unit[depth] = u
                path_ideal[depth] = j
                path_edge[depth] = starts[j + 1]
                for c in range(classes):
                    if not can[c] or stranger[c] or bytes_used > memory[c]:
                        continue
                    least = time[c] + (settled if pays[c] else 0)
                    if least >= upper:
                        continue
                    path_edge[depth] = starts[j]  # the stage may grow
                    load = time[c] + (moved + extra if pays[c] else 0)
                    if load >= upper:
                        continue
                    for k in range(kept):
                        s = useful[k]
                        if left[s, c] == 0:
                            continue
                        t = s + strides[c]
                        value = max(best[i, s], load)
                        if value < best[j, t] and need[j] <= offer[t]:
                            best[j, t] = value
                            from_ideal[j, t] = i
                            from_class[j, t] = c
                if j == count - 1:
                    for s in range(states):
                        upper = min(upper, best[j, s])
                continue
            # Take back the last unit.
            if depth > 0:
                u = path_unit[depth]
                for e in range(read_at[u], read_at[u + 1]):
                    n = read[e]
                    if inside[n]:
                        if readers[n] == width[n]:
                            moved += cost[n]
                    elif readers[n] == 1:
                        moved -= cost[n]
                        h = home[n]
                        if sets[i, h >> 6] & (one << np.uint64(h & 63)):
                            settled -= cost[n]
                    readers[n] -= 1
                for e in range(owned_at[u], owned_at[u + 1]):
                    n = owned[e]
                    inside[n] = False
                    if readers[n] > 0:
                        moved += cost[n]
                    if readers[n] < width[n]:
                        moved -= cost[n]
                    if outside[n] > 0:
                        settled -= cost[n]
                for e in range(hears_at[u], hears_at[u + 1]):
                    n = hears[e]
                    if has[e]:
                        free_inside[n] = False
                    else:
                        free_heard[n] -= 1
                for e in range(hears_at[u], hears_at[u + 1]):
                    k = cluster_of[hears[e]]
                    extra -= choice[k]
                    choice[k] = best_choice(
                        *(k, cluster_at, cluster_net, cluster_work, free_home, free_readers, free_width, free_ticks),
                        *(free_heard, free_inside),
                    )
                    extra += choice[k]
                bytes_used -= sizes[u]
                for c in range(classes):
                    time[c] -= times[c, u]
                    stranger[c] -= not runs[c, u]
            depth -= 1
        i += 1
    return i, done, upper
