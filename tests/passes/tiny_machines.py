"""Machines and graphs of a few parts, written in a line each, and plans on them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import ClassVar

from real_plans import run

from mapper.hw.target import Link, Memory, Target, Unit
from mapper.hw.work import Cost, DType, Feed, Role, UnitModel, Work
from mapper.ir.graph import Graph, Op, Phase, State, Value
from mapper.ir.plan import Plan

ONCE = (Phase("run", (), 1),)
KINDS = {"matmul": "matmul", "softmax": "softmax", "reshape": "view"}
"""Functions with kinds of their own; all others are elementwise."""


class Abacus(UnitModel):
    """A unit that takes so many ticks for each element that it leaves, divided by the copies of the weights."""

    ticks_per_element: int = 10
    refuses: tuple[str, ...] = ()
    copies: int = 1

    def why_not(self, work: Work) -> str | None:
        return f"no beads for {work.kind}" if work.kind in self.refuses else None

    def compute_dtype(self, work: Work, wanted: DType | None) -> DType | None:
        return wanted or DType.F16

    def cost(self, work: Work, feed: Feed) -> Cost:
        ticks = self.ticks_per_element * sum(o.elements for o in work.outputs) // feed.replicas
        weights = 0 if feed.weights is None else work.bytes(Role.WEIGHT)
        return Cost(ticks, (("compute", 7),), work.bytes() - work.bytes(Role.WEIGHT), weights, 1.0, "beads")

    def activation_dtype(self) -> DType:
        return DType.F16

    def max_replicas(self, work: Work) -> int:
        return self.copies


class Loom(Abacus):
    """The same, with weights that sit in arrays of its own."""

    engine: ClassVar[str] = "spatial"


def machine(*models: UnitModel, capacities: Sequence[int] = (), link: float = 1e9) -> Target:
    """Units u0, u1, ... with a memory each, all joined to u0. Equal models are of one kind."""
    names = [f"u{i}" for i in range(len(models))]
    sizes = [*capacities, *[1 << 20] * len(models)]
    holds = ("weights", "state", "activations")
    return Target(
        "machine",
        "Units in a star",
        tuple(
            Unit(n, f"kind{models.index(m)}", "abacus", m, f"{n}.mem", (f"{n}.mem",))
            for n, m in zip(names, models, strict=True)
        ),
        tuple(
            Memory(f"{n}.mem", "sram", size, 1e9, 0.125, holds, (n,), n, alignment_bytes=4)
            for n, size in zip(names, sizes, strict=False)
        ),
        tuple(Link(f"u0-{n}", "wire", "u0", n, link, 1e-9, 0.25) for n in names[1:]),
        io="u0.mem",
    )


def sketch(
    *lines: str,
    leaves: Sequence[str] = (),
    shape: tuple[int | str, ...] = (4, 8),
    shapes: Mapping[str, tuple[int | str, ...]] | None = None,
    states: Sequence[tuple[str, str]] = (),
) -> Graph:
    """A graph from lines like `y = matmul(x, w)`; an op is named after what it makes.

    Names that start with `w` are weights (8 x 8); those that nobody makes are inputs; those that nobody reads, and
    `leaves`, are outputs. `states` are (past, present).
    """
    ops = []
    for line in lines:
        found = re.fullmatch(r"(\w+) = (\w+)\((.*)\)", line)
        assert found is not None, line
        out, fn, operands = found[1], found[2], tuple(found[3].split(", "))
        attrs = () if fn in ("matmul",) else (("axis", 1),) if fn == "softmax" else (("fn", fn),)
        ops.append(Op(out, KINDS.get(fn, "elementwise"), operands, (out,), attrs if fn != "reshape" else ()))
    made = [op.name for op in ops]
    read = [n for op in ops for n in op.inputs]
    kept = {n for pair in states for n in pair if n}
    values = []
    for name in dict.fromkeys([*read, *made]):
        role = Role.ACTIVATION
        if name in kept:
            role = Role.STATE
        elif name not in made:
            role = Role.WEIGHT if name.startswith("w") else Role.INPUT
        elif name in leaves or name not in read:
            role = Role.OUTPUT
        usual = (8, 8) if role is Role.WEIGHT else shape
        values.append(Value(name, (shapes or {}).get(name, usual), DType.F16, role))
    return Graph("sketch", tuple(ops), tuple(values), tuple(State(p, q) for p, q in states))


def layers(count: int) -> Graph:
    """So many equal products in a row."""
    names = ["x", *(f"y{i}" for i in range(count))]
    return sketch(*(f"{b} = matmul({a}, w{i})" for i, (a, b) in enumerate(pairwise(names))))


def prepared(target: Target, graph: Graph, phases: Sequence[Phase] = ONCE, passes: str = "partition,options") -> Plan:
    """A plan with clusters, options and tasks."""
    return run(Plan(target, graph, tuple(phases)), passes)


def grouped(graph: Graph, *models: UnitModel, max_ops: int = 16) -> list[tuple[str, ...]]:
    """The ops of each cluster, on a machine of these units."""
    plan = prepared(machine(*(models or (Abacus(),))), graph, passes=f"partition{{max_ops={max_ops}}}")
    return [c.ops for c in plan.clusters or ()]
