"""Baseline placements: what people do without a solver, each a pass of its own and a start for the solver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from mapper.errors import MapperError, PipelineError, did_you_mean
from mapper.ir.plan import Plan, Search, Status
from mapper.pipeline.pass_ import Context, Pass
from mapper.solve.placement import problem as pb
from mapper.solve.placement.greedy import fastest
from mapper.solve.placement.heft import heft
from mapper.solve.placement.tables import build
from passes.place.bounds import bounds_of, solved_as
from passes.place.infeasible import finds_none
from passes.place.mending.late import with_late
from passes.place.translate import Translation, translate

Ranked = Callable[[int], Iterator[int]]
"""For an item, its options in order of preference."""


@dataclass(frozen=True)
class PlaceOneUnit(Pass):
    """Everything on one unit; what it cannot run, or hold, goes to the fastest unit that can.

    Without `unit`, every unit is tried and the best taken.
    """

    name = "place-one-unit"
    requires = ("options", "tasks")
    provides = ("placement", "residency", "bounds", "search")

    unit: str = ""

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with everything on one unit where possible."""
        t = translate(plan)
        names = [u.name for u in plan.target.units]
        if self.unit and self.unit not in names:
            raise PipelineError(f"{plan.target.name} has no unit '{self.unit}'; {did_you_mean(self.unit, names)}")
        found = [s for name in ([self.unit] if self.unit else names) if (s := one_unit(t, name)) is not None]
        return finish(plan, t, _best(plan, t, found, self.name), self.name, ctx)


@dataclass(frozen=True)
class PlaceRoundRobin(Pass):
    """Tasks dealt out to the units in turn; a unit that cannot run or hold one is passed over."""

    name = "place-round-robin"
    requires = ("options", "tasks")
    provides = ("placement", "residency", "bounds", "search")

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with tasks dealt out."""
        t = translate(plan)
        found = round_robin(t, [u.name for u in plan.target.units])
        return finish(plan, t, _best(plan, t, [found] if found else [], self.name), self.name, ctx)


@dataclass(frozen=True)
class PlaceGreedy(Pass):
    """Each task on the unit that runs it fastest, as long as its weights fit there."""

    name = "place-greedy"
    requires = ("options", "tasks")
    provides = ("placement", "residency", "bounds", "search")

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with each task on its fastest unit."""
        t = translate(plan)
        found = greedy(t)
        return finish(plan, t, _best(plan, t, [found] if found else [], self.name), self.name, ctx)


@dataclass(frozen=True)
class PlaceHeft(Pass):
    """Heterogeneous earliest finish time: tasks by upward rank, each where it ends first.

    Topcuoglu, Hariri, Wu: Performance-effective and low-complexity task scheduling (IEEE TPDS 13, 2002).
    """

    name = "place-heft"
    requires = ("options", "tasks")
    provides = ("placement", "residency", "bounds", "search")

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan as HEFT places it."""
        t = translate(plan)
        found = earliest_finish(t)
        return finish(plan, t, _best(plan, t, [found] if found else [], self.name), self.name, ctx)


def finish(plan: Plan, t: Translation, solution: pb.Solution, method: str, ctx: Context) -> Plan:
    """The plan with a solution's placement, its loads, and the bounds of its problem."""
    placed = t.apply(plan, solution)
    bounds = bounds_of(t.problem, plan, ctx.budget())
    return with_late(replace(placed, bounds=bounds, search=search_of(t, solution, Status.FEASIBLE, method)))


def search_of(t: Translation, solution: pb.Solution, status: Status, method: str) -> Search:
    """What the search believes of a solution: the loads it counted."""
    loads = pb.totals(t.problem, solution).loads
    named = zip(t.problem.resources, loads, strict=True)
    return Search(status, method, tuple(sorted((n, x) for n, x in named if x)))


def starts(t: Translation, plan: Plan) -> list[tuple[str, pb.Solution]]:
    """The baselines that are feasible here, by pass name."""
    units = [u.name for u in plan.target.units]
    found = [("place-one-unit", one_unit(t, u)) for u in units]
    found += [
        ("place-round-robin", round_robin(t, units)),
        ("place-greedy", greedy(t)),
        ("place-heft", earliest_finish(t)),
    ]
    return [(name, s) for name, s in found if s is not None]


def _feasible(problem: pb.Problem, solution: pb.Solution) -> pb.Solution | None:
    try:
        pb.verify(problem, solution)
    except MapperError:
        return None
    return solution


def one_unit(t: Translation, unit: str) -> pb.Solution | None:
    """Everything on a unit where it can be, the rest on the fastest other; None when that does not fit."""

    def ranked(i: int) -> Iterator[int]:
        return iter(sorted(range(len(t.meaning[i])), key=lambda o: (t.meaning[i][o][0] != unit, _speed(t, i, o))))

    return assign(t, ranked)


def one_unit_small(t: Translation, unit: str) -> pb.Solution | None:
    """The same by the ways that keep fewest bytes, of which the quickest: ranks of a team may each keep a copy, and
    then less has room."""

    def ranked(i: int) -> Iterator[int]:
        def key(o: int) -> tuple[bool, int, tuple[int, int, int]]:
            kept = sum(t.problem.residents[k].bytes for k in t.problem.items[i].options[o].needs)
            return t.meaning[i][o][0] != unit, kept, _speed(t, i, o)

        return iter(sorted(range(len(t.meaning[i])), key=key))

    return assign(t, ranked)


def round_robin(t: Translation, units: list[str]) -> pb.Solution | None:
    """Items dealt out in turn; None when that does not fit."""
    turn = {unit: k for k, unit in enumerate(units)}

    def ranked(i: int) -> Iterator[int]:
        return iter(
            sorted(
                range(len(t.meaning[i])),
                key=lambda o: ((turn[t.meaning[i][o][0]] - i) % len(units), t.meaning[i][o][1].replicas, o),
            )
        )

    return assign(t, ranked)


def greedy(t: Translation) -> pb.Solution | None:
    """Each item by its fastest option that fits; None when that does not fit."""
    return _feasible(t.problem, fastest(build(t.problem)))


def earliest_finish(t: Translation) -> pb.Solution | None:
    """HEFT's placement; None when that does not fit."""
    return _feasible(t.problem, heft(build(t.problem)))


def _speed(t: Translation, i: int, o: int) -> tuple[int, int, int]:
    option = t.problem.items[i].options[o]
    return option.ticks, option.cost, o


def assign(t: Translation, ranked: Ranked) -> pb.Solution | None:
    """Give items their first preferred option that fits the memories and agrees with the states already placed."""
    problem = t.problem
    room = list(problem.capacities)
    present: set[int] = set()
    tie_of = {i: tie for tie in problem.ties for i in tie}
    choice: list[int] = []
    for i, item in enumerate(problem.items):
        settled = {item2.options[choice[j]].place for j in tie_of.get(i, ()) if j < i for item2 in [problem.items[j]]}
        for o in ranked(i):
            option = item.options[o]
            new = [k for k in option.needs if k not in present]
            wanted: dict[int, int] = {}
            for k in new:
                memory = problem.residents[k].memory
                wanted[memory] = wanted.get(memory, 0) + problem.residents[k].bytes
            if settled and option.place not in settled:
                continue
            if all(size <= room[memory] for memory, size in wanted.items()):
                for memory, size in wanted.items():
                    room[memory] -= size
                present.update(new)
                choice.append(o)
                break
        else:
            return None
    return pb.Solution(tuple(choice))


def _best(plan: Plan, t: Translation, found: list[pb.Solution], name: str) -> pb.Solution:
    if not found:
        raise finds_none(plan, name, "the weights do not fit its way", "place-cpsat searches all placements")
    return min(found, key=lambda s: _value(t.problem, pb.totals(t.problem, s), solved_as(plan.objective)))


def _value(problem: pb.Problem, totals: pb.Totals, objective: str) -> tuple[float, float]:
    """By how much a solution breaks its limits, and its value."""
    return pb.excess(problem, totals), pb.objective(problem, totals, objective)
