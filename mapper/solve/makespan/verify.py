"""The rules of a schedule, recomputed from the definition: duration, precedence, streaming, capacity."""

from __future__ import annotations

from collections.abc import Sequence

from mapper.errors import MapperError
from mapper.solve.makespan.problem import Problem, Resource, Solution


def verify(problem: Problem, solution: Solution) -> None:
    """Refuse a solution that breaks a rule; the message starts with the rule's name."""
    duration(problem, solution)
    precedence(problem, solution)
    streaming(problem, solution)
    capacity(problem, solution)


def duration(problem: Problem, solution: Solution) -> None:
    """Everything starts at or after 0 and takes its ticks; an elastic activity at most twice as many."""
    if not len(solution.start) == len(solution.end) == len(problem.activities):
        raise MapperError(
            f"duration: {len(solution.start)} starts and {len(solution.end)} ends for "
            f"{len(problem.activities)} activities"
        )
    for activity, start, end in zip(problem.activities, solution.start, solution.end, strict=True):
        most = activity.most
        if start < 0:
            raise MapperError(f"duration: activity '{activity.name}' starts at {start}")
        if not activity.ticks <= end - start <= most:
            allowed = f"{activity.ticks} to {most}" if activity.elastic else str(activity.ticks)
            raise MapperError(f"duration: activity '{activity.name}' takes {end - start} ticks instead of {allowed}")


def precedence(problem: Problem, solution: Solution) -> None:
    """Nothing starts before what it waits for has ended."""
    for i, before in enumerate(problem.after):
        for p in before:
            if solution.start[i] < solution.end[p]:
                source, sink = problem.activities[p].name, problem.activities[i].name
                raise MapperError(
                    f"precedence: from '{source}' to '{sink}': available at {solution.end[p]}, "
                    f"starts at {solution.start[i]}"
                )


def streaming(problem: Problem, solution: Solution) -> None:
    """Who reads a stream starts after its first tile and ends after working on its last."""
    for s in problem.streams:
        source, sink = problem.activities[s.source].name, problem.activities[s.sink].name
        for word, moments, tile in (("starts", solution.start, s.first), ("ends", solution.end, s.last)):
            if moments[s.sink] < moments[s.source] + tile:
                raise MapperError(
                    f"streaming: from '{source}' to '{sink}': {word} at {moments[s.source]} and {moments[s.sink]}, "
                    f"less than a tile of {tile} apart"
                )


def capacity(problem: Problem, solution: Solution) -> None:
    """At every tick the amounts held of a resource sum to at most its capacity."""
    changes: list[list[tuple[int, int]]] = [[] for _ in problem.resources]
    for activity, start, end in zip(problem.activities, solution.start, solution.end, strict=True):
        release = start + activity.hold_for(end - start)
        if release == start:
            continue
        for r, amount in activity.amounts_for(end - start):
            changes[r] += [(start, amount), (release, -amount)]
    refuse_overload(problem.resources, changes)


def refuse_overload(resources: Sequence[Resource], changes: Sequence[list[tuple[int, int]]]) -> None:
    """Refuse changes of the amounts held, as (tick, amount) for each resource, that ever sum to more than is there."""
    for resource, moments in zip(resources, changes, strict=True):
        held = 0
        for tick, amount in sorted(moments):  # at equal ticks, releases first
            held += amount
            if held > resource.capacity:
                raise MapperError(
                    f"capacity: resource '{resource.name}' at tick {tick}: demand {held}, capacity {resource.capacity}"
                )
