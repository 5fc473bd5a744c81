"""A lower bound on the makespan: the work of each line between heads and tails, whatever way the values go."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mapper.solve.streaming.problem import Load, Place, Problem, Value, Way
from mapper.solve.streaming.steps import Work, expand, until

Cycles = npt.NDArray[np.int64]

LARGEST = 16_000
"""Steps up to which the work of everything before and after a step is summed: a table of all pairs of steps."""

PATH = "longest chain"


def bound(problem: Problem) -> tuple[int, str]:
    """The largest of the bounds of all lines with the line's name, or the longest chain of steps.

    Each value is read at the least that any of its ways takes, and nothing is saved that need not be, so this holds
    for every choice of ways. A line does at most a cycle of work in a cycle, so what it does between the head h and the
    tail q of some steps takes at least as long as their work (Jackson's preemptive schedule gives the largest such sum;
    Carlier, 1982). Head and tail of a step are longest chains, or the work of one line in all that comes before or
    after it.
    """
    least = [cheapest(value) for value in problem.values]
    work = expand(problem, least)
    order = _order(work)
    steps = work.steps
    before = [list(step.after) for step in steps]
    after: list[list[tuple[int, int]]] = [[] for _ in steps]
    for i, step in enumerate(steps):
        for p, lag in step.after:
            after[p].append((i, lag))
    loads = _loads(work, len(problem.lines))
    lasting = [step.cycles for step in steps]
    heads = _reach(order, before, lasting, loads)
    tails = _reach(order[::-1], after, lasting, loads)
    best = (max((h + c + q for h, c, q in zip(heads, lasting, tails, strict=True)), default=0), PATH)
    extra = _once(problem, least, work, heads, tails)
    for line in range(len(problem.lines)):
        jobs = [(heads[i], int(loads[line, i]), tails[i]) for i in range(len(steps)) if loads[line, i]]
        jobs += [(head, cycles, tail) for where, head, cycles, tail in extra if where == line]
        best = max(best, (jackson(jobs), problem.lines[line].name))
    return best


def cheapest(value: Value) -> Way:
    """A way that takes, reader by reader and line by line, the least of all ways; nothing is saved if that is possible.
    From makers to a read it takes at least what saving and reading a tile take in the quickest way."""
    saves = [way.save for way in value.ways]
    save = None if any(s is None for s in saves) else _least([s for s in saves if s is not None])
    reads = tuple(_least([way.reads[r] for way in value.ways]) for r in range(len(value.readers)))
    if value.maker is None:
        return Way("cheapest", save, reads)
    if save is not None and any(way.lag or way.save is None for way in value.ways):
        return Way("cheapest", save, reads)
    quickest = min(
        (_longest(way.save or ()) + _longest(way.reads[r]) - _longest(reads[r]))
        for way in value.ways
        for r in range(len(value.readers))
    )
    return Way("cheapest", None, reads, lag=quickest)


def _longest(load: Load) -> int:
    return max((cycles for _, cycles in load), default=0)


def _least(loads: Sequence[Load]) -> Load:
    tables = [dict(load) for load in loads]
    return tuple((line, min(table.get(line, 0) for table in tables)) for line in sorted(set.union(*map(set, tables))))


def _once(
    problem: Problem, least: Sequence[Way], work: Work, heads: Sequence[int], tails: Sequence[int]
) -> list[tuple[int, int, int, int]]:
    """(line, head, cycles, tail) of work that every way has somewhere, beyond what `cheapest` has everywhere: of a way
    that is cheap for one reader and dear for another, say. It comes after the first tile that leaves is made, and some
    of it may come late: the tail is the least of the readers'."""
    found = []
    for value, way in zip(problem.values, least, strict=True):
        if not value.readers:
            continue
        totals = [_total(problem, value, w) for w in value.ways]
        base = _total(problem, value, way)
        tail = min(tails[i] for reader in value.readers for i in work.at[reader])
        head = 0 if value.maker is None else _first_made(problem, work, value.maker, heads)
        for line in sorted(set.union(*map(set, totals))):
            cycles = min(total.get(line, 0) for total in totals) - base.get(line, 0)
            if cycles > 0:
                found.append((line, head, cycles, tail))
    return found


def _first_made(problem: Problem, work: Work, maker: Place, heads: Sequence[int]) -> int:
    """The earliest end of a round after which a tile of a value can leave its maker."""
    group, node = problem.groups[maker[0]], problem.node(maker)
    first = min(served[-1] for served in node.served())
    made = [work.at[maker[0], p][until(first, node.rounds, group.nodes[p].rounds)] for p in node.after]
    return max((heads[i] + work.steps[i].cycles for i in made), default=0)


def _total(problem: Problem, value: Value, way: Way) -> dict[int, int]:
    total: dict[int, int] = {}
    parts = [(way.save or (), value.maker)] if value.maker is not None else []
    for load, place in (*parts, *zip(way.reads, value.readers, strict=True)):
        firings = problem.node(place).firings
        for line, cycles in load:
            total[line] = total.get(line, 0) + cycles * firings
    return total


def _loads(work: Work, lines: int) -> Cycles:
    loads = np.zeros((lines, len(work.steps)), np.int64)
    for i, step in enumerate(work.steps):
        for line, cycles in step.load:
            loads[line, i] += cycles
    return loads


def _order(work: Work) -> list[int]:
    """The steps, each after all that it waits for."""
    missing = [len(step.after) for step in work.steps]
    followers: list[list[int]] = [[] for _ in work.steps]
    for i, step in enumerate(work.steps):
        for before, _ in step.after:
            followers[before].append(i)
    found = [i for i, count in enumerate(missing) if not count]
    for i in found:  # grows while it is read
        for j in followers[i]:
            missing[j] -= 1
            if not missing[j]:
                found.append(j)
    return found


def _reach(
    order: Sequence[int], before: Sequence[Sequence[tuple[int, int]]], lasting: Sequence[int], loads: Cycles
) -> list[int]:
    """For each step the least time between the end (start) of everything and its start (end): chains of steps, and the
    work of each line in all steps before (after) it."""
    count = len(order)
    reach = [0] * count
    small = count <= LARGEST
    ancestors = np.zeros((count, count) if small else (0, 0), np.bool_)
    for i in order:
        head = 0
        for p, lag in before[i]:
            head = max(head, reach[p] + lasting[p] + lag)
            if small:
                ancestors[i] |= ancestors[p]
                ancestors[i, p] = True
        if small and before[i]:
            head = max(head, int((loads @ ancestors[i]).max(initial=0)))
        reach[i] = head
    return reach


def jackson(jobs: Sequence[tuple[int, int, int]]) -> int:
    """The length of Jackson's preemptive schedule of (head, cycles, tail) jobs on one line: at each moment the job with
    the longest tail of those whose head has passed."""
    waiting = sorted(jobs)
    ready: list[list[int]] = []
    now, longest, k = 0, 0, 0
    while k < len(waiting) or ready:
        if not ready:
            now = max(now, waiting[k][0])
        while k < len(waiting) and waiting[k][0] <= now:
            heapq.heappush(ready, [-waiting[k][2], waiting[k][1]])
            k += 1
        tail, cycles = ready[0]
        until = waiting[k][0] if k < len(waiting) else now + cycles
        done = min(cycles, until - now)
        now += done
        if done == cycles:
            heapq.heappop(ready)
            longest = max(longest, now - tail)
        else:
            ready[0][1] -= done
    return longest
