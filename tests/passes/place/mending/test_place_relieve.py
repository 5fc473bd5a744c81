"""Relief: where buffers do not fit, as much is left free as they need, and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from real_plans import run
from tiny_machines import ONCE, Abacus, machine, sketch

from mapper.cost.check import check
from mapper.ir.plan import Objective, Plan
from mapper.pipeline.pass_ import Context
from mapper.solve.placement import driver
from mapper.solve.placement.greedy import fastest
from mapper.solve.placement.tables import build
from passes.place import relief
from passes.place.mending.relieve import freed
from passes.place.probe import NO_ROOM, Best
from passes.place.relief import with_room
from passes.place.translate import translate

LAYERS = 10
LINES = (
    *(f"h{i} = matmul({f'h{i - 1}' if i else 'x'}, w{i})" for i in range(LAYERS)),
    f"s0 = add(h{LAYERS - 1}, h0)",
    *(f"s{i} = add(s{i - 1}, h{i})" for i in range(1, 4)),
)
"""Ten products whose first four results are wanted again at the end: more values are alive than any task reads."""

CROWDED = LAYERS * 128 + 2 * 64
"""All weights of 128 bytes, and what one product reads and leaves."""


def skipping(objective: Objective) -> Plan:
    """The products for a quick unit of little memory and a slow one with room for all."""
    target = machine(Abacus(), Abacus(ticks_per_element=5000), capacities=(CROWDED, 1 << 20), link=1e9)
    return run(Plan(target, sketch(*LINES), ONCE, objective), "partition-ops,options")


def value(objective: Objective) -> float:
    """What the plan found is worth, which keeps every rule."""
    plan = run(skipping(objective), "place-cpsat,schedule,memory,judge")
    check(replace(plan, blocks=()))
    return dict(plan.figures or ())["latency_ticks" if objective is Objective.LATENCY else "interval_ticks"]


@pytest.mark.slow
def test_where_a_little_is_lacking_only_a_little_goes_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    found = value(Objective.LATENCY)
    monkeypatch.setattr(relief, "FREED", 0)
    assert found < 0.7 * value(Objective.LATENCY)


@pytest.mark.slow
def test_relief_is_never_worse_for_leaving_more_free(monkeypatch: pytest.MonkeyPatch) -> None:
    found = value(Objective.THROUGHPUT)
    monkeypatch.setattr(relief, "FREED", 0)
    assert found <= value(Objective.THROUGHPUT)


def test_no_search_for_relief_that_is_proven_to_be_worse_than_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = skipping(Objective.THROUGHPUT)
    t = translate(plan)
    crowded = Best(NO_ROOM, ("all on the quick unit", fastest(build(t.problem))))
    rival = Best((0.0, 1e-12), crowded.candidate)
    monkeypatch.setattr(driver, "solve", lambda *_: pytest.fail("searched"))
    assert with_room(plan, t, crowded, [rival], Context()) == []
    with pytest.raises(pytest.fail.Exception, match="searched"):
        with_room(plan, t, crowded, [Best((0.0, 1e12), crowded.candidate)], Context())


def test_twice_of_what_was_lacking_is_left_free_and_nothing_else_changes() -> None:
    t = translate(skipping(Objective.LATENCY))
    few = freed(t, {"u0.mem": 100, "u1.mem": 1 << 30})
    assert few.problem.capacities == (t.problem.capacities[0] - 200, 0)
    assert (few.problem.items, few.meaning) == (t.problem.items, t.meaning)
