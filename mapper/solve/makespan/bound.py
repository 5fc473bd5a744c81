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
    for activity, head, tail in zip(problem.activities, problem.heads, problem.tails, strict=True):
        amount = sum(a for r, a in activity.demands + activity.elastic if r == resource)
        if amount and activity.hold:
            users.append((head, amount * activity.hold, tail - activity.hold))
    return largest(users, problem.resources[resource].capacity)


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
