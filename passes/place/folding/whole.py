"""Whole pieces: what of a pool's memory can be used when each weight lies in one stage as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import replace
from math import gcd

from mapper.hw.target import Target, Team
from mapper.solve.placement import problem as pb

MOST_SIZES = 16
"""So many sizes, the largest, are tried as the least of those that are counted whole."""

MOST_SUMS = 200_000
"""So many different sums of sizes are looked at; where there are more, nearly every byte can be used."""


def stages(target: Target, memory: str) -> int:
    """How many stages a memory of a pooled target stands for."""
    return max((team.pool for team in _teams(target, memory)), default=1)


def parts(target: Target, memory: str) -> int:
    """How many stages of how many copies a memory of a pooled target stands for."""
    return max((team.pool * team.copies for team in _teams(target, memory)), default=1)


def _teams(target: Target, memory: str) -> list[Team]:
    return [unit.team for unit in target.units if unit.team and memory in (unit.data, *unit.weights)]


def that_fit(problem: pb.Problem, target: Target) -> list[list[int]]:
    """The options of each item, by position, whose residents each fit one stage's memory on a pooled target: what lies
    in one stage as a whole has no place in the pool that it has in no stage. An item without such options keeps them
    all, and so do items that share a state and would be left without a common place. A resident may be too large by
    what its size was rounded up by, as in `in_whole_pieces`."""
    rooms = [
        -(-size // stages(target, name)) + target.memory[name].alignment_bytes - 1
        for name, size in zip(problem.memories, problem.capacities, strict=True)
    ]
    large = {k for k, resident in enumerate(problem.residents) if resident.bytes > rooms[resident.memory]}
    kept = [_without(item.options, large) for item in problem.items]
    for tie in problem.ties if large else ():
        if not set.intersection(*({problem.items[i].options[o].place for o in kept[i]} for i in tie)):
            for i in tie:
                kept[i] = list(range(len(problem.items[i].options)))
    return kept


def _without(options: Sequence[pb.Option], residents: Set[int]) -> list[int]:
    """The positions of options that need none of some residents; all where each needs one."""
    every = range(len(options))
    return [o for o in every if residents.isdisjoint(options[o].needs)] or list(every)


def in_whole_pieces(problem: pb.Problem, target: Target) -> pb.Problem:
    """The problem on a pooled target with no more room than whole residents can take of each stage's memory.

    Give each resident of the pool to one of the stages that it lies in. Of those above some size, what lies in a stage
    is a sum of their sizes, so no more than the largest such sum within its capacity (an unbounded knapsack, by
    reachable sums); the others are no more than all of them together. The least over some sizes counts. It holds for
    any number of copies: they have as many times the room, and as many times the sizes, less what these were rounded
    up by to the memory's alignment: each copy may be smaller by nearly as much."""
    numbers: dict[int, Counter[int]] = {}
    for resident in problem.residents:
        numbers.setdefault(resident.memory, Counter())[resident.bytes] += 1
    found = []
    for m, (name, capacity) in enumerate(zip(problem.memories, problem.capacities, strict=True)):
        many = stages(target, name)  # a pool with copies keeps each resident in all copies of a stage
        here = numbers.get(m, Counter())
        usable = _usable(here, capacity, many, target.memory[name].alignment_bytes - 1) if many > 1 else capacity
        found.append(usable)
    return replace(problem, capacities=tuple(found))


def _usable(numbers: Counter[int], capacity: int, many: int, rounded: int) -> int:
    """Bytes that residents (how many of each size) can take of so many stages; rounded: by how much a size may be too
    large."""
    one = -(-capacity // many)  # no less than a stage has
    sizes = sorted(size for size in numbers if size)
    best = capacity
    for k in range(max(0, len(sizes) - MOST_SIZES), len(sizes)):
        small = sum(size * numbers[size] for size in sizes[:k])
        room = one + one // max(1, sizes[k] - rounded) * rounded
        best = min(best, many * largest_sum(sizes[k:], room) + small)
    return min(best, capacity)


def largest_sum(sizes: Sequence[int], capacity: int) -> int:
    """The largest sum of any of these sizes, each taken as often as wanted, that is within the capacity; the capacity
    itself where there are too many sums to look at."""
    fitting = [size for size in sizes if 0 < size <= capacity]
    if not fitting:
        return 0
    step = gcd(*fitting)
    units = capacity // step
    if units > MOST_SUMS:
        return capacity
    reached, within = 1, (1 << units + 1) - 1  # bit n: whether n units are a sum
    for size in sorted({s // step for s in fitting}):
        while size <= units:  # after this, up to so many times as often as before, and one more
            reached |= reached << size & within
            size *= 2
    return (reached.bit_length() - 1) * step
