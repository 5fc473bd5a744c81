"""The sections of a packing: the moments at which most buffers are live, and the parts that share no moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapper.solve.packing.problem import Ints, Problem


@dataclass(frozen=True, eq=False)
class Sections:
    """Moments with a maximal set of live buffers, ascending; buffer i is live in those of [first[i], last[i]).

    Any two buffers that are live together are so in a section; other moments have nothing to add.
    """

    moments: Ints
    first: Ints
    last: Ints

    def sums(self, values: Ints) -> Ints:
        """For each section the sum of a value over its live buffers."""
        steps = np.zeros(len(self.moments) + 1, dtype=np.int64)
        np.add.at(steps, self.first, values)
        np.subtract.at(steps, self.last, values)
        return np.cumsum(steps)[:-1]

    def members(self, section: int) -> Ints:
        """The buffers live in a section."""
        return np.flatnonzero((self.first <= section) & (self.last > section))


def sections(problem: Problem) -> Sections:
    """The last birth before each death, where buffers are born in between."""
    births = np.unique(problem.starts)
    moments = births[np.unique(np.searchsorted(births, problem.ends) - 1)]
    return Sections(moments, np.searchsorted(moments, problem.starts), np.searchsorted(moments, problem.ends))


def components(problem: Problem) -> list[Ints]:
    """The buffers that have a size in groups none of which is live together with another, small groups first."""
    sized = np.flatnonzero(problem.sizes)
    if not len(sized):
        return []
    order = sized[np.argsort(problem.starts[sized], kind="stable")]
    reach = np.maximum.accumulate(problem.ends[order])
    cuts = np.flatnonzero(problem.starts[order[1:]] >= reach[:-1]) + 1
    return sorted((np.sort(group) for group in np.split(order, cuts)), key=len)
