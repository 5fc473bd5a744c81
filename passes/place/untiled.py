"""Untiled: the placement problem without the options that fit a memory in tiles only.

They make what no placement undercuts much less, but the room that tiles of several tasks need at once is nothing that
the problem counts. Where the judge is far from that bound, whole tasks may be better.
"""

from __future__ import annotations

from dataclasses import replace

from mapper.solve.placement.problem import Solution
from passes.place.translate import Translation

MANY_RUNS = 100
"""Runs at least of tasks in tiles in all phases from which on looks are long: buffers may ask for eight times as many,
and each is some activities and buffers of a program, of which all the rest of a plan has a few hundred."""

WORTH_TILES = 0.15
"""Where so many runs are at stake, tiles are tried only if they may bring more than this part."""

WORTH_WHOLE = 0.1
"""Whole tasks alone are searched, too, where the judge is further from what is proven than this part: that search takes
as long as the first."""


def untiled(t: Translation) -> Translation | None:
    """The translation with the options alone in which tasks can be whole; None where these are all there are, or a task
    has none."""
    kept = [
        [o for o, (_, option) in enumerate(meaning) if not option.least_tiles(task.phase)]
        for task, meaning in zip(t.tasks, t.meaning, strict=True)
    ]
    if not all(kept) or all(len(few) == len(meaning) for few, meaning in zip(kept, t.meaning, strict=True)):
        return None
    rows = list(zip(t.problem.items, t.meaning, kept, strict=True))
    items = tuple(replace(item, options=tuple(item.options[o] for o in few)) for item, _, few in rows)
    meanings = tuple(tuple(meaning[o] for o in few) for _, meaning, few in rows)
    return replace(t, problem=replace(t.problem, items=items), meaning=meanings)


def runs_in_tiles(t: Translation, solution: Solution) -> int:
    """In how many runs the tasks go that a solution puts where they fit in tiles only, in all phases together."""
    rows = zip(t.tasks, t.meaning, solution.choice, strict=True)
    return sum(meaning[o][1].least_tiles(task.phase) for task, meaning, o in rows)
