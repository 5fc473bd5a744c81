"""Between the two makespan problems: what a choice of modes leaves to schedule, and the way back."""

from __future__ import annotations

from collections.abc import Sequence

from mapper.solve.makespan import problem as single
from mapper.solve.makespan.flexible.problem import Problem, Solution
from mapper.solve.makespan.problem import Activity, Stream


def fixed(problem: Problem, modes: Sequence[int]) -> tuple[single.Problem, tuple[int, ...]]:
    """The single-mode problem of a choice of modes, and the edges whose transfers are its activities after the tasks.

    Raises MapperError when the modes of an edge's ends have no route between them.
    """
    chosen = [task.modes[m] for task, m in zip(problem.tasks, modes, strict=True)]
    activities = [
        Activity(t.name, mode.ticks, mode.ticks, mode.demands) for t, mode in zip(problem.tasks, chosen, strict=True)
    ]
    after: list[list[int]] = [[] for _ in activities]
    streams: list[Stream] = []
    moved: list[int] = []

    def follows(a: int, b: int, tiles: int) -> None:
        if tiles == 1:
            after[b].append(a)
        else:
            tile_a, tile_b = (-(-activities[i].ticks // tiles) for i in (a, b))
            streams.append(Stream(a, b, tile_a, tile_b))

    for e, edge in enumerate(problem.edges):
        move = problem.transfer(edge, chosen[edge.source], chosen[edge.sink])
        if move is None:
            follows(edge.source, edge.sink, edge.tiles)
            continue
        between = len(activities)
        moved.append(e)
        activities.append(Activity(f"move {e}", move.ticks, move.ticks, move.demands))
        after.append([])
        follows(edge.source, between, edge.tiles)
        follows(between, edge.sink, edge.tiles)
    rows = tuple(tuple(sorted(set(before))) for before in after)
    return single.Problem(tuple(activities), problem.resources, rows, tuple(streams)), tuple(moved)


def unfixed(problem: Problem, modes: Sequence[int], moved: Sequence[int], schedule: single.Solution) -> Solution:
    """A schedule of what `fixed` gave as a solution of the flexible problem."""
    count = len(problem.tasks)
    moves = dict(zip(moved, schedule.start[count:], strict=True))
    return Solution(tuple(modes), schedule.start[:count], schedule.makespan, moves)
