"""Reductions of a selection problem to a core, in rounds until nothing changes, and the way back from the core.

A round makes the problem arc consistent, merges nodes whose option follows from a neighbour's, drops dominated options,
eliminates nodes without memory that have at most two neighbours, and drops rows that others imply. Each keeps at least
one optimal choice. A round works on all edges, and the last one is that which gains little: none is quadratic.
"""

from __future__ import annotations

from dataclasses import dataclass

from mapper.solve.budget import Budget
from mapper.solve.selection.arrays import Arrays
from mapper.solve.selection.consistent import consistent
from mapper.solve.selection.dominance import undominated
from mapper.solve.selection.eliminate import ContradictionError, eliminate
from mapper.solve.selection.expand import Step
from mapper.solve.selection.merge import merge
from mapper.solve.selection.rows import Ints
from mapper.solve.selection.tighten import tighten

LEAST_GAIN = 0.002
"""A round that takes away less than this part of nodes, options, entries and rows is the last."""

ACTS = (consistent, merge, undominated, eliminate, tighten)
"""What a round does, in this order: each makes more of the next possible."""


@dataclass(frozen=True, eq=False)
class Reduced:
    """The core that is left, and the steps that led to it."""

    core: Arrays
    steps: tuple[Step, ...]

    def expand(self, choice: Ints) -> Ints:
        """The choice of the whole that a choice of the core stands for; it costs the same."""
        for step in reversed(self.steps):
            choice = step.expand(choice)
        return choice

    def project(self, choice: Ints) -> Ints:
        """The choice of the core nearest to a choice of the whole; it may cost more, and may not fit."""
        for step in self.steps:
            choice = step.project(choice)
        return choice


def reduce(arrays: Arrays, budget: Budget) -> Reduced:
    """The core of the arrays. Raises ContradictionError with a node of theirs that is left without an option."""
    steps: list[Step] = []
    while not budget.over():
        before = _size(arrays)
        for act in ACTS:
            if budget.over():
                break
            try:
                arrays, done = act(arrays)
            except ContradictionError as lost:
                node = lost.node
                for step in reversed(steps):
                    node = step.origin(node)
                raise ContradictionError(node) from lost
            steps += done
        if before - _size(arrays) <= LEAST_GAIN * before:
            break
    return Reduced(arrays, tuple(steps))


def _size(arrays: Arrays) -> int:
    return arrays.nodes + len(arrays.cost) + len(arrays.edge_cost) + arrays.rows
