"""What no schedule of calls beats: the nodes of one path follow each other, each on the host or in one of few calls.

The nodes of a path that a call takes are neighbours on it (otherwise the call would wait for itself), and with two of
them it takes all that lies between, and what is tied to that. So a path costs at least the best division of it into
nodes on the host and calls, each call with the work of all it must take, within the memory, and with the transfers
from the nodes of the path before it and to those after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mapper.solve.stages.problem import Problem

NEVER = 2**61


@dataclass(frozen=True, slots=True)
class Division:
    """The least ticks of a path, and the nodes of the calls that it is then divided into (the rest on the host)."""

    ticks: int
    calls: tuple[tuple[int, ...], ...]


def divisions(problem: Problem) -> list[Division]:
    """The best division of each of some long paths; the ticks of each are a bound."""
    between = _Between(problem)
    paths = {tuple(path) for path in _paths(problem)}
    return [_division(problem, between, path) for path in sorted(paths)]


def _paths(problem: Problem) -> Iterator[list[int]]:
    """The longest paths by the least time of nodes, with and without their transfers, and by their sizes."""
    least = [min(t for t in node.times if t is not None) for node in problem.nodes]
    yield _longest(problem, least)
    yield _longest(problem, [t + node.transfer for t, node in zip(least, problem.nodes, strict=True)])
    yield _longest(problem, [sum(problem.nodes[i].size for i in problem.groups[g]) for g in problem.group_of])


def _longest(problem: Problem, weight: Sequence[int]) -> list[int]:
    length, before = [0] * len(weight), [-1] * len(weight)
    for i in problem.order:
        best = max(problem.producers[i], key=lambda a: length[a], default=-1)
        length[i], before[i] = weight[i] + (length[best] if best >= 0 else 0), best
    path = [max(range(len(weight)), key=lambda i: length[i])]
    while before[path[-1]] >= 0:
        path.append(before[path[-1]])
    return path[::-1]


def _division(problem: Problem, between: _Between, path: Sequence[int]) -> Division:
    """done[j][a]: the least ticks of the first j nodes of a path with a calls, whose last part cause[j][a] began."""
    accelerators = sum(d.count for d in problem.classes if d.transfers)
    done = [[0] * (accelerators + 1)] + [[NEVER] * (accelerators + 1) for _ in path]
    cause = [[(-1, False)] * (accelerators + 1) for _ in range(len(path) + 1)]
    for i, node in enumerate(path):
        host = _host_time(problem, node)
        for a in range(accelerators + 1):
            if done[i][a] + host < done[i + 1][a]:
                done[i + 1][a], cause[i + 1][a] = done[i][a] + host, (i, False)
        for j, ticks in between.calls(path, i):
            for a in range(accelerators):
                if done[i][a] + ticks < done[j + 1][a + 1]:
                    done[j + 1][a + 1], cause[j + 1][a + 1] = done[i][a] + ticks, (i, True)
    a = min(range(accelerators + 1), key=lambda n: done[-1][n])
    ticks, j, calls = done[-1][a], len(path), list[tuple[int, ...]]()
    while j > 0 and ticks < NEVER:
        i, call = cause[j][a]
        if call:
            calls.append(tuple(_bits(between.taken(path[i:j]))))
            a -= 1
        j = i
    return Division(ticks, tuple(calls))


def _host_time(problem: Problem, node: int) -> int:
    """Ticks of a node on the host, where all that is tied to it can run, or NEVER."""
    group = problem.groups[problem.group_of[node]]
    hosts = [c for c, d in enumerate(problem.classes) if d.count and not d.transfers]
    times = (problem.nodes[node].times[c] for c in hosts if problem.group_time(group, c) is not None)
    return min((t for t in times if t is not None), default=NEVER)


class _Between:
    """What a call takes with two nodes of a path, as sets of bits."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.after = [1 << i for i in range(len(problem.nodes))]
        self.before = list(self.after)
        for i in reversed(problem.order):
            for j in problem.consumers[i]:
                self.after[i] |= self.after[j]
        for i in problem.order:
            for j in problem.producers[i]:
                self.before[i] |= self.before[j]
        self.memory = max((_memory(d.memory) for d in problem.classes if d.transfers and d.count), default=-1)
        used = [c for c, d in enumerate(problem.classes) if d.transfers and d.count]
        self.time = [min((t for c in used if (t := n.times[c]) is not None), default=NEVER) for n in problem.nodes]

    def calls(self, path: Sequence[int], first: int) -> Iterator[tuple[int, int]]:
        """For each last position of a call that begins at position `first` of the path, its least ticks."""
        place = {node: k for k, node in enumerate(path)}
        nodes = self.problem.nodes
        taken = downs = ups = size = work = read = 0
        last_reader: dict[int, list[int]] = {}
        sent = 0
        sources: set[int] = set()
        for j in range(first, len(path)):
            for i in last_reader.pop(j, ()):
                sent -= nodes[i].transfer
            waiting = self._tied((1 << path[j]) & ~taken) & ~taken
            while waiting:
                for i in _bits(waiting):
                    taken |= 1 << i
                    downs, ups = downs | self.after[i], ups | self.before[i]
                    size, work = size + nodes[i].size, work + self.time[i]
                    for a in self.problem.producers[i]:
                        if place.get(a, first) < first and a not in sources:
                            sources.add(a)
                            read += nodes[a].transfer
                    reader = max((place.get(b, -1) for b in self.problem.consumers[i]), default=-1)
                    if reader > j:
                        sent += nodes[i].transfer
                        last_reader.setdefault(reader, []).append(i)
                waiting = self._tied(downs & ups & ~taken) & ~taken
            if size > self.memory or work >= NEVER:
                return
            yield j, work + read + sent

    def taken(self, part: Sequence[int]) -> int:
        """All that a call takes with these nodes."""
        members = sum(1 << i for i in part)
        while True:
            downs = ups = 0
            for i in _bits(members):
                downs, ups = downs | self.after[i], ups | self.before[i]
            more = self._tied(members | (downs & ups))
            if more == members:
                return members
            members = more

    def _tied(self, members: int) -> int:
        found = members
        for i in _bits(members):
            for j in self.problem.groups[self.problem.group_of[i]]:
                found |= 1 << j
        return found


def _bits(members: int) -> Iterator[int]:
    while members:
        low = members & -members
        yield low.bit_length() - 1
        members ^= low


def _memory(memory: int | None) -> int:
    return NEVER if memory is None else memory
