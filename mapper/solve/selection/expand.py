"""Steps of a reduction, each of which leads a choice of what is left back to a choice of what was there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mapper.solve.selection.rows import Ints, offsets, runs


class Step(Protocol):
    """A reduction that has been made."""

    def expand(self, choice: Ints) -> Ints:
        """The choice before the reduction that a choice after it stands for."""
        ...

    def project(self, choice: Ints) -> Ints:
        """The choice after the reduction that is nearest to a choice before it: its own if it has one."""
        ...

    def origin(self, node: int) -> int:
        """A node before the reduction that a node after it stands for."""
        ...


@dataclass(frozen=True, eq=False)
class Merged:
    """Node i is part of the new node owner[i], whose option o means the option option[at[i] + o] of i."""

    owner: Ints
    at: Ints
    option: Ints

    def expand(self, choice: Ints) -> Ints:
        before: Ints = self.option[self.at[:-1] + choice[self.owner]]
        return before

    def project(self, choice: Ints) -> Ints:
        """Each new node takes the option that most of the nodes in it agree with."""
        counts = np.diff(self.at)
        options = np.zeros(int(self.owner.max(initial=-1)) + 1, dtype=np.int64)
        options[self.owner] = counts
        first = offsets(options)
        agree = self.option == np.repeat(choice, counts)
        votes = np.bincount(runs(first[self.owner], counts)[agree], minlength=int(first[-1]))
        node = np.repeat(np.arange(len(options)), options)
        order = np.lexsort((-votes, node))
        return order[first[:-1]] - first[:-1]

    def origin(self, node: int) -> int:
        return int(np.argmax(self.owner == node))


@dataclass(frozen=True, eq=False)
class Eliminated:
    """Nodes that are gone, whose best option follows from those of their neighbours (two each, -1: none).

    stay: the nodes that stayed. columns: how many options the second neighbour has (1 without one).
    option[at[v] + columns[v] * (option of the first) + (option of the second)]: the best option of the v-th.
    """

    stay: Ints
    gone: Ints
    beside: Ints
    columns: Ints
    at: Ints
    option: Ints

    def expand(self, choice: Ints) -> Ints:
        before = np.zeros(len(self.stay) + len(self.gone), dtype=np.int64)
        before[self.stay] = choice
        first, second = (np.where(its >= 0, before[np.maximum(its, 0)], 0) for its in self.beside.T)
        before[self.gone] = self.option[self.at[:-1] + first * self.columns + second]
        return before

    def project(self, choice: Ints) -> Ints:
        return choice[self.stay]

    def origin(self, node: int) -> int:
        return int(self.stay[node])
