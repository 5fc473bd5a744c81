"""Lower bounds on the makespan: the critical path, and the load of each resource between heads and tails."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mapper.solve.makespan.problem import Problem


def bound(problem: Problem) -> tuple[int, str]:
    """The largest bound and its name. It holds for stretched runs too: they hold as much for longer."""
    best, name = critical_path(problem), "critical path"
    for r, resource in enumerate(problem.resources):
        value = resource_load(problem, r)
        if value > best:
            best, name = value, f"load of '{resource.name}'"
    return best, name


def critical_path(problem: Problem) -> int:
    """The longest chain of activities that wait for one another."""
    return max(problem.tails, default=0)


def resource_load(problem: Problem, resource: int) -> int:
    """The largest, over sets of activities, of: earliest start + work/capacity + shortest way from release to the end.

    The sets tried are those with the latest heads and those with the longest ways to the end: O(n log n).
    """
    users: list[tuple[int, int, int]] = []
    for i, activity in enumerate(problem.activities):
        amount = sum(a for r, a in activity.demands + activity.elastic if r == resource)
        if amount and activity.hold:
            users.append((problem.heads[i], amount * activity.hold, way_after(problem, i)))
    return largest(users, problem.resources[resource].capacity)


def way_after(problem: Problem, i: int) -> int:
    """The least ticks from an activity's release to the end of everything, however it is stretched; negative when the
    release may come after. Stretching moves the release away from the result where it is held beyond that, and the
    result towards the end of what streams from it."""
    activity, tail = problem.activities[i], problem.tails[i]
    longest_hold = activity.hold_for(activity.most)
    if problem.streaming[i]:
        return tail - longest_hold
    return tail - activity.ticks + min(activity.ticks - activity.hold, activity.most - longest_hold)


def largest(users: Sequence[tuple[int, int, int]], capacity: int) -> int:
    """The largest bound of sets of (head, work, way from the release to the end): of those with the latest heads, and
    of those with the longest ways."""
    return max(
        _largest_prefix(sorted(users, key=lambda u: (-u[0], -u[2])), capacity),
        _largest_prefix(sorted(users, key=lambda u: (-u[2], -u[0])), capacity),
    )


def _largest_prefix(users: Iterable[tuple[int, int, int]], capacity: int) -> int:
    """The best value over the prefixes of the list."""
    best, work = 0, 0
    first: int | None = None
    last: int | None = None
    for head, amount, way in users:
        first = head if first is None else min(first, head)
        last = way if last is None else min(last, way)
        work += amount
        best = max(best, first + -(-work // capacity) + last)
    return best
