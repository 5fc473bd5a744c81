"""On chips: the pooled problem without the few units beside the many."""

from __future__ import annotations

from real_plans import unplaced
from tiny_machines import Abacus, layers, machine, prepared

from mapper.pipeline.pass_ import Context, Effort
from passes.place.folding.decode import members
from passes.place.folding.on_chips import on_chips
from passes.place.folding.pooled import Pooled
from passes.place.translate import translate


def test_where_all_units_are_alike_in_number_nothing_is_left_out() -> None:
    plan = prepared(machine(*[Abacus(ticks_per_element=1)] * 4, capacities=[1 << 20] * 4), layers(2))
    assert on_chips(plan, translate(plan)) is None


def test_hosts_beside_many_chips_take_nothing() -> None:
    pool = Pooled.of(unplaced("bert-tiny", "dgx-a100"), 1, Context(effort=Effort.QUICK))
    few = on_chips(pool.plan, pool.t)
    assert few is not None
    used = {unit for meaning in few.meaning for unit, _ in meaning}
    assert {pool.plan.target.unit[unit].kind for unit in used} < {unit.kind for unit in pool.plan.target.units}
    assert all(len(members(pool.plan.target.unit[unit])) == 8 for unit in used)
    assert all(few.problem.items)
