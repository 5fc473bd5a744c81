"""Activities that can never run at once: pairs whose demands exceed a capacity together, and cliques of such pairs."""

from __future__ import annotations

from mapper.solve.makespan.problem import Problem

Pair = tuple[int, int]

MOST_PAIRS = 3000
"""More pairs than that are not worth their Booleans, nor the search for cliques."""


def rival_pairs(problem: Problem) -> list[Pair]:
    """Pairs that no precedence orders and that together want more of some resource than there is.

    Only activities that hold their resources until their result count.
    """
    following = _following(problem)
    amounts = [_amounts(problem, i) for i in range(len(problem.activities))]
    capacity = [r.capacity for r in problem.resources]
    return [
        (j, i)
        for i, mine in enumerate(amounts)
        for j, other in enumerate(amounts[:i])
        if not (following[i] >> j | following[j] >> i) & 1
        and any(amount + other.get(r, 0) > capacity[r] for r, amount in mine.items())
    ]


def cliques(problem: Problem, pairs: list[Pair]) -> list[tuple[int, ...]]:
    """For each pair a set around it, grown greedily, of which no two can run at once: rivals, or ordered."""
    usable = sum(1 << i for i in range(len(problem.activities)) if _amounts(problem, i))
    following = _following(problem)
    apart = [f & usable for f in following]
    for i, bits in enumerate(following):
        for j in _members(bits):
            apart[j] |= 1 << i & usable
    for a, b in pairs:
        apart[a] |= 1 << b
        apart[b] |= 1 << a
    found: dict[tuple[int, ...], None] = {}
    for a, b in pairs:
        members, left = [a, b], apart[a] & apart[b]
        while left:
            best = max(_members(left), key=lambda k: ((apart[k] & left).bit_count(), problem.activities[k].ticks, -k))
            members.append(best)
            left &= apart[best]
        if len(members) > 2:
            found[tuple(sorted(members))] = None
    return list(found)


def _following(problem: Problem) -> list[int]:
    """For each activity, as bits, all that can start only after it has ended (streams do not order so)."""
    found = [0] * len(problem.activities)
    for i in reversed(problem.order):
        for j in problem.followers[i]:
            found[i] |= found[j] | 1 << j
    return found


def _amounts(problem: Problem, i: int) -> dict[int, int]:
    activity = problem.activities[i]
    sums: dict[int, int] = {}
    if activity.hold and activity.hold <= activity.ticks:
        for r, amount in activity.demands + activity.elastic:
            sums[r] = sums.get(r, 0) + amount
    return sums


def _members(bits: int) -> list[int]:
    return [k for k in range(bits.bit_length()) if bits >> k & 1]
