"""Iterated local search: a few items are taken out, one is forced elsewhere, all are put back where they fit best."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mapper.solve.budget import Budget
from mapper.solve.placement.goal import Goal, Value
from mapper.solve.placement.problem import Solution
from mapper.solve.placement.state import State
from mapper.solve.placement.tables import Floats, Tables

HOT, COLD = 0.01, 0.0002
"""Acceptance: how much worse (relative) a placement may be at the start and at the end."""


@dataclass(frozen=True)
class Neighbours:
    """Which items to free together. twins: of the same residents or ties; mates: of the same repeat and phase;
    wired: next to it on a net; rows: every phase's items in order."""

    twins: tuple[tuple[int, ...], ...]
    mates: tuple[tuple[int, ...], ...]
    wired: tuple[tuple[int, ...], ...]


def neighbours(tables: Tables) -> Neighbours:
    """The neighbourhoods of every item."""
    problem = tables.problem
    count = len(problem.items)
    by_resident: dict[int, set[int]] = {}
    by_repeat: dict[tuple[str, int], list[int]] = {}
    for i, item in enumerate(problem.items):
        by_repeat.setdefault((item.repeat, item.phase), []).append(i)
        for k in {k for o in item.options for k in o.needs}:
            by_resident.setdefault(k, set()).add(i)
    twins: list[set[int]] = [set(tables.partners[i]) for i in range(count)]
    for users in by_resident.values():
        if len(users) <= 4:
            for i in users:
                twins[i] |= users - {i}
    wired: list[set[int]] = [set() for _ in range(count)]
    for net in problem.nets:
        ends = [i for i in (net.source, *net.sinks) if i >= 0]
        for i in ends[:6]:
            wired[i].update(j for j in ends[:6] if j != i)
    return Neighbours(
        tuple(tuple(sorted(s)) for s in twins),
        tuple(tuple(by_repeat[item.repeat, item.phase]) for item in problem.items),
        tuple(tuple(sorted(s)) for s in wired),
    )


class Descent:
    """The search from one placement; `steps` counts outlooks, the unit of its budget."""

    def __init__(self, tables: Tables, goal: Goal, near: Neighbours, start: Solution, seed: int) -> None:
        self.state = State.of(tables, start.choice)
        self.best_choice = list(start.choice)
        self.best: Value = goal.value(self.state)
        self.steps = 0
        self._tables, self._goal, self._near = tables, goal, near
        self._random = random.Random(seed)
        self._guide = goal.guide(self.state)
        self._kinds: list[Callable[[], list[int]]] = [self._alone, self._pair, self._row, self._wires, self._busy]
        self._where = list(start.choice)
        self._busy_items: list[int] = []
        self._age = 0

    def run(self, steps: int, budget: Budget, good_enough: float = -math.inf) -> None:
        """Search for about `steps` outlooks; ends early when the budget is over or a value is good enough."""
        begin, items = self.steps, len(self._where)
        movable = [i for i in range(items) if len(self._tables.places[i]) > 1]
        if not movable:
            return
        while self.steps - begin < steps and not budget.over():
            heat = HOT * (COLD / HOT) ** ((self.steps - begin) / steps)
            self._step(self._random.choice(self._kinds)(), heat)
            if self.best[0] == 0 and self.best[1] <= good_enough:
                return

    def _step(self, freed: list[int], heat: float) -> None:
        """Free some items, force the first elsewhere, put them back, and keep or undo the change."""
        freed = list(dict.fromkeys(j for i in freed for j in (i, *self._near.twins[i])))
        before = self.state.saved()
        removed = [(i, self.state.remove(i)) for i in freed]
        forced, guide = self._random.random() < 0.7, math.inf
        for k, (i, old) in enumerate(removed):
            self.steps += 1
            scores = self._goal.scores(self.state.outlook(i), self._where, i)
            forced = forced and k == 0 and len(scores) > 1
            o = self._one_of_the_best(scores, old) if forced else int(scores.argmin())
            self.state.insert(i, o)
            self._where[i] = o
            guide = float(scores[o])  # of the last item: of the whole
        slack = -heat * math.log(max(self._random.random(), 1e-12)) * min(self._guide, 2.0)
        if guide <= self._guide + slack:
            self._guide = guide
            self._keep()
        else:
            self.state.restore(before)
            for i, old in removed:
                self._where[i] = old

    def _one_of_the_best(self, scores: Floats, but: int) -> int:
        order = [o for o in np.argsort(scores, kind="stable").tolist() if o != but]
        return int(order[min(int(self._random.expovariate(0.7)), len(order) - 1)])

    def _keep(self) -> None:
        """Remember the placement if it is the best; the exact value is only asked of those that may be."""
        if self.state.broken > self.best[0]:
            return
        value = self._goal.value(self.state)
        if value < self.best:
            self.best = value
            self.best_choice = list(self.state.choice)

    def _any(self) -> int:
        return self._random.randrange(len(self._where))

    def _alone(self) -> list[int]:
        return [self._any()]

    def _pair(self) -> list[int]:
        """Two items of one class: they may swap."""
        i = self._any()
        return [i, self._random.choice(self._near.mates[i])]

    def _row(self) -> list[int]:
        """A few items that follow each other."""
        i = self._any()
        return list(range(i, min(len(self._where), i + self._random.randint(2, 5))))

    def _wires(self) -> list[int]:
        i = self._any()
        return [i, *self._near.wired[i][:5]]

    def _busy(self) -> list[int]:
        """Items of the busiest resource, and one from anywhere."""
        if self._age <= 0:
            self._busy_items, self._age = self._on_the_busiest(), 20
        self._age -= 1
        if not self._busy_items:
            return [self._any()]
        first = self._random.choice(self._busy_items)
        return [first, self._any(), self._random.choice(self._busy_items)]

    def _on_the_busiest(self) -> list[int]:
        t, row = self._tables, self.state.row[:-2]
        if len(row) == 0 or row.max() < self.state.private.max():
            r = int(self.state.private.argmax())
            return [i for i, o in enumerate(self._where) if r in t.privates[i][o]]
        column = int(row.argmax())
        return [i for i, o in enumerate(self._where) if t.rows[i][o, column] > 0]
