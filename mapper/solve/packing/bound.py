"""The lower bound of a packing: the most bytes live at one time, aligned."""

from __future__ import annotations

import numpy as np

from mapper.solve.packing.problem import Ints, Problem


def loads(problem: Problem) -> tuple[Ints, Ints]:
    """The times at which the live load changes, ascending, and the load in units from each on."""
    times = np.concatenate([problem.starts, problem.ends])
    changes = np.concatenate([problem.sizes, -problem.sizes])
    moments, index = np.unique(times, return_inverse=True)
    steps = np.zeros(len(moments), dtype=np.int64)
    np.add.at(steps, index, changes)
    return moments, np.cumsum(steps)


def bound(problem: Problem) -> int:
    """Bytes that any packing reaches: the peak of the live load, less the padding of the one that lies on top."""
    if not problem.items:
        return 0
    moments, load = loads(problem)
    peak = int(np.argmax(load))
    live = (problem.starts <= moments[peak]) & (problem.ends > moments[peak])
    padding = max(
        (int(problem.sizes[i]) * problem.unit - problem.items[i].size for i in np.flatnonzero(live)), default=0
    )
    return max(int(load[peak]) * problem.unit - padding, max(item.size for item in problem.items))
