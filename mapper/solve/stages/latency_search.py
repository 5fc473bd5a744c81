"""Calls and nodes on the host for a short latency: greedy filling, the divisions of paths, and annealing from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from mapper.solve.budget import Budget
from mapper.solve.incumbent import Incumbent
from mapper.solve.stages.latency_bound import Division
from mapper.solve.stages.problem import Problem, Solution

Ints = npt.NDArray[np.int64]
Indexes = npt.NDArray[np.int32]

STEPS = 20_000
"""Moves of a first annealing; each further round has twice as many, up to `MOST_STEPS`."""
MOST_STEPS = 640_000
KEPT = 2
"""Assignments that are annealed on, of the starts that were tried."""
HOT, COLD = 0.02, 0.00005
"""First and last heat, as shares of the latency."""
SECONDS_PER_MOVE = 2e-8
"""Deterministic seconds charged for a move and each node and edge of the graph (measured)."""


class Search:
    """A latency problem in arrays, and the host's device."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.host = next((d for d, c in enumerate(problem.devices) if not problem.classes[c].transfers), -1)
        self.accelerators = [d for d, c in enumerate(problem.devices) if problem.classes[c].transfers]
        nodes, groups = problem.nodes, problem.groups
        self.times = np.array([[n.times[c] or 0 for n in nodes] for c in problem.devices], dtype=np.int64)
        self.transfer = np.array([n.transfer for n in nodes], dtype=np.int64)
        self.out_at, self.out = _rows(problem.consumers)
        self.group_of = np.array(problem.group_of, dtype=np.int32)
        self.member_at, self.member = _rows(groups)
        near: list[set[int]] = [set() for _ in groups]
        for a, b in problem.edges:
            g, h = problem.group_of[a], problem.group_of[b]
            if g != h:
                near[g].add(h)
                near[h].add(g)
        self.near_at, self.near = _rows([sorted(x) for x in near])
        position = {i: k for k, i in enumerate(problem.order)}
        self.rank = np.array([min(position[i] for i in group) for group in groups], dtype=np.int64)
        self.sizes = np.array([sum(nodes[i].size for i in group) for group in groups], dtype=np.int64)
        limits = [problem.classes[c].memory for c in problem.devices]
        self.memory = np.array([2**62 if limit is None else limit for limit in limits], dtype=np.int64)
        self.allowed = np.array([[problem.group_time(g, c) is not None for g in groups] for c in problem.devices])
        for d in range(len(problem.devices)):
            if d != self.host and d not in self.accelerators:
                self.allowed[d] = False

    def filled(self) -> list[int] | None:
        """Groups in a topological order, each to the accelerator in turn while it fits: the authors' greedy filling."""
        device, left, used = [-1] * len(self.problem.nodes), list(self.accelerators), 0
        for g in np.argsort(self.rank, kind="stable"):
            while left and self.allowed[left[0], g] and used + self.sizes[g] > self.memory[left[0]]:
                del left[0]
                used = 0
            if left and self.allowed[left[0], g]:
                d, used = left[0], used + int(self.sizes[g])
            elif self.host >= 0 and self.allowed[self.host, g]:
                d = self.host
            else:
                return None
            for i in self.problem.groups[g]:
                device[i] = d
        return device

    def on_host(self) -> list[int] | None:
        """Everything on the host; None where it cannot run all."""
        if self.host < 0 or not self.allowed[self.host].all():
            return None
        return [self.host] * len(self.problem.nodes)

    def divided(self, division: Division) -> list[int] | None:
        """The calls of a division on the accelerators in turn, the rest on the host; None where a call fits none."""
        device = self.on_host()
        free = list(self.accelerators)
        for call in division.calls:
            size = sum(self.problem.nodes[i].size for i in call)
            groups = {self.problem.group_of[i] for i in call}
            fitting = [d for d in free if size <= self.memory[d] and all(self.allowed[d, g] for g in groups)]
            if device is None or not fitting:
                return None
            free.remove(fitting[0])
            for i in call:
                device[i] = fitting[0]
        return device

    def value(self, device: Sequence[int]) -> int:
        """The ticks of an assignment; 2**62 where calls wait for each other."""
        from mapper.solve.stages import latency_kernels

        room = np.zeros((7, len(device) + len(self.problem.devices)), dtype=np.int64)
        given = np.array(device, dtype=np.int32)
        return int(latency_kernels.latency(given, self.host, self.times, self.transfer, self.out_at, self.out, room))

    def anneal(self, device: Sequence[int], steps: int, seed: int) -> tuple[int, list[int]]:
        """The best ticks met on the way from an assignment, and its devices."""
        from mapper.solve.stages import latency_kernels

        given, best = np.array(device, dtype=np.int32), np.array(device, dtype=np.int32)
        start = self.value(device)
        least, _ = latency_kernels.anneal(
            *(seed, steps, max(1.0, HOT * start), max(0.5, COLD * start), given, self.host, self.times, self.transfer),
            *(self.out_at, self.out, self.group_of, self.member_at, self.member, self.near_at, self.near),
            *(self.rank, self.sizes, self.memory, self.allowed, best),
        )
        return int(least), best.tolist()


def search(search: Search, starts: Iterable[Sequence[int]], incumbent: Incumbent[Solution], budget: Budget) -> None:
    """Offer the starts, then what annealing makes of them, round after round, until the budget ends."""
    pool = [(search.value(device), list(device)) for device in starts]
    pool = [(value, device) for value, device in sorted(pool) if value < 2**62]
    for _, device in pool:
        incumbent.offer(Solution(tuple(device)), "starts")
    problem = search.problem
    charge = SECONDS_PER_MOVE * (len(problem.nodes) + len(problem.edges))
    steps, spent, trial = STEPS, 0.0, 0
    while pool and not incumbent.closed and not budget.over() and spent < budget.deterministic_seconds:
        for k, (_, device) in enumerate(pool):
            trial += 1
            value, found = search.anneal(device, steps, budget.seed + trial)
            pool[k] = (value, found)
            incumbent.offer(Solution(tuple(found)), "annealing")
            spent += steps * charge
            budget.spend("annealing", steps * charge)
            if incumbent.closed or budget.over() or spent >= budget.deterministic_seconds:
                return
        pool = sorted(pool)[: max(KEPT, len(pool) // 2)]
        steps = min(2 * steps, MOST_STEPS)


def _rows(lists: Sequence[Sequence[int]]) -> tuple[Ints, Indexes]:
    """Lists as one array and where each begins."""
    starts = np.cumsum([0, *map(len, lists)])
    return starts, np.array([x for row in lists for x in row], dtype=np.int32)
