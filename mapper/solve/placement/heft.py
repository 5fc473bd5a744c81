"""HEFT on a placement problem: items by upward rank, each on the option where it ends first.

The algorithm is that of `mapper.solve.makespan.flexible.listing`; here items become tasks, options modes, nets edges.
Memory capacities, routes and ties are honoured: an option that breaks one is taken only when all do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mapper.errors import MapperError
from mapper.solve.makespan import Resource
from mapper.solve.makespan import flexible as fx
from mapper.solve.makespan.flexible.listing import listed
from mapper.solve.makespan.flexible.ranks import upward_ranks
from mapper.solve.placement.problem import Problem, Solution
from mapper.solve.placement.state import State
from mapper.solve.placement.tables import Tables


def heft(tables: Tables) -> Solution:
    """The placement that HEFT makes; phases one after the other share residents and ties."""
    problem = tables.problem
    count = len(problem.items)
    tasks = _tasks(problem)
    later = 1.0 + sum(max(m.ticks for m in t.modes) for t in tasks.tasks) + _longest_moves(tasks)
    ranks = upward_ranks(tasks)
    phases = len(problem.calls)
    ranks = [rank + (phases - item.phase) * later for rank, item in zip(ranks, problem.items, strict=False)]
    ranks += [(phases + 1) * later] * (len(tasks.tasks) - count)
    state = State(tables)
    broken: dict[int, np.ndarray] = {}

    def outlook(i: int, m: int, end: int) -> tuple[float, ...]:
        if i >= count:
            return (end,)
        if i not in broken:
            broken[i] = state.outlook(i).broken
        return float(broken[i][m]), end

    def placed(i: int, m: int) -> None:
        if i < count:
            del broken[i]
            state.insert(i, m)

    if listed(tasks, ranks, outlook, placed) is None:
        raise MapperError("internal: HEFT met a place without a way to it")
    return state.solution()


Ends = tuple[int, int]
"""Where a result lies, and where the operands must."""


@dataclass(frozen=True)
class _Tasks(fx.Problem):
    """Tasks whose modes may read elsewhere than they leave their results: a mode's place indexes `ends`."""

    ends: tuple[Ends, ...] = ()

    def transfer(self, edge: fx.Edge, source: fx.Mode, sink: fx.Mode) -> fx.Transfer | None:
        """What moves from where the source leaves its result to where the sink reads it."""
        assert edge.size is not None
        return self.transfers[edge.size].get((self.ends[source.place][0], self.ends[sink.place][1]))

    def reachable(self, edge: fx.Edge, source: fx.Mode, sink: fx.Mode) -> bool:
        """A way that does not exist is told by the outlook."""
        return True


def _tasks(problem: Problem) -> _Tasks:
    """Items as tasks, then a task without ticks for each place from which a fixed value comes.

    A machine serves each phase on its own. Transfers hold nothing, and where no route exists take no time: the outlook
    tells that an option breaks a rule.
    """
    machines: dict[tuple[int, int], int] = {}
    ends: dict[Ends, int] = {}
    tasks = []
    for item in problem.items:
        modes = []
        for option in item.options:
            held = (
                () if option.machine < 0 else ((machines.setdefault((item.phase, option.machine), len(machines)), 1),)
            )
            place = ends.setdefault((option.place, option.reads_at), len(ends))
            modes.append(fx.Mode(option.name, option.ticks, held, place))
        tasks.append(fx.Task(item.name, tuple(modes)))
    origins: dict[int, int] = {}
    edges = []
    for net in problem.nets:
        source = net.source
        if source < 0:
            source = origins.setdefault(net.origin, len(tasks))
            if source == len(tasks):
                here = ends.setdefault((net.origin, net.origin), len(ends))
                tasks.append(fx.Task(f"place {net.origin}", (fx.Mode("here", 0, (), here),)))
        edges += [fx.Edge(source, sink, net.size) for sink in net.sinks]
    resources = tuple(Resource(f"machine {m} of phase {p}", 1) for p, m in machines)
    moves = tuple(_moves(problem, t) for t in range(len(problem.transfers)))
    return _Tasks(tuple(tasks), tuple(edges), resources, moves, tuple(ends))


def _moves(problem: Problem, size: int) -> Mapping[tuple[int, int], fx.Transfer]:
    """The transfers of a size between any two places."""
    places = range(len(problem.places))
    known = problem.transfers[size]
    return {(a, b): fx.Transfer(known[a, b].ticks if (a, b) in known else 0) for a in places for b in places if a != b}


def _longest_moves(tasks: fx.Problem) -> float:
    longest = [max((t.ticks for t in table.values()), default=0) for table in tasks.transfers]
    return float(sum(longest[edge.size] for edge in tasks.edges if edge.size is not None))
