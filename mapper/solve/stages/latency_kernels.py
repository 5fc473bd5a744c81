"""Compiled annealing of one call for each accelerator. This module imports numba: import it inside functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

NEVER = np.int64(2**62)


@njit(cache=True, nogil=True)
def latency(device: Any, host: int, times: Any, transfer: Any, out_at: Any, out: Any, work: Any) -> Any:
    """Ticks until all is done; NEVER where calls wait for each other.

    device: of each node, `host` for the host. times [device, node]. Readers of node i: out[out_at[i] : out_at[i + 1]].
    work: room for int64 [7, nodes + devices].
    """
    nodes, devices = device.shape[0], times.shape[0]
    parts = nodes + devices  # node i on the host is part i, the call of device d is part nodes + d
    waits, ready, ticks, queue, first, following, stamp = work[0], work[1], work[2], work[3], work[4], work[5], work[6]
    waits[:parts] = 0
    ready[:parts] = 0
    ticks[:parts] = 0
    first[:parts] = -1
    stamp[:parts] = -1
    for i in range(nodes):
        d = device[i]
        mine = i if d == host else nodes + d
        ticks[mine] += times[d, i]
        following[i] = first[mine]
        first[mine] = i
        sent = False
        for e in range(out_at[i], out_at[i + 1]):
            other = device[out[e]]
            reader = out[e] if other == host else nodes + other
            if reader == mine:
                continue
            waits[reader] += 1
            sent = True
            if other != host and stamp[reader] != i:
                stamp[reader] = i
                ticks[reader] += transfer[i]
        if sent and d != host:
            ticks[mine] += transfer[i]
    head, tail, alive = 0, 0, 0
    for p in range(parts):
        if first[p] >= 0:
            alive += 1
            if waits[p] == 0:
                queue[tail] = p
                tail += 1
    last = np.int64(0)
    while head < tail:
        p = queue[head]
        head += 1
        end = ready[p] + ticks[p]
        last = max(last, end)
        i = first[p]
        while i >= 0:
            for e in range(out_at[i], out_at[i + 1]):
                j = out[e]
                q = j if device[j] == host else nodes + device[j]
                if q == p:
                    continue
                ready[q] = max(ready[q], end)
                waits[q] -= 1
                if waits[q] == 0:
                    queue[tail] = q
                    tail += 1
            i = following[i]
    return last if head == alive else NEVER


@njit(cache=True, nogil=True)
def anneal(
    seed: int,
    steps: int,
    hot: float,
    cold: float,
    device: Any,
    host: int,
    times: Any,
    transfer: Any,
    out_at: Any,
    out: Any,
    group_of: Any,
    member_at: Any,
    member: Any,
    near_at: Any,
    near: Any,
    rank: Any,
    sizes: Any,
    memory: Any,
    allowed: Any,
    best: Any,
) -> tuple[int, int]:
    """Improve `device` in place; the best assignment goes to `best`. Returns its ticks and those of the last one.

    A move takes some tied groups of a device to that of a neighbour, to an idle one or to the host: a connected bunch,
    or the first or the last of a call. Ticks are accepted as in simulated annealing, `hot` and `cold` being ticks.
    rank: of each group in a topological order. near: the neighbours of groups. allowed [device, group].
    """
    np.random.seed(seed)
    nodes, devices, groups = device.shape[0], times.shape[0], rank.shape[0]
    work = np.zeros((7, nodes + devices), dtype=np.int64)
    used = np.zeros(devices, dtype=np.int64)
    count = np.zeros(devices, dtype=np.int64)
    at = np.zeros(groups, dtype=np.int32)
    for g in range(groups):
        at[g] = device[member[member_at[g]]]
        used[at[g]] += sizes[g]
        count[at[g]] += 1
    now = latency(device, host, times, transfer, out_at, out, work)
    least = now
    best[:] = device
    moved = np.zeros(groups, dtype=np.int32)
    taken = np.full(groups, -1, dtype=np.int64)
    cooling = (cold / hot) ** (1.0 / max(1, steps))
    heat = hot
    for step in range(steps):
        heat *= cooling
        g = np.random.randint(groups)
        home = at[g]
        # Where to.
        kind = np.random.randint(10)
        target = host
        if kind > 1 and near_at[g + 1] > near_at[g]:
            target = at[near[np.random.randint(near_at[g], near_at[g + 1])]]
        elif kind == 1:
            d = np.random.randint(devices)
            target = d if count[d] == 0 else host
        if target == home or target < 0:
            continue
        # Which groups.
        most = 1 << np.random.randint(6)
        size = sizes[g]
        moved[0] = g
        taken[g] = step
        n = 1
        if kind % 3 == 0 and home != host:  # all of the call from g on, or all up to g
            later = np.random.randint(2) == 0
            for h in range(groups):
                if at[h] == home and h != g and (rank[h] > rank[g]) == later:
                    moved[n] = h
                    n += 1
                    size += sizes[h]
        else:
            i = 0
            while i < n and n < most:
                h = moved[i]
                for e in range(near_at[h], near_at[h + 1]):
                    o = near[e]
                    if n < most and at[o] == home and taken[o] != step:
                        taken[o] = step
                        moved[n] = o
                        n += 1
                        size += sizes[o]
                i += 1
        if target != host and used[target] + size > memory[target]:
            continue
        fine = True
        for i in range(n):
            if not allowed[target, moved[i]]:
                fine = False
                break
        if not fine:
            continue
        for i in range(n):
            for e in range(member_at[moved[i]], member_at[moved[i] + 1]):
                device[member[e]] = target
        value = latency(device, host, times, transfer, out_at, out, work)
        if value <= now or (value < NEVER and np.random.random() < np.exp((now - value) / heat)):
            now = value
            for i in range(n):
                at[moved[i]] = target
            used[home] -= size
            used[target] += size
            count[home] -= n
            count[target] += n
            if now < least:
                least = now
                best[:] = device
        else:
            for i in range(n):
                for e in range(member_at[moved[i]], member_at[moved[i] + 1]):
                    device[member[e]] = home
    return least, now
