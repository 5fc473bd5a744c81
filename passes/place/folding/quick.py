"""A bound of a placement problem that is found before the problem is written: classes of tasks, without transfers."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from mapper.cost.estimate import Estimator
from mapper.cost.places import Places
from mapper.cost.residency import Stored, stored_as
from mapper.ir.graph import main_weight
from mapper.ir.plan import Cluster, Option, Plan
from mapper.ir.request import runs
from mapper.solve.budget import Budget
from mapper.solve.placement.linear import Solver
from mapper.solve.placement.program import Program
from passes.place.prices import OWN, Price, Prices

SAFE = 1e-6
"""Relative reserve for the rounding of sums of floats."""


Kept = tuple[str, str, Stored]
"""Weights of a class: the class, the memory that they lie in, how they are stored there."""


@dataclass(frozen=True)
class Sort:
    """Tasks of one class in one phase: how many, what their options cost, and which weights each keeps; None where the
    weights may be those of other clusters, too."""

    many: int
    prices: tuple[Price, ...]
    kept: tuple[Kept | None, ...]


class Quick:
    """Bounds of all placements of a plan, in the ticks and picojoules of the placement problem."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.estimator = Estimator(plan.target, plan.graph, plan.phases, plan.precision)
        self.calls = runs(plan, plan.objective).counts

    def bound(self, objective: str, budget: Budget) -> float:
        """What no placement undercuts under an objective of the placement problem."""
        sorts = self.sorts()
        if not all(sort.prices for sort in sorts.values()):
            return 0.0  # what runs nowhere is told by the search
        if self._overfull(sorts):
            return math.inf
        match objective:
            case "throughput":
                return self._interval(list(sorts.values()), budget)
            case "latency":
                return self._latency(sorts)
        energy = sum(sort.many * min(p.cost for p in sort.prices) for sort in sorts.values())
        found = energy + self.plan.target.idle_power_w * self._interval(list(sorts.values()), budget)
        return found * (1 - SAFE) * (self._latency(sorts) if objective == "edp" else 1.0)

    def activities(self) -> int:
        """At least as many as the tasks and transfers of a request."""
        graph, plan, found = self.plan.graph, self.plan, 0
        for calls, phase in zip(self.calls, plan.phases, strict=True):
            values = plan.values_of[phase.name]
            ends = sum(len(graph.users[n]) + 1 for n in values)
            found += calls * (len(plan.tasks or ()) + 2 * ends)
        return found

    def sorts(self) -> dict[tuple[str, str], Sort]:
        """By class and phase."""
        plan = self.plan
        places = Places(plan.target, self.estimator)
        prices = Prices(plan, places, self.estimator, {p: k for k, p in enumerate(places.used(plan.options or ()))})
        first = {plan.cluster[t.cluster].repeat: plan.cluster[t.cluster] for t in reversed(plan.tasks or ())}
        many = Counter((plan.cluster[t.cluster].repeat, t.phase) for t in plan.tasks or ())
        found = {}
        for (repeat, phase), n in many.items():
            cluster = first[repeat]
            pairs = [(u, o) for o in plan.options_of[repeat] if o.serves(phase) for u in o.units]
            found[repeat, phase] = Sort(
                n,
                tuple(prices.of(cluster, phase, unit, option) for unit, option in pairs),
                tuple(self._kept(cluster, unit, option) for unit, option in pairs),
            )
        return found

    def _kept(self, cluster: Cluster, unit: str, option: Option) -> Kept | None:
        if option.source < 0 or cluster.repeat not in self._unshared:
            return None
        stored = stored_as(self.plan, self.estimator, cluster, self.plan.target.unit[unit], option)
        return cluster.repeat, stored.memory, stored

    @cached_property
    def _unshared(self) -> set[str]:
        """Classes whose clusters have weights that no other cluster has."""
        plan = self.plan
        clusters = plan.clusters or ()
        mains = {c.name: main_weight(plan.graph, c.ops) for c in clusters}
        users = Counter(mains.values())
        shared = {c.repeat for c in clusters if users[mains[c.name]] > 1 or len(plan.sharers[plan.holder[c.name]]) > 1}
        return {c.repeat for c in clusters} - shared

    def _overfull(self, sorts: dict[tuple[str, str], Sort]) -> bool:
        """Whether the weights alone are more than all memories hold, whatever the options."""
        least: dict[str, int] = {}
        for (repeat, _), sort in sorts.items():
            if all(kept is not None for kept in sort.kept):
                size = sort.many * min(kept[2].bytes for kept in sort.kept if kept is not None)
                least[repeat] = max(size, least.get(repeat, 0))
        return sum(least.values()) > sum(memory.capacity_bytes for memory in self.plan.target.memories)

    def _interval(self, sorts: list[Sort], budget: Budget) -> float:
        """The least interval in which all resources that tasks share can do their part, while the memories hold the
        weights; without that where no shares of options do: a bound that says less than that nothing fits."""
        return self._shared_interval(sorts, budget, True) or self._shared_interval(sorts, budget, False)

    def _shared_interval(self, sorts: list[Sort], budget: Budget, memories: bool) -> float:
        """That interval, 0 where there is no answer; weights kept in arrays of their own have no part in it."""
        rows = [[_shared(price) for price in sort.prices] for sort in sorts]
        most = float(sum(sort.many * max(sum(x.values()) for x in row) for sort, row in zip(sorts, rows, strict=True)))
        if not most:
            return 0.0
        program = Program()
        interval = program.column(1.0, 1.0)
        taken: dict[str | int, list[tuple[int, float]]] = {}
        chosen: list[list[int]] = []
        for sort, row in zip(sorts, rows, strict=True):
            columns = [program.column(1.0) for _ in row]
            program.row([(x, 1.0) for x in columns], 1.0, 1.0)
            for x, loads in zip(columns, row, strict=True):
                for r, ticks in loads.items():
                    taken.setdefault(r, []).append((x, sort.many * ticks / most))
            chosen.append(columns)
        for terms in taken.values():
            program.row([*terms, (interval, -1.0)], high=0.0)
        if memories:
            self._add_memories(program, sorts, chosen)
        best = Solver(program).solve(budget)
        return max(0.0, best.bound * most) * (1 - SAFE) if best is not None else 0.0

    def _add_memories(self, program: Program, sorts: list[Sort], chosen: list[list[int]]) -> None:
        """Weights fit their memories; phases share what they keep alike. Only memories that can overflow count."""
        memory, numbers = self.plan.target.memory, dict[Kept, list[int]]()
        for sort in sorts:
            for kept in dict.fromkeys(k for k in sort.kept if k is not None):
                numbers.setdefault(kept, []).append(sort.many)
        full: Counter[str] = Counter()
        for kept, many in numbers.items():
            full[kept[1]] += max(many) * kept[2].bytes
        tight = {name for name, size in full.items() if size > memory[name].capacity_bytes}
        held = {kept: program.column(1.0) for kept in numbers if kept[1] in tight}
        for sort, columns in zip(sorts, chosen, strict=True):
            users: dict[Kept, list[tuple[int, float]]] = {}
            for x, own in zip(columns, sort.kept, strict=True):
                if own in held:
                    users.setdefault(own, []).append((x, sort.many / max(numbers[own])))
            for own, terms in users.items():
                program.row([*terms, (held[own], -1.0)], high=0.0)
        for name in sorted(tight):
            size = (1 - SAFE) / max(1, memory[name].capacity_bytes)
            terms = [(column, max(numbers[k]) * k[2].bytes * size) for k, column in held.items() if k[1] == name]
            program.row(terms, high=1.0)

    def _latency(self, sorts: dict[tuple[str, str], Sort]) -> float:
        """The longest way through each phase by the least ticks of its tasks."""
        plan, graph = self.plan, self.plan.graph
        least = {key: min(p.ticks for p in sort.prices) for key, sort in sorts.items()}
        owner = {op: c.name for c in plan.clusters or () for op in c.ops}
        total = 0.0
        for calls, phase in zip(self.calls, plan.phases, strict=True):
            running, ends = plan.ops_of[phase.name], dict[str, int]()
            for task in plan.tasks or ():
                if task.phase != phase.name:
                    continue
                cluster = plan.cluster[task.cluster]
                makers = {graph.producer[n] for op in cluster.ops for n in graph.op[op].inputs if n in graph.producer}
                before = {owner[maker.name] for maker in makers if maker.name in running} - {cluster.name}
                start = max((ends.get(name, 0) for name in before), default=0)
                ends[cluster.name] = start + least[cluster.repeat, phase.name]
            total += calls * max(ends.values(), default=0)
        return total


def _shared(price: Price) -> dict[str | int, int]:
    """Loads of resources that tasks of several clusters take."""
    loads: dict[str | int, int] = dict(price.others)
    if OWN not in price.engine and price.busy:
        loads[price.engine] = price.busy
    return loads
