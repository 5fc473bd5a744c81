"""What weights take of a memory: whole arrays where they lie in arrays, elsewhere their own bytes."""

from __future__ import annotations

from real_plans import unplaced

from mapper.cost.estimate import Estimator
from mapper.hw.work import DType
from mapper.ir.op_work import work

ARRAY_BYTES = 256 * 64
"""Of sram-dcim-256 in 8 bits."""


def test_weights_in_arrays_take_whole_arrays_and_outside_their_own_bytes() -> None:
    plan = unplaced("gpt2-tiny", "edge-npu")
    estimator = Estimator(plan.target, plan.graph, plan.phases, plan.precision)
    (cim,) = (unit for unit in plan.target.units if unit.kind == "sram-dcim-256")
    cluster = next(c for c in plan.clusters or () if plan.graph.op[c.ops[0]].kind == "matmul")
    (binding,) = plan.phases[0].bindings()
    held = work(plan.graph, plan.graph.op[cluster.ops[0]], binding).weight
    assert held is not None
    mine = [o for o in plan.options_of[cluster.repeat] if cim.name in o.units and DType.I8 in o.types]
    sizes = {(estimator.is_resident(cim, o.source), o.footprint_bytes) for o in mine}
    assert {held.elements <= size < 1.1 * held.elements for inside, size in sizes if not inside} == {True}  # and a bias
    assert {size % ARRAY_BYTES for inside, size in sizes if inside} == {0}
    assert {inside for inside, _ in sizes} == {False, True}
