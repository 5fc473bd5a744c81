"""Clusters come after those they read from, whoever joins them late."""

from __future__ import annotations

from real_plans import run, unplaced

from mapper.hw.work import DType, Role
from mapper.ir.graph import Graph, Op, Phase, Value
from mapper.ir.plan import Plan
from mapper.ir.verify import verify


def test_a_rider_that_joins_late_does_not_move_its_cluster_behind_its_readers() -> None:
    """As in Mamba: a product is split in two; one half feeds a product, the other an activation that comes last."""
    graph = Graph(
        "split",
        (
            Op("in", "matmul", ("x", "w"), ("h",)),
            Op("split", "move", ("h",), ("a", "b"), (("op_type", "Split"),)),
            Op("proj", "matmul", ("a", "u"), ("p",)),
            Op("gate", "elementwise", ("b",), ("g",), (("fn", "silu"),)),
        ),
        tuple(
            Value(name, shape, DType.F16, role)
            for name, shape, role in (
                ("x", (4, 8), Role.INPUT),
                ("w", (8, 16), Role.WEIGHT),
                ("h", (4, 16), Role.ACTIVATION),
                ("a", (4, 8), Role.ACTIVATION),
                ("b", (4, 8), Role.ACTIVATION),
                ("u", (8, 8), Role.WEIGHT),
                ("p", (4, 8), Role.OUTPUT),
                ("g", (4, 8), Role.OUTPUT),
            )
        ),
    )
    plan = run(Plan(unplaced().target, graph, (Phase("run", (), 1),)), "partition")
    verify(plan)
    assert [c.ops for c in plan.clusters or ()] == [("in", "split", "gate"), ("proj",)]
