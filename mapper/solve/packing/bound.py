"""The lower bound of a packing: the most bytes live at one time, aligned."""

from __future__ import annotations

from mapper.solve.packing.problem import Problem
from mapper.solve.packing.sections import sections


def bound(problem: Problem) -> int:
    """Bytes that any packing reaches: the peak of the live load, less the padding of the one that lies on top."""
    if not problem.items:
        return 0
    found = sections(problem)
    load = found.sums(problem.sizes)
    peak = int(load.argmax())
    most = int(load[peak]) * problem.unit
    padding = max(int(problem.sizes[i]) * problem.unit - problem.items[i].size for i in found.members(peak).tolist())
    return max(most - int(padding), *(item.size for item in problem.items))
