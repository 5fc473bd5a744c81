"""The smallest target, graph and plan that show every part: two units, a product, a gelu and a sum, two phases."""

from __future__ import annotations

from mapper.hw.target import Link, Memory, Target, Unit
from mapper.hw.work import Cost, DType, Feed, Role, UnitModel, Work
from mapper.ir.graph import Graph, Op, Phase, State, Value
from mapper.ir.plan import (
    Bound,
    Buffer,
    Cluster,
    Objective,
    Option,
    Place,
    Plan,
    Refusal,
    Resident,
    Search,
    Slot,
    Status,
    Task,
)


class TinyUnit(UnitModel):
    """A unit that takes a nanosecond for anything; known to plans as 'tiny' under the fixture `tiny_models`."""

    ops_per_s: float = 1e9
    types: tuple[DType, ...] = (DType.F16,)

    def why_not(self, work: Work) -> str | None:
        return None

    def compute_dtype(self, work: Work, wanted: DType | None) -> DType | None:
        return wanted or self.types[0]

    def cost(self, work: Work, feed: Feed) -> Cost:
        return Cost(ticks=1000, energy_pj=(("compute", 10),), data_bytes=work.bytes())


def tiny_target(**changes: object) -> Target:
    """Two equal units `a` and `b` with a memory each and one link between them."""
    model = TinyUnit(idle_power_w=0.5)
    holds = ("weights", "state", "activations")
    fields: dict[str, object] = {
        "name": "tiny",
        "about": "Two units and a link",
        "units": tuple(Unit(n, "tiny-unit", "tiny", model, f"{n}.mem", (f"{n}.mem",)) for n in "ab"),
        "memories": tuple(Memory(f"{n}.mem", "sram", 1 << 20, 1e9, 0.1, holds, (n,), n) for n in "ab"),
        "links": (Link("ab", "wire", "a", "b", 1e9, 1e-8, 0.5),),
        "io": "a.mem",
    }
    return Target(**{**fields, **changes})  # type: ignore[arg-type]


def tiny_graph(**changes: object) -> Graph:
    """y = gelu(x @ w) + past, where the sum is kept as a state."""
    shape = ("seq", 8)
    fields: dict[str, object] = {
        "name": "tiny",
        "ops": (
            Op("mm", "matmul", ("x", "w"), ("h",), origin=("/MatMul",)),
            Op("act", "gelu", ("h",), ("g",), (("approximate", "tanh"), ("scale", 0.5))),
            Op("sum", "add", ("g", "past"), ("y",), (("axes", (0, 1)),)),
        ),
        "values": (
            Value("x", shape, DType.F16, Role.INPUT),
            Value("w", (8, 8), DType.I8, Role.WEIGHT),
            Value("past", shape, DType.F16, Role.STATE),
            Value("h", shape, DType.F16, Role.ACTIVATION),
            Value("g", shape, DType.F16, Role.ACTIVATION),
            Value("y", shape, DType.F16, Role.OUTPUT),
        ),
        "states": (State("past", "y"),),
    }
    return Graph(**{**fields, **changes})  # type: ignore[arg-type]


def tiny_inputs(**changes: object) -> Plan:
    """A plan in which nothing is decided yet."""
    fields: dict[str, object] = {
        "target": tiny_target(),
        "graph": tiny_graph(),
        "phases": (
            Phase("prefill", (("seq", "4"),), 1, (("seq", (4,)),)),
            Phase("decode", (("seq", "1..3"),), 3, (("seq", (1, 3)),), (0.5, 0.5)),
        ),
        "source": (("model", "tiny.onnx"),),
    }
    return Plan(**{**fields, **changes})  # type: ignore[arg-type]


def tiny_plan(**changes: object) -> Plan:
    """A plan with every decision taken: the product on `a`, the sum on `b`."""
    cost = Cost(ticks=2_000_000, energy_pj=(("compute", 10), ("buffer", 5)), data_bytes=64, limited_by="memory")
    costs = (("prefill", cost), ("decode", Cost(ticks=500_000, share=0.25)))
    types = (DType.F16, DType.F16)
    fields: dict[str, object] = {
        "objective": Objective.ENERGY,
        "precision": DType.F16,
        "clusters": (Cluster("c0", ("mm", "act"), "product"), Cluster("c1", ("sum",), "sum")),
        "blocks": (),
        "options": (
            Option("product", ("a", "b"), 0, 2, 64, types, costs),
            Option("sum", ("a", "b"), -1, 1, 0, types[:1], costs),
        ),
        "refusals": (Refusal("sum", "other-unit", "sum", "no adder"),),
        "tasks": tuple(Task(f"{p}/{c}", c, p) for p in ("prefill", "decode") for c in ("c0", "c1")),
        "placement": (
            Place("prefill/c0", "a", "a.mem", 2),
            Place("prefill/c1", "b"),
            Place("decode/c0", "a", "a.mem", 2),
            Place("decode/c1", "b"),
        ),
        "residency": (Resident("c0", "a.mem", 128), Resident("past", "b.mem", 64, per_request=True)),
        "bounds": (Bound("energy", 1.25e-9, "sum of the cheapest options"),),
        "search": Search(Status.OPTIMAL, "cp-sat", (("a", 3_500_000), ("b", 3_500_000))),
        "schedule": (
            Slot("prefill/c0", "a", 0, 2_000_000),
            Slot("prefill/g->b", "ab", 2_000_000, 2_074_000),
            Slot("prefill/c1", "b", 2_074_000, 4_074_000),
            Slot("decode/c0", "a", 0, 500_000),
            Slot("decode/g->b", "ab", 500_000, 526_000),
            Slot("decode/c1", "b", 526_000, 1_026_000),
        ),
        "memory": (
            Buffer("g", "prefill", "a.mem", 0, 64, 0, 2_074_000),
            Buffer("g", "prefill", "b.mem", 0, 64, 2_000_000, 4_074_000),
            Buffer("y", "prefill", "b.mem", 64, 64, 2_074_000, 4_074_000),
        ),
        "inflight": 2,
        "figures": (("latency_ticks", 7_152_000), ("inflight", 2)),
    }
    return tiny_inputs(**{**fields, **changes})
