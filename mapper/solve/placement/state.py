"""A partial placement whose totals follow every change, and what each option of one item would make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mapper.solve.placement.problem import Solution
from mapper.solve.placement.tables import Flags, Floats, Ints, Tables


@dataclass(frozen=True, slots=True)
class Outlook:
    """What each option of an item would lead to: [options, columns] totals, the busiest private resource, and by how
    much the rules would be broken (0 where they hold: bytes over capacity in units of the largest memory, missing
    routes, broken ties)."""

    rows: Ints
    private: Ints
    broken: Floats

    def intervals(self) -> Ints:
        """The interval under each option."""
        found: Ints = np.maximum(self.rows[:, :-2].max(axis=1, initial=0), self.private)
        return found


@dataclass(frozen=True, slots=True)
class Saved:
    """A moment of a state."""

    choice: list[int]
    arrays: tuple[Ints, ...]
    mismatched: int


class State:
    """A placement in the making: items without an option count for nothing."""

    def __init__(self, tables: Tables) -> None:
        problem = tables.problem
        self.tables = tables
        self.choice = [-1] * len(problem.items)
        self.row = np.zeros(tables.columns + 2, dtype=np.int64)
        self.private = np.zeros(len(problem.resources) + 1, dtype=np.int64)
        self.refs = np.zeros(len(problem.residents) + 1, dtype=np.int64)
        self.refs[-1] = 1
        self.used = np.zeros(len(problem.memories), dtype=np.int64)
        self.source = np.array([n.origin if n.source < 0 else -1 for n in problem.nets], dtype=np.int64)
        self.wanted = np.zeros((len(problem.nets), len(problem.places)), dtype=np.int64)
        self.mismatched = 0
        self._size = [n.size for n in problem.nets]
        self._sizes = np.array(self._size, dtype=np.int64)
        self._outputs = problem.outputs
        self._inputs = problem.inputs
        self._input_arrays = [np.array(nets, dtype=np.int64) for nets in problem.inputs]
        self._byte_scale = 1.0 / max(1, max(problem.capacities, default=1))
        for n, net in enumerate(problem.nets):
            for end in set(net.ends):
                self.wanted[n, end] += 1
            if net.source < 0:
                self.row += (self.wanted[n] > 0) @ tables.moves[net.size, net.origin]

    @classmethod
    def of(cls, tables: Tables, choice: Sequence[int]) -> State:
        """The state of a whole solution."""
        state = cls(tables)
        for i, o in enumerate(choice):
            state.insert(i, o)
        return state

    def place(self, i: int) -> int:
        """Where item i lies (-1: nowhere yet)."""
        o = self.choice[i]
        return -1 if o < 0 else self.tables.lies[i][o]

    def insert(self, i: int, o: int) -> None:
        """Give item i, which has none, the option o."""
        self.choice[i] = o
        self._account(i, o, 1)

    def remove(self, i: int) -> int:
        """Take item i's option away; it is returned."""
        o = self.choice[i]
        self._account(i, o, -1)
        self.choice[i] = -1
        return o

    def _account(self, i: int, o: int, sign: int) -> None:
        t, row, wanted = self.tables, self.row, self.wanted
        place, reads = t.lies[i][o], t.fetches[i][o]
        change = np.add if sign > 0 else np.subtract
        change(row, t.rows[i][o], out=row)
        for n in self._inputs[i]:
            count = int(wanted[n, reads])
            wanted[n, reads] = count + sign
            source = int(self.source[n])
            if source >= 0 and source != reads and (count == 0 or count + sign == 0):
                change(row, t.moves[self._size[n], source, reads], out=row)
        for n in self._outputs[i]:
            change(row, (wanted[n] > 0) @ t.moves[self._size[n], place], out=row)
            self.source[n] = place if sign > 0 else -1
        if t.privates[i].shape[1]:
            self.private[t.privates[i][o]] += sign * t.private_ticks[i][o]
        for k in t.keeps[i][o]:
            before = int(self.refs[k])
            self.refs[k] = before + sign
            if before == 0 or before + sign == 0:
                self.used[t.memory_of[k]] += sign * t.bytes_of[k]
        for j in t.partners[i]:
            other = self.choice[j]
            if other >= 0 and t.lies[j][other] != place:
                self.mismatched += sign

    def outlook(self, i: int) -> Outlook:
        """What each option of item i, which has none, would lead to."""
        t = self.tables
        rows = t.rows[i] + self.row
        coming, leaving = self._transfers_by_place(i)
        if coming is not None:
            rows += coming[t.reads[i]]
        if leaving is not None:
            rows += leaving[t.places[i]]
        private_ticks = t.private_ticks[i]
        busiest = self.private.max()
        if private_ticks.shape[1]:
            private: Ints = np.maximum(busiest, (self.private[t.privates[i]] + private_ticks).max(axis=1))
        else:
            private = np.full(len(rows), busiest, dtype=np.int64)
        broken = rows[:, -1] + self._overflow(i)
        for j in t.partners[i]:
            if self.choice[j] >= 0:
                broken += t.places[i] != self.place(j)
        return Outlook(rows, private, broken + self.mismatched)

    def _transfers_by_place(self, i: int) -> tuple[Ints | None, Ints | None]:
        """What bringing item i its operands takes, by the place where it reads them, and sending its results, by the
        place where it leaves them (None: nothing)."""
        t = self.tables
        coming: Ints | None = None
        leaving: Ints | None = None
        nets = self._input_arrays[i]
        if len(nets):
            known = nets[self.source[nets] >= 0] if (self.source[nets] < 0).any() else nets
            missing = self.wanted[known] == 0
            coming = (missing[:, :, None] * t.moves[self._sizes[known], self.source[known]]).sum(axis=0)
        for n in self._outputs[i]:
            goes: Flags = self.wanted[n] > 0
            sent = t.moves[self._size[n]][:, goes].sum(axis=1)
            leaving = sent if leaving is None else leaving + sent
        return coming, leaving

    def _overflow(self, i: int) -> Floats:
        """Bytes over capacity under each option, in units of the largest memory."""
        t = self.tables
        needs, (most, size, at) = t.needs[i], t.grows[i]
        options, memories = len(needs), len(self.used)
        if not memories or (self.used + most <= t.capacities).all():  # all options fit, whatever is there already
            return np.zeros(options)
        used = self.used[None, :]
        if needs.shape[1]:
            new = size * (self.refs[needs] == 0)
            used = used + np.bincount(at, new.ravel(), options * memories).reshape(options, memories)
        over: Floats = np.maximum(used - t.capacities, 0).sum(axis=1) * self._byte_scale
        return over if needs.shape[1] else np.repeat(over, options)

    @property
    def interval(self) -> int:
        """The busiest resource's ticks."""
        return int(max(self.row[:-2].max(initial=0), self.private.max()))

    @property
    def cost(self) -> int:
        """Energy without idle power."""
        return int(self.row[-2])

    def loads(self) -> Ints:
        """The busy ticks of every resource."""
        loads = self.private[:-1].copy()
        loads[self.tables.shared] += self.row[:-2]
        return loads

    @property
    def broken(self) -> float:
        """By how much the rules are broken (0: feasible as far as placed)."""
        over = np.maximum(self.used - self.tables.capacities, 0).sum() * self._byte_scale
        return float(self.row[-1] + over + self.mismatched)

    def saved(self) -> Saved:
        """Everything `restore` needs to come back here."""
        arrays = (self.row, self.private, self.refs, self.used, self.source, self.wanted)
        return Saved(list(self.choice), tuple(a.copy() for a in arrays), self.mismatched)

    def restore(self, saved: Saved) -> None:
        """Come back to a saved moment (once: its arrays are taken over)."""
        self.choice, self.mismatched = saved.choice, saved.mismatched
        self.row, self.private, self.refs, self.used, self.source, self.wanted = saved.arrays

    def solution(self) -> Solution:
        """The options chosen so far as a solution (all items must have one)."""
        return Solution(tuple(self.choice))
