"""Constructions: items in topological order, each given the option that the guide likes best."""

from __future__ import annotations

from mapper.solve.placement.goal import Goal
from mapper.solve.placement.problem import Solution
from mapper.solve.placement.state import State
from mapper.solve.placement.tables import Tables


def fastest(tables: Tables) -> Solution:
    """Each item's option of fewest ticks that breaks no rule (or breaks them least), in topological order."""
    state = State(tables)
    for i, item in enumerate(tables.problem.items):
        broken = state.outlook(i).broken
        state.insert(i, min(range(len(item.options)), key=lambda o: (broken[o], item.options[o].ticks, o)))
    return state.solution()


def balanced(tables: Tables, goal: Goal, order: list[int] | None = None) -> Solution:
    """Each item's option that leaves the best partial placement, by the guide."""
    state = State(tables)
    for i in order if order is not None else range(len(tables.problem.items)):
        state.insert(i, int(goal.scores(state.outlook(i), state.choice, i).argmin()))
    return state.solution()


def heaviest_first(tables: Tables) -> list[int]:
    """An order of the items: those that take long on every option come first."""
    items = tables.problem.items
    return sorted(range(len(items)), key=lambda i: (-min(o.ticks for o in items[i].options), i))
