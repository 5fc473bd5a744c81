"""Machines, graphs and programs small enough to know every figure by heart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from mapper.cost.liveness import Segment
from mapper.cost.machine import Room
from mapper.cost.program import Activity, Program
from mapper.hw.target import Link, Memory, Target, Unit
from mapper.hw.work import Cost, DType, Feed, Role, UnitModel, Work
from mapper.ir.graph import Graph, Op, Phase, State, Value
from mapper.ir.plan import Cluster, Option, Place, Plan, Slot, Task

F32, F16, I8 = DType.F32, DType.F16, DType.I8


class Clockwork(UnitModel):
    """A unit that takes so many ticks for each element it leaves, in the types it is told."""

    ticks_per_element: int = 10
    leaves: DType = DType.F16
    computes: tuple[DType, ...] = (DType.F16, DType.F32)
    refuses: tuple[str, ...] = ()
    copies: int = 1

    def why_not(self, work: Work) -> str | None:
        return f"no {work.kind} here" if work.kind in self.refuses else None

    def compute_dtype(self, work: Work, wanted: DType | None) -> DType | None:
        return wanted if wanted in self.computes else None if wanted else self.computes[0]

    def cost(self, work: Work, feed: Feed) -> Cost:
        ticks = self.ticks_per_element * sum(o.elements for o in work.outputs) // feed.replicas
        weights = 0 if feed.weights is None else work.bytes(Role.WEIGHT)
        data = work.bytes() - work.bytes(Role.WEIGHT)
        return Cost(ticks, (("compute", 7),), data, weights, share=0.0625 * feed.replicas, limited_by="clock")

    def activation_dtype(self) -> DType:
        return self.leaves

    def max_replicas(self, work: Work) -> int:
        return self.copies


class Arrays(Clockwork):
    """The same, with weights that sit in arrays of their own."""

    engine: ClassVar[str] = "spatial"


def machine(*models: UnitModel, bandwidth: float = 1e9, link: float = 1e9, **changes: object) -> Target:
    """Units u0, u1, ... with a memory u0.mem, u1.mem, ... inside each, all joined to u0 by links."""
    holds = ("weights", "state", "activations")
    names = [f"u{i}" for i in range(len(models))]
    fields: dict[str, object] = {
        "name": "machine",
        "about": "Clockwork units in a star",
        "units": tuple(
            Unit(n, f"kind of {n}", "clockwork", m, f"{n}.mem", (f"{n}.mem",))
            for n, m in zip(names, models, strict=True)
        ),
        "memories": tuple(
            Memory(f"{n}.mem", "sram", 1 << 20, bandwidth, 0.125, holds, (n,), n, alignment_bytes=4) for n in names
        ),
        "links": tuple(Link(f"u0{n}", "wire", "u0", n, link, 1e-9, 0.25) for n in names[1:]),
        "io": "u0.mem",
    }
    return Target(**{**fields, **changes})  # type: ignore[arg-type]


def chain(length: int, elements: int | str = 8, dtype: DType = DType.F32) -> Graph:
    """v0 -> v1 -> ... -> v{length}: an input, elementwise ops, an output."""
    roles = [Role.INPUT, *[Role.ACTIVATION] * (length - 1), Role.OUTPUT]
    return Graph(
        "chain",
        tuple(Op(f"op{i}", "elementwise", (f"v{i}",), (f"v{i + 1}",), (("fn", "relu"),)) for i in range(length)),
        tuple(Value(f"v{i}", (elements,), dtype, role) for i, role in enumerate(roles)),
    )


def fork(readers: int) -> Graph:
    """x -> v, then v -> y0, y1, ...: one value with several readers."""
    shape, outs = (8,), [f"y{i}" for i in range(readers)]
    ops = [Op("make", "elementwise", ("x",), ("v",), (("fn", "relu"),))]
    ops += [Op(f"read{i}", "elementwise", ("v",), (y,), (("fn", "relu"),)) for i, y in enumerate(outs)]
    values = [Value("x", shape, F32, Role.INPUT), Value("v", shape, F32, Role.ACTIVATION)]
    return Graph("fork", tuple(ops), (*values, *(Value(y, shape, F32, Role.OUTPUT) for y in outs)))


def product(dtype: DType = DType.F32, weight: DType | None = None) -> Graph:
    """y = x @ w."""
    return Graph(
        "product",
        (Op("mm", "matmul", ("x", "w"), ("y",)),),
        (
            Value("x", (4, 8), dtype, Role.INPUT),
            Value("w", (8, 16), weight or dtype, Role.WEIGHT),
            Value("y", (4, 16), dtype, Role.OUTPUT),
        ),
    )


def growing_sum() -> Graph:
    """y = x + past, left as the state."""
    return Graph(
        "growing sum",
        (Op("sum", "elementwise", ("x", "past"), ("y",), (("fn", "add"),)),),
        (
            Value("x", ("seq",), F32, Role.INPUT),
            Value("past", ("seq",), F32, Role.STATE),
            Value("y", ("seq",), F32, Role.OUTPUT),
        ),
        (State("past", "y"),),
    )


ONCE = Phase("run", (), 1)


def placed(target: Target, graph: Graph, units: Sequence[str], phases: Sequence[Phase] = (ONCE,)) -> Plan:
    """Every op a cluster of its own, on the given units, with the options that the units give."""
    from mapper.cost.estimate import Estimator
    from mapper.cost.offers import offers

    clusters = tuple(Cluster(op.name, (op.name,), op.name) for op in graph.ops)
    found = [offers(Estimator(target, graph, phases), cluster) for cluster in clusters]
    options: tuple[Option, ...] = tuple(o for each in found for o in each.options)
    tasks = tuple(Task(f"{p.name}/{c.name}", c.name, p.name) for p in phases for c in clusters)
    places = []
    for task in tasks:
        unit = units[[c.name for c in clusters].index(task.cluster)]
        option = next(o for o in options if o.repeat == task.cluster and unit in o.units)
        weights = target.unit[unit].weights[option.source] if option.source >= 0 else ""
        places.append(Place(task.name, unit, weights, option.replicas))
    return Plan(
        target,
        graph,
        tuple(phases),
        clusters=clusters,
        options=options,
        refusals=tuple(r for each in found for r in each.refusals),
        tasks=tasks,
        placement=tuple(places),
    )


def activity(name: str, ticks: int, on: str = "u", after: tuple[int, ...] = (), **changes: object) -> Activity:
    """An activity that holds one of a resource for all its ticks."""
    whole = Activity(name, "task", on, ticks, ticks, ((on, 1),), (), ((on, ticks),), (), after, (), ())
    return replace(whole, **changes)  # type: ignore[arg-type]


def program(*activities: Activity, **capacities: int) -> Program:
    """A program of these activities; resources without a capacity have one."""
    names = {r for a in activities for r, _ in a.exclusive}
    channels = {m: 1000 for a in activities for m, _ in a.channels}
    table = {**dict.fromkeys(names, 1), **channels, **capacities}
    return Program("run", activities, (), (), tuple(sorted(table.items())))


def slots(program: Program, *starts: int, **ends: int) -> dict[str, Slot]:
    """Slots of just the length needed, but for the ends given by name."""
    rows = zip(program.activities, starts, strict=True)
    return {a.name: Slot(a.name, a.where, s, ends.get(a.name, s + a.ticks)) for a, s in rows}


def roomy(*programs: Program) -> Room:
    """Memory without limits."""
    none: tuple[tuple[Segment, ...], ...] = tuple(() for _ in programs)
    return Room(tuple(tuple(() for _ in p.activities) for p in programs), none, {})
