"""A choice that fits, whatever it costs: for when the search has found none yet."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent
from mapper.solve.selection import reduce_kernels as kernels
from mapper.solve.selection.arrays import Arrays, evaluate, pieces_of
from mapper.solve.selection.problem import FORBIDDEN
from mapper.solve.selection.rows import Flags, Ints, runs

TRIES = 4
"""Options of a node that are tried before the attempt is given up."""


def lean(arrays: Arrays, incumbent: Incumbent[Ints], budget: Budget) -> None:
    """Offers the leanest choice, if the incumbent has none and that one fits."""
    if incumbent.found:
        return
    for choice in _candidates(arrays, budget):
        if fitting(arrays, choice):
            incumbent.offer(choice, "leanest options")
            return


def fitting(arrays: Arrays, choice: Ints) -> bool:
    """Whether a choice has nothing forbidden and keeps the limits."""
    cost, excess = evaluate(arrays, choice)
    return cost < FORBIDDEN and excess == 0


def _candidates(arrays: Arrays, budget: Budget) -> Iterator[Ints]:
    """Lean choices, the quickest to find first."""
    yield leanest_alone(arrays)
    for tries in (1, TRIES):
        choice = leanest(arrays, budget, tries)
        if choice is not None:
            yield choice


def leanest_alone(arrays: Arrays) -> Ints:
    """The allowed option of each node that uses least, the cheapest of such, whatever its neighbours have."""
    node = np.repeat(np.arange(arrays.nodes), arrays.options)
    order = np.lexsort((arrays.cost, _weights(arrays), arrays.cost >= FORBIDDEN, node))
    chosen: Ints = order[arrays.first[:-1]] - arrays.first[:-1]
    return chosen


def leanest(arrays: Arrays, budget: Budget, tries: int = TRIES) -> Ints | None:
    """For one node after another, those that use most first, the option that uses least and leaves all others one.

    None when a node's leanest options all leave another node without: there is no way back. With one try for a node no
    state is kept to come back to, which is what takes the time where there are many nodes.
    """
    weight = _weights(arrays)
    alive = arrays.cost < FORBIDDEN
    queue, waiting = np.arange(arrays.edges), np.ones(arrays.edges, dtype=np.bool_)
    if _lost(arrays, alive, queue, waiting, arrays.edges):
        return None
    choice = np.zeros(arrays.nodes, dtype=np.int64)
    heaviest = np.maximum.reduceat(weight, arrays.first[:-1])
    for node in np.argsort(-heaviest, kind="stable").tolist():
        if budget.over():
            return None
        mine = slice(int(arrays.first[node]), int(arrays.first[node + 1]))
        able = np.flatnonzero(alive[mine])
        able = able[np.lexsort((arrays.cost[mine][able], weight[mine][able]))]
        for option in able[:tries].tolist():
            tried = alive.copy() if tries > 1 else alive
            tried[mine] = False
            tried[mine.start + option] = True
            edges = arrays.incident[arrays.first_incident[node] : arrays.first_incident[node + 1]]
            queue[: len(edges)] = edges
            if tries > 1:
                waiting[:] = False  # a try that failed leaves some
            waiting[edges] = True
            if len(able) == 1 or not _lost(arrays, tried, queue, waiting, len(edges)):
                alive, choice[node] = tried, option
                break
        else:
            return None
    return choice


def _weights(arrays: Arrays) -> npt.NDArray[np.float64]:
    """The usage of each option, added up over the rows."""
    pieces = pieces_of(arrays)
    counts = arrays.options[pieces.owner]
    weight = np.zeros(len(arrays.cost), dtype=np.float64)
    long = np.repeat((pieces.end - pieces.start).astype(np.float64), counts)
    np.add.at(weight, runs(arrays.first[pieces.owner], counts), pieces.usage * long)
    return weight


def _lost(arrays: Arrays, alive: Flags, queue: Ints, waiting: Flags, count: int) -> bool:
    """Whether a node is left without an option; clears those in `alive` that the edges in the queue rule out."""
    lost = kernels.arc_consistent(
        arrays.first, arrays.edge_a, arrays.edge_b, arrays.edge_first, arrays.edge_cost, arrays.first_incident,
        arrays.incident, alive, queue, waiting, count,
    )  # fmt: skip
    return lost >= 0
