"""The latency of one sample: accelerators take one call each, the host has a core for every node that is ready.

A call starts when all its inputs are in the host's memory, lasts the work of its nodes and the transfers of what it
reads and of what others read of it, and its results are there at its end: Tarnawski et al. (NeurIPS 2020), appendix A,
with one subgraph for each accelerator. The problem is that of `stages`: a device that pays for transfers is an
accelerator, one that does not is the host, and all nodes of the host are on its first device.
"""

from __future__ import annotations

from mapper.errors import MapperError
from mapper.solve.stages.problem import Problem, Solution
from mapper.solve.stages.verify import device, memory, support, ties


def verify(problem: Problem, solution: Solution) -> int:
    """The ticks until all is done. Refuses a solution that breaks a rule; the message starts with the rule's name."""
    device(problem, solution)
    support(problem, solution)
    ties(problem, solution)
    memory(problem, solution)
    return max(calls(problem, solution))


def calls(problem: Problem, solution: Solution) -> list[int]:
    """When the result of each node is there, by replaying the calls; refuses calls that wait for each other."""
    parts = _parts(problem, solution)
    part_of = {i: p for p, members in enumerate(parts) for i in members}
    waits = [{part_of[a] for i in members for a in problem.producers[i]} - {p} for p, members in enumerate(parts)]
    end: dict[int, int] = {}
    waiting = list(range(len(parts)))
    while waiting:
        ready = [p for p in waiting if all(w in end for w in waits[p])]
        if not ready:
            names = {problem.device_names[solution.device[parts[p][0]]] for p in waiting if len(parts[p]) > 1}
            raise MapperError(f"calls: those of {', '.join(sorted(names))} wait for each other's results")
        for p in ready:
            end[p] = max((end[w] for w in waits[p]), default=0) + _ticks(problem, solution, parts[p])
        waiting = [p for p in waiting if p not in end]
    return [end[part_of[i]] for i in range(len(problem.nodes))]


def _parts(problem: Problem, solution: Solution) -> list[list[int]]:
    """The nodes of each call, and each node of the host alone."""
    calls: dict[int, list[int]] = {}
    alone = []
    for i, d in enumerate(solution.device):
        if problem.classes[problem.devices[d]].transfers:
            calls.setdefault(d, []).append(i)
        else:
            alone.append([i])
    return [*calls.values(), *alone]


def _ticks(problem: Problem, solution: Solution, members: list[int]) -> int:
    """How long a call, or a node on the host, lasts."""
    device_class = problem.devices[solution.device[members[0]]]
    work = sum(problem.nodes[i].times[device_class] or 0 for i in members)
    if not problem.classes[device_class].transfers:
        return work
    inside = set(members)
    sent = {i for i in members if any(j not in inside for j in problem.consumers[i])}
    read = {a for i in members for a in problem.producers[i] if a not in inside}
    return work + sum(problem.nodes[i].transfer for i in sent | read)
