"""Mends a placement that breaks rules: the best single move, again and again."""

from __future__ import annotations

from mapper.solve.budget import Budget
from mapper.solve.placement.goal import Goal
from mapper.solve.placement.problem import Solution
from mapper.solve.placement.state import State
from mapper.solve.placement.tables import Tables

LOOKS_PER_SECOND = 8000
"""Outlooks that are charged as a deterministic second, as those of the descent are."""


def mended(tables: Tables, goal: Goal, solution: Solution, budget: Budget) -> Solution:
    """A placement near the given one that breaks fewer rules (none, mostly), by the guide's best moves."""
    state = State.of(tables, solution.choice)
    where = list(solution.choice)
    looks = 0
    for _ in range(len(where)):
        broken = state.broken
        if broken == 0 or budget.over():
            break
        best: tuple[float, int, int] | None = None
        for i in _suspects(state):
            old = state.remove(i)
            looks += 1
            outlook = state.outlook(i)
            scores = goal.scores(outlook, where, i)
            # a large step that mends much must not lose to many small ones: count the price per point mended
            gain = broken - outlook.broken
            for o in range(len(scores)):
                if gain[o] > 1e-12:
                    price = (float(scores[o] - scores[old]) + 100.0 * float(gain[o])) / float(min(gain[o], broken))
                    if best is None or price < best[0]:
                        best = (price, i, o)
            state.insert(i, old)
        if best is None:
            break
        _, i, o = best
        state.remove(i)
        state.insert(i, o)
        where[i] = o
    budget.spend("repair", looks / LOOKS_PER_SECOND)
    return state.solution()


def _suspects(state: State) -> list[int]:
    """Items whose move may help: users of overfull memories, or all where routes or ties are broken."""
    t = state.tables
    if state.row[-1] or state.mismatched:
        return list(range(len(state.choice)))
    over = {int(m) for m in (state.used > t.capacities).nonzero()[0]}
    return [
        i
        for i, o in enumerate(state.choice)
        if any(int(t.memory_of[k]) in over and t.bytes_of[k] for k in t.needs[i][o])
    ]
