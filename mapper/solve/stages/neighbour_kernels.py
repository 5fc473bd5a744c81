"""The compiled inner loop of the annealing over splits: single units, windows of the order and whole nets move."""

from __future__ import annotations

import numpy as np
from numba import njit

from mapper.solve.stages.scattered_units import Ints

FORBIDDEN = -1
LONGEST = 32
"""Most positions of the order in one window."""


@njit(cache=True, nogil=True)
def power(load: float, sharpness: int) -> float:
    """load to the power 2 ** sharpness."""
    for _ in range(sharpness):
        load *= load
    return load


@njit(cache=True, nogil=True)
def shift(u, to, device, loads, counts, spread, around_at, around, cost, time, kind, pays):  # type: ignore[no-untyped-def]
    """Put unit u on another device. Only the loads of the two devices change: others pay for its nets as before."""
    a = device[u]
    loads[a] -= time[kind[a], u]
    loads[to] += time[kind[to], u]
    for i in range(around_at[u], around_at[u + 1]):
        net = around[i]
        before = spread[net]
        counts[net, a] -= 1
        counts[net, to] += 1
        after = before
        if counts[net, a] == 0:
            after -= 1
        if counts[net, to] == 1:
            after += 1
        spread[net] = after
        if before > 1 and (counts[net, a] == 0 or after == 1) and pays[a]:
            loads[a] -= cost[net]
        if before == 1 and after > 1 and pays[a] and counts[net, a] > 0:
            loads[a] += cost[net]
        if pays[to]:
            paid = before > 1 and counts[net, to] > 1
            if after > 1 and not paid:
                loads[to] += cost[net]
            elif after == 1 and paid:
                loads[to] -= cost[net]
    device[u] = to


@njit(cache=True, nogil=True)
def tables(device, count, net_at, members, time, cost, kind, pays):  # type: ignore[no-untyped-def]
    """The loads, and for each net its units on each device and how many devices it touches."""
    nets = len(cost)
    counts = np.zeros((nets, count), dtype=np.int32)
    spread = np.zeros(nets, dtype=np.int32)
    loads = np.zeros(count, dtype=np.int64)
    for u in range(len(device)):
        loads[device[u]] += time[kind[device[u]], u]
    for net in range(nets):
        for i in range(net_at[net], net_at[net + 1]):
            counts[net, device[members[i]]] += 1
        for d in range(count):
            spread[net] += counts[net, d] > 0
        for d in range(count):
            if spread[net] > 1 and counts[net, d] > 0 and pays[d]:
                loads[d] += cost[net]
    return loads, counts, spread


@njit(cache=True, nogil=True)
def anneal(
    device: Ints,
    order: Ints,
    net_at: Ints,
    members: Ints,
    around_at: Ints,
    around: Ints,
    cost: Ints,
    time: Ints,
    size: Ints,
    kind: Ints,
    pays: Ints,
    memory: Ints,
    steps: int,
    hot: float,
    cold: float,
    sharpness: int,
    seed: int,
) -> tuple[Ints, int]:
    """The best split met while annealing from `device` (which is changed), and its largest load.

    The energy is the sum over devices of (load / largest load at the start) ** (2 ** sharpness); its temperature falls
    geometrically from `hot` to `cold`.
    """
    np.random.seed(seed)
    count = len(kind)
    units = len(device)
    loads, counts, spread = tables(device, count, net_at, members, time, cost, kind, pays)
    used = np.zeros(count, dtype=np.int64)
    for u in range(units):
        used[device[u]] += size[u]
    place = np.zeros(units, dtype=np.int64)
    for i in range(units):
        place[order[i]] = i
    best = device.copy()
    best_load = loads.max()
    reference = float(max(1, best_load))
    moved = np.zeros(units, dtype=np.int64)
    origin = np.zeros(units, dtype=np.int64)
    energy = 0.0
    for d in range(count):
        energy += power(loads[d] / reference, sharpness)
    cooling = (cold / hot) ** (1.0 / max(1, steps))
    heat = hot
    for _ in range(steps):
        heat *= cooling
        u = np.random.randint(units)
        a = device[u]
        to = np.random.randint(count)
        first, last = around_at[u], around_at[u + 1]
        net = -1
        if last > first:
            net = around[np.random.randint(first, last)]
        how = np.random.random()
        if net >= 0 and np.random.random() < 0.8:  # where a neighbour is
            to = device[members[np.random.randint(net_at[net], net_at[net + 1])]]
        if to == a:
            continue
        n = 0
        if how < 0.5:
            moved[0] = u
            n = 1
        elif how < 0.6 and net >= 0:
            for i in range(net_at[net], net_at[net + 1]):
                if device[members[i]] != to:
                    moved[n] = members[i]
                    n += 1
        elif how < 0.9:
            long = 1 + int(LONGEST ** np.random.random())
            for i in range(place[u], min(units, place[u] + long)):
                if device[order[i]] == a:
                    moved[n] = order[i]
                    n += 1
        else:
            moved[0] = u
            n = 1
            v = np.random.randint(units)
            if device[v] == to:
                moved[1] = v
                n = 2
        done = 0
        fits = True
        for i in range(n):
            v = moved[i]
            goal = to if device[v] != to else a
            if time[kind[goal], v] == FORBIDDEN or used[goal] + size[v] > memory[goal]:
                fits = False
                break
            origin[i] = device[v]
            used[goal] += size[v]
            used[device[v]] -= size[v]
            shift(v, goal, device, loads, counts, spread, around_at, around, cost, time, kind, pays)
            done += 1
        after = 0.0
        top = 0
        for d in range(count):
            after += power(loads[d] / reference, sharpness)
            top = max(top, loads[d])
        if fits and (after <= energy or np.random.random() < np.exp((energy - after) / heat)):
            energy = after
            if top < best_load:
                best_load = top
                best[:] = device
        else:
            for i in range(done - 1, -1, -1):
                v = moved[i]
                used[device[v]] -= size[v]
                used[origin[i]] += size[v]
                shift(v, origin[i], device, loads, counts, spread, around_at, around, cost, time, kind, pays)
    return best, best_load
