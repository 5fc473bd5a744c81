"""Tiles where room is scarce: what does not fit whole fits in parts, and only then is divided."""

from __future__ import annotations

from dataclasses import replace

import pytest
from real_plans import run
from tiny_machines import Abacus, machine, prepared, sketch

from mapper.cost.check import check
from mapper.errors import Infeasible
from mapper.ir.plan import Objective, Plan
from mapper.pipeline.pass_ import Context, Effort
from passes.memory.memory import Memory, NoRoom
from passes.place.mending.tiled import that_fit
from passes.place.translate import translate
from passes.schedule.schedule import Schedule

CTX = Context(effort=Effort.QUICK)
LINES = ("q = matmul(x, wq)", "k = matmul(x, wk)", "v = matmul(x, wv)", "s = add(q, k)", "y = add(s, v)")
ROOM = 3 * 128 + 2600
"""Three weights of 128 bytes, and two and a half values of 1024; one call would keep four."""


def three_products(room: int = ROOM, objective: Objective = Objective.THROUGHPUT) -> Plan:
    """Queries, keys and values of 64 rows, which only a unit of little memory computes."""
    target = machine(Abacus(refuses=("matmul",)), Abacus(ticks_per_element=1), capacities=(1 << 20, room), link=1e8)
    plan = prepared(target, sketch(*LINES, shape=(64, 8)), passes="partition-ops,options")
    return replace(plan, objective=objective)


def on_units(plan: Plan) -> Plan:
    """The plan with products on the small unit, the rest on the other."""
    t = translate(plan)
    units = {task.name: ("u1" if task.cluster in "qkv" else "u0", 0 if task.cluster in "qkv" else -1, 1)
             for task in t.tasks}  # fmt: skip
    return t.apply(plan, t.solution(units))


def finished(plan: Plan) -> Plan:
    return Memory().run(Schedule().run(plan, CTX), CTX)


def tiles(plan: Plan) -> dict[str, int]:
    return {plan.task[p.task].cluster: p.tiles for p in plan.placement or ()}


def test_what_does_not_fit_whole_fits_in_tiles() -> None:
    plan = on_units(three_products())
    with pytest.raises(NoRoom) as crowded:
        finished(plan)
    placement = next(that_fit(plan, crowded.value.memories))
    parted = replace(plan, placement=placement)
    assert min(tiles(parted)[name] for name in "qkv") >= 2
    assert tiles(parted)["s"] == tiles(parted)["y"] == 0
    finished(parted)


def test_the_fewest_tiles_come_first() -> None:
    counts = [max(p.tiles for p in placement) for placement in that_fit(on_units(three_products()), ["u1.mem"])]
    assert counts == sorted(counts)
    assert len(counts) > 1


def test_where_all_fits_nothing_is_divided_first() -> None:
    first = next(that_fit(on_units(three_products(room=1 << 16)), ["u1.mem"]))
    assert not any(p.tiles for p in first)


def test_no_tiles_where_the_time_of_a_request_counts() -> None:
    assert not list(that_fit(on_units(three_products(objective=Objective.LATENCY)), ["u1.mem"]))


def test_the_search_places_what_fits_only_in_tiles() -> None:
    plan = run(three_products(), "place-cpsat,schedule,memory,judge")
    assert any(tiles(plan).values())
    check(replace(plan, blocks=()))


def test_without_tiles_it_is_refused() -> None:
    with pytest.raises(Infeasible):
        run(three_products(objective=Objective.LATENCY), "place-cpsat,schedule,memory,judge")
