"""The rules of a schedule, recomputed from the definition: duration, order, lines, stores."""

from __future__ import annotations

from collections.abc import Sequence

from mapper.errors import MapperError
from mapper.solve.streaming.problem import Problem, Role, Solution, Way
from mapper.solve.streaming.steps import Work, expand

WHOLE = 2**40
"""A line's whole time. The share of a step is rounded up to a part of it, so that rounding never hides an overload."""


def share(cycles: int, longest: int, speed: int) -> int:
    """The share of a line that a step takes at a speed, when at full speed it takes `cycles` of its `longest`."""
    return -(-cycles * speed // longest)


def speed_of(cycles: int, lasting: int) -> int:
    """The speed at which so many cycles of work last so long."""
    return -(-cycles * WHOLE // lasting)


def chosen(problem: Problem, solution: Solution) -> list[Way]:
    """The way of each value. Refuses indices that are none."""
    if len(solution.ways) != len(problem.values):
        raise MapperError(f"ways: {len(solution.ways)} ways for {len(problem.values)} values")
    for value, way in zip(problem.values, solution.ways, strict=True):
        if not 0 <= way < len(value.ways):
            raise MapperError(f"ways: value '{value.name}' has no way {way}, it has {len(value.ways)}")
    return [value.ways[way] for value, way in zip(problem.values, solution.ways, strict=True)]


def verify(problem: Problem, solution: Solution) -> None:
    """Refuse a solution that breaks a rule; the message starts with the rule's name."""
    work = expand(problem, chosen(problem, solution))
    duration(problem, work, solution)
    order(problem, work, solution)
    lines(problem, work, solution)
    stores(problem, work, solution)


def duration(problem: Problem, work: Work, solution: Solution) -> None:
    """Every step is there, starts at or after 0, and its pieces lie between start and end, one after another, none
    faster than full speed, and do all its work; a layer is one piece."""
    counts = {len(solution.start), len(solution.end), len(solution.pieces), len(work.steps)}
    if len(counts) > 1:
        raise MapperError(f"duration: {len(solution.start)} starts for {len(work.steps)} steps")
    for i, step in enumerate(work.steps):
        start, end, pieces = solution.start[i], solution.end[i], solution.pieces[i]
        done = sum((piece.end - piece.start) * piece.speed for piece in pieces)
        if start < 0 or end < start or done < step.cycles * WHOLE:
            raise MapperError(
                f"duration: {describe(problem, work, i)} takes from {start} to {end} and does "
                f"{done / WHOLE:.1f} of {step.cycles} cycles"
            )
        moments = [start, *(moment for piece in pieces for moment in (piece.start, piece.end)), end]
        if moments != sorted(moments) or any(not 0 < piece.speed <= WHOLE for piece in pieces):
            raise MapperError(f"duration: {describe(problem, work, i)} has pieces that are out of order or too fast")
        if problem.node(step.place).role is Role.COMPUTE and len(pieces) > 1:
            raise MapperError(f"duration: {describe(problem, work, i)} is interrupted")


def order(problem: Problem, work: Work, solution: Solution) -> None:
    """Nothing starts before what it waits for has ended, and the drain after a layer has passed."""
    for i, step in enumerate(work.steps):
        for before, lag in step.after:
            if solution.start[i] < solution.end[before] + lag:
                raise MapperError(
                    f"order: from {describe(problem, work, before)} to {describe(problem, work, i)}: available at "
                    f"{solution.end[before] + lag}, starts at {solution.start[i]}"
                )


def lines(problem: Problem, work: Work, solution: Solution) -> None:
    """At every moment the shares of a line sum to at most the whole of it."""
    changes: list[list[tuple[int, int]]] = [[] for _ in problem.lines]
    for i, step in enumerate(work.steps):
        for k, cycles in step.load:
            for piece in solution.pieces[i] if cycles else ():
                part = share(cycles, step.cycles, piece.speed)
                changes[k] += [(piece.start, part), (piece.end, -part)]
    for line, moments in zip(problem.lines, changes, strict=True):
        moment = _overload(moments, WHOLE)
        if moment is not None:
            raise MapperError(f"lines: '{line.name}' at cycle {moment[0]}: {moment[1] / WHOLE:.6f} of it is wanted")


def stores(problem: Problem, work: Work, solution: Solution) -> None:
    """At every moment the bits in a store sum to at most its capacity."""
    changes: list[list[tuple[int, int]]] = [[] for _ in problem.stores]
    for stay in work.stays:
        begin = min(solution.start[i] for i in stay.begins)
        end = max(solution.end[i] for i in stay.ends)
        for k, bits in stay.held:
            changes[k] += [(begin, bits), (end, -bits)]
    for store, moments in zip(problem.stores, changes, strict=True):
        moment = _overload(moments, store.capacity)
        if moment is not None:
            raise MapperError(
                f"stores: '{store.name}' at cycle {moment[0]}: {moment[1]} bits in {store.capacity}, "
                f"{moment[1] - store.capacity} too many"
            )


def _overload(moments: Sequence[tuple[int, int]], capacity: int) -> tuple[int, int] | None:
    """The first moment at which the changes sum to more than the capacity, with the sum; None when there is none."""
    held = 0
    for moment, amount in sorted(moments):  # at equal moments, releases first
        held += amount
        if held > capacity:
            return moment, held
    return None


def describe(problem: Problem, work: Work, index: int) -> str:
    """A step in words."""
    step = work.steps[index]
    group, node = problem.groups[step.place[0]], problem.node(step.place)
    return f"'{node.name}' of group '{group.name}', firing {step.firing}"
