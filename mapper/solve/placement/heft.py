"""HEFT: items by upward rank, each on the option where it ends first.

Topcuoglu, Hariri, Wu: Performance-effective and low-complexity task scheduling for heterogeneous computing, IEEE TPDS
13(3), 2002. Memory capacities and ties are honoured: an option that breaks one is taken only when all do.
"""

from __future__ import annotations

from mapper.solve.placement.problem import Net, Problem, Solution
from mapper.solve.placement.state import State
from mapper.solve.placement.tables import Tables


def heft(tables: Tables) -> Solution:
    """The placement that HEFT makes; phases one after the other share residents and ties."""
    problem = tables.problem
    ranks = upward_ranks(problem)
    order = sorted(range(len(problem.items)), key=lambda i: (problem.items[i].phase, -ranks[i], i))
    state = State(tables)
    ended = [0] * len(problem.items)
    free: dict[tuple[int, int], int] = {}
    for i in order:
        item, broken = problem.items[i], state.outlook(i).broken
        ends = []
        for option in item.options:
            start = free.get((item.phase, option.machine), 0) if option.machine >= 0 else 0
            for n in problem.inputs[i]:
                start = max(start, _arrival(problem, problem.nets[n], state, ended, option.place))
            ends.append(start + option.ticks)
        best = min(range(len(ends)), key=lambda o: (broken[o], ends[o], o))
        state.insert(i, best)
        ended[i] = ends[best]
        machine = item.options[best].machine
        if machine >= 0:
            free[item.phase, machine] = ends[best]
    return state.solution()


def upward_ranks(problem: Problem) -> list[float]:
    """For each item the mean time from its start to the end of everything that depends on it."""
    ranks = [0.0] * len(problem.items)
    delays = [_mean_delay(problem, size) for size in range(len(problem.transfers))]
    for i in range(len(problem.items) - 1, -1, -1):
        options = problem.items[i].options
        mean = sum(o.ticks for o in options) / len(options)
        after = [delays[problem.nets[n].size] + ranks[s] for n in problem.outputs[i] for s in problem.nets[n].sinks]
        ranks[i] = mean + max(after, default=0.0)
    return ranks


def _mean_delay(problem: Problem, size: int) -> float:
    table = problem.transfers[size]
    return sum(t.ticks for t in table.values()) / len(table) if table else 0.0


def _arrival(problem: Problem, net: Net, state: State, ended: list[int], place: int) -> int:
    made = ended[net.source] if net.source >= 0 else 0
    start = state.place(net.source) if net.source >= 0 else net.origin
    if start in (place, -1):
        return made
    transfer = problem.transfers[net.size].get((start, place))
    return made + transfer.ticks if transfer else made
