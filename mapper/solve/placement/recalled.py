"""Results of searches that were asked before: equal questions are searched once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from mapper.solve.placement.problem import Problem

if TYPE_CHECKING:  # the search loads solvers
    from mapper.solve.placement.driver import Result

MOST = 12
"""So many results are kept, the latest: a problem of a thousand tasks is some megabytes, and figures of which the same
comes (a clock, a rate) stand near each other."""


class Recalled:
    """What searches from a start found, by all that they were asked."""

    def __init__(self) -> None:
        self._found: deque[tuple[Problem, tuple[object, ...], Result]] = deque(maxlen=MOST)

    def result(self, problem: Problem, asked: tuple[object, ...], search: Callable[[], Result]) -> Result:
        """What the search found when it was asked the same, that is all that it depends on beside the problem, or what
        it finds now; one that was ended early is not kept."""
        for other, former, result in self._found:
            if former == asked and other == problem:
                return result
        result = search()
        if result.status != "interrupted":
            self._found.append((problem, asked, result))
        return result
