"""The bound of the latency: paths through each phase, with the memory that fast options share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np

from mapper.solve.budget import Budget
from mapper.solve.placement.classes import classify
from mapper.solve.placement.critical import critical_path
from mapper.solve.placement.limited import add_energy_limit, add_latency_limits, timed_limits
from mapper.solve.placement.linear import Optimum, Solver
from mapper.solve.placement.relaxation import (
    PRICED,
    Bound,
    NetClass,
    Relaxation,
    longest_interval,
    price_of_leaving_out,
    relax,
    shares,
)
from mapper.solve.placement.rests import rests_of, rests_of_path
from mapper.solve.placement.tables import Floats, Tables

ROUNDS = 6
"""Paths added per phase, each the longest under the last relaxation."""

LIMIT_ROUNDS = 3
"""The same where the latency is only limited."""


def latency_bound(tables: Tables, budget: Budget) -> Bound:
    """The relaxation under the sum of the phases' ends, which no path and no machine's work may exceed."""
    problem = tables.problem
    path = critical_path(tables)
    alone = rests_of_path(tables, path)
    first = Bound(alone.value, "critical path", rests=alone)
    scales = _scales(tables)
    worst = sum(c * s for c, s in zip(problem.calls, scales, strict=True)) or 1.0
    longest = longest_interval(problem) + 1.0
    r = relax(tables, classify(tables), longest, longest)
    price_of_leaving_out(r, 4.0)
    add_energy_limit(r)
    ends = add_phase_ends(r, scales)
    for calls, scale, end in zip(problem.calls, scales, ends, strict=True):
        r.program.cost[end] = calls * scale / worst
    found = first
    for best in _rounds(r, ends, scales, budget, ROUNDS):
        found = _better(found, r, best, worst)
    return replace(found, relaxation=r, unit=worst)


def add_limits(r: Relaxation, budget: Budget) -> None:
    """Every limit of the problem but that of the interval, which the relaxation has as the interval's upper bound; the
    objective must have been set."""
    add_energy_limit(r)
    if timed_limits(r):
        scales = _scales(r.tables)
        for _ in _rounds(r, add_phase_ends(r, scales), scales, budget, LIMIT_ROUNDS):
            pass


def add_phase_ends(r: Relaxation, scales: list[float]) -> list[int]:
    """A column for the end of each phase, in units of its scale; the limits of the latency hold for them."""
    ends = []
    for scale, least in zip(scales, critical_path(r.tables).ends, strict=True):
        ends.append(r.program.column(PRICED))
        r.program.low[-1] = min(1.0, least / scale)
    r.ends = ends
    add_machine_work(r, ends, scales)
    add_latency_limits(r, ends, scales)
    return ends


def _rounds(r: Relaxation, ends: list[int], scales: list[float], budget: Budget, most: int) -> Iterator[Optimum]:
    """Add the longest path of each phase under the last optimum, again and again; the optima on the way."""
    weights = [np.full(len(p), 1.0 / len(p)) for p in r.tables.places]
    seen = set[tuple[int, ...]]()
    for _ in range(most):
        fresh = False
        for phase, end in enumerate(ends):
            trail = longest_path(r.tables, phase, weights)
            if trail and trail not in seen:
                seen.add(trail)
                fresh = True
                add_path(r, trail, end, scales[phase])
        best = Solver(r.program).solve(budget) if fresh else None
        if best is None:
            break
        weights = list(shares(r, best.columns))
        yield best


def _scales(tables: Tables) -> list[float]:
    """By phase, ticks that its end is counted in: no dispatch exceeds them."""
    return [float(max(1, _slowest(tables, p))) for p in range(len(tables.problem.calls))]


def _better(found: Bound, r: Relaxation, best: Optimum, worst: float) -> Bound:
    value = float(np.ceil(best.bound * worst * (1 - 1e-9) - 1e-6))
    if value > found.value:
        return Bound(value, "path LP", shares(r, best.columns), rests=rests_of(r, best, worst))
    return Bound(found.value, found.name, shares(r, best.columns), rests=found.rests)


def _slowest(tables: Tables, phase: int) -> int:
    """Ticks that no dispatch of a phase exceeds."""
    problem = tables.problem
    total = sum(max(o.ticks for o in item.options) for item in problem.items if item.phase == phase)
    for net in problem.nets:
        if net.phase == phase:
            longest = max((t.ticks for t in problem.transfers[net.size].values()), default=0)
            total += longest * (len(net.sinks) + len(net.ends))
    return total


def add_machine_work(r: Relaxation, ends: list[int], scales: list[float]) -> None:
    """A phase lasts at least as long as each machine works in it, one item after the other."""
    problem = r.tables.problem
    shared = set(r.tables.shared.tolist())
    work: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for c, items in enumerate(r.classes.items):
        item = problem.items[items[0]]
        for x, option in zip(r.count[c], item.options, strict=True):
            if option.machine in shared:
                work.setdefault((item.phase, option.machine), []).append((x, option.ticks / scales[item.phase]))
    for (phase, _), terms in work.items():
        r.times.append(r.program.row([*terms, (ends[phase], -1.0)], high=0.0))


def add_path(r: Relaxation, trail: tuple[int, ...], end: int, scale: float) -> None:
    """A phase lasts at least as long as the items of a path and the transfers between them.

    A class counts only where all of it is on the path: its sums say nothing about some of its members.
    """
    problem = r.tables.problem
    terms: list[tuple[int, float]] = [(end, -1.0)]
    for c, many in Counter(r.classes.item[i] for i in trail).items():
        if many == r.size(c):
            options = problem.items[r.classes.items[c][0]].options
            terms += [(x, o.ticks / scale) for x, o in zip(r.count[c], options, strict=True)]
    total = Counter(r.kind.values())
    taken: Counter[tuple[NetClass, int]] = Counter()
    for source, sink in pairwise(trail):
        n = next(n for n in problem.inputs[sink] if problem.nets[n].source == source)
        taken[r.kind[n], _slot(r, n, sink)] += 1
    for (net, slot), many in taken.items():
        if many == total[net]:
            for (a, b), x in r.flows[net][slot].items():
                if a != b:
                    terms.append((x, problem.transfers[net.size][a, b].ticks / scale))
    r.times.append(r.program.row(terms, high=0.0))


def _slot(r: Relaxation, n: int, sink: int) -> int:
    """The position of a sink among those of the net's class."""
    net = r.tables.problem.nets[n]
    inputs = r.tables.problem.inputs
    ports = sorted((r.classes.item[i], inputs[i].index(n), i) for i in set(net.sinks))
    return next(k for k, port in enumerate(ports) if port[2] == sink)


def longest_path(tables: Tables, phase: int, weights: list[Floats]) -> tuple[int, ...]:
    """The path of most ticks through a phase, an item counting the mean of its options under the weights."""
    problem = tables.problem
    length: dict[int, float] = {}
    before: dict[int, int] = {}
    for i, item in enumerate(problem.items):
        if item.phase != phase:
            continue
        reach, came = 0.0, -1
        for n in problem.inputs[i]:
            source = problem.nets[n].source
            if source >= 0 and length[source] > reach:
                reach, came = length[source], source
        length[i] = reach + float(np.dot([o.ticks for o in item.options], weights[i]))
        before[i] = came
    if not length:
        return ()
    trail = [max(length, key=lambda i: (length[i], i))]
    while before[trail[-1]] >= 0:
        trail.append(before[trail[-1]])
    return tuple(reversed(trail))
