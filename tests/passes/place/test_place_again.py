"""Placement again: tasks that cannot stay go elsewhere, and from there the search begins."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tiny_machines import Abacus, machine, prepared, sketch

from mapper.cost.check import check
from mapper.cost.values import value_of
from mapper.errors import Infeasible
from mapper.ir.plan import Plan
from mapper.pipeline.named import pipeline_of
from mapper.pipeline.pass_ import Context, Effort
from passes.place.again import near
from passes.place.translate import translate

CTX = Context(effort=Effort.QUICK)
LINES = [f"h{i} = matmul({f'h{i - 1}' if i else 'x'}, w{i})" for i in range(6)]
EACH, BUFFERS, ROOMY = 8 * 8 * 2, 192, 1 << 20
"""Bytes of a weight, of what a few calls need beside them, and of a memory for all."""


def line(slow: int, quick: int) -> Plan:
    """Six products in a row on a slow unit and a quick one with so many bytes each; all lie on the quick one."""

    def asked(*capacities: int) -> Plan:
        target = machine(Abacus(ticks_per_element=9), Abacus(), capacities=capacities, link=1e9)
        return prepared(target, sketch(*LINES, shape=(4, 8)), passes="partition-ops,options")

    t = translate(asked(ROOMY, ROOMY))
    placed = t.apply(asked(ROOMY, ROOMY), t.solution({task.name: ("u1", 0, 1) for task in t.tasks}))
    return replace(asked(slow, quick), placement=placed.placement)


def units(plan: Plan) -> list[str]:
    t = translate(plan)
    return [t.meaning[i][o][0] for i, o in enumerate(near(plan, t).choice)]


def test_tasks_stay_where_there_is_room() -> None:
    assert units(line(ROOMY, ROOMY)) == ["u1"] * 6


def test_those_that_have_no_room_left_go_elsewhere() -> None:
    assert units(line(ROOMY, 3 * EACH + BUFFERS)).count("u1") in range(3, 6)


def test_where_nothing_fits_that_is_told() -> None:
    plan = line(EACH + BUFFERS, EACH + BUFFERS)
    with pytest.raises(Infeasible, match="place-again finds no placement"):
        near(plan, translate(plan))


def test_what_is_found_from_there_is_a_judged_plan_that_keeps_every_rule_and_its_bound() -> None:
    found = pipeline_of("place-again").run(line(ROOMY, 3 * EACH + BUFFERS), CTX)
    assert check(replace(found, blocks=())).figures == found.figures
    (bound,) = found.bounds or ()
    assert bound.value <= value_of(found)
