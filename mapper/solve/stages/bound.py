"""Lower bounds of the largest load when any unit may be on any device; they hold for contiguous stages too."""

from __future__ import annotations

from mapper.solve.stages.problem import Problem


def simple_bound(problem: Problem) -> tuple[int, str]:
    """The larger of two bounds in ticks, and its name.

    Every tied group is somewhere (the longest at the least time any class needs for it), and the devices together have
    time for the least work of all groups.
    """
    least = [
        min(
            t
            for c, kind in enumerate(problem.classes)
            if kind.count and (t := problem.group_time(group, c)) is not None
        )
        for group in problem.groups
    ]
    longest, area = max(least), -(-sum(least) // len(problem.devices))
    return (longest, "longest group") if longest >= area else (area, "work over devices")
