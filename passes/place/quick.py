"""A bound of a placement problem that is found before the problem is written: classes of tasks, without transfers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from mapper.cost.estimate import Estimator
from mapper.cost.places import Places
from mapper.ir.plan import Plan
from mapper.ir.request import runs
from mapper.solve.budget import Budget
from mapper.solve.placement.linear import Solver
from mapper.solve.placement.program import Program
from passes.place.prices import OWN, Price, Prices

SAFE = 1e-6
"""Relative reserve for the rounding of sums of floats."""


@dataclass(frozen=True)
class Sort:
    """Tasks of one class in one phase: how many, and what their options cost."""

    many: int
    prices: tuple[Price, ...]


class Quick:
    """Bounds of all placements of a plan, in the ticks and picojoules of the placement problem."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.estimator = Estimator(plan.target, plan.graph, plan.phases, plan.precision)
        self.calls = runs(plan, plan.objective).counts

    def bound(self, objective: str, budget: Budget) -> float:
        """What no placement undercuts under an objective of the placement problem."""
        sorts = self._sorts()
        if not all(sort.prices for sort in sorts.values()):
            return 0.0  # what runs nowhere is told by the search
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

    def _sorts(self) -> dict[tuple[str, str], Sort]:
        """By class and phase."""
        plan = self.plan
        places = Places(plan.target, self.estimator)
        prices = Prices(plan, places, self.estimator, {p: k for k, p in enumerate(places.used(plan.options or ()))})
        first = {plan.cluster[t.cluster].repeat: plan.cluster[t.cluster] for t in reversed(plan.tasks or ())}
        many = Counter((plan.cluster[t.cluster].repeat, t.phase) for t in plan.tasks or ())
        return {
            (repeat, phase): Sort(
                n,
                tuple(
                    prices.of(first[repeat], phase, unit, option)
                    for option in plan.options_of[repeat]
                    if option.serves(phase)
                    for unit in option.units
                ),
            )
            for (repeat, phase), n in many.items()
        }

    def _interval(self, sorts: list[Sort], budget: Budget) -> float:
        """The least interval in which all resources that tasks share can do their part; weights kept in arrays of their
        own have no part in it."""
        rows = [[_shared(price) for price in sort.prices] for sort in sorts]
        most = float(sum(sort.many * max(sum(x.values()) for x in row) for sort, row in zip(sorts, rows, strict=True)))
        if not most:
            return 0.0
        program = Program()
        interval = program.column(1.0, 1.0)
        taken: dict[str | int, list[tuple[int, float]]] = {}
        for sort, row in zip(sorts, rows, strict=True):
            columns = [program.column(1.0) for _ in row]
            program.row([(x, 1.0) for x in columns], 1.0, 1.0)
            for x, loads in zip(columns, row, strict=True):
                for r, ticks in loads.items():
                    taken.setdefault(r, []).append((x, sort.many * ticks / most))
        for terms in taken.values():
            program.row([*terms, (interval, -1.0)], high=0.0)
        best = Solver(program).solve(budget)
        return max(0.0, best.bound * most) * (1 - SAFE) if best is not None else 0.0

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
