"""Programs: which tasks, casts and moves a placement calls for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cost_builders import F16, F32, Arrays, Clockwork, chain, fork, growing_sum, machine, placed, product

from mapper.cost.program import Program, Spelling
from mapper.errors import InvalidPlan
from mapper.ir.graph import Phase
from mapper.ir.plan import Plan


def spelled(plan: Plan) -> Program:
    (program,) = Spelling(plan).programs()
    return program


def names(program: Program) -> list[str]:
    return [a.name.removeprefix("run/") for a in program.activities]


def test_on_one_unit_nothing_moves() -> None:
    program = spelled(placed(machine(Clockwork()), chain(3), ["u0"] * 3))
    assert names(program) == ["op0", "op1", "op2"]
    assert [a.after for a in program.activities] == [(), (0,), (1,)]


def test_values_move_between_units_and_outputs_return() -> None:
    program = spelled(placed(machine(Clockwork(), Clockwork()), chain(2), ["u0", "u1"]))
    assert names(program) == ["op0", "move v1 -> u1.mem/f16", "op1", "move v2 -> u0.mem/f16"]
    assert [a.after for a in program.activities] == [(), (0,), (1,), (2,)]
    assert program.kept == ((3, "v2"),)


def test_inputs_come_from_the_io_memory() -> None:
    program = spelled(placed(machine(Clockwork(), Clockwork()), chain(1), ["u1"]))
    assert names(program) == ["move v0 -> u1.mem/f16", "op0", "move v1 -> u0.mem/f16"]
    assert program.given == (("v0", "u0.mem", 16),)
    assert program.activities[0].reads == ((-1, "v0"),)


def test_types_change_where_units_differ() -> None:
    target = machine(Clockwork(leaves=F32), Clockwork(leaves=F16))
    program = spelled(placed(target, chain(2), ["u0", "u1"]))
    assert names(program) == [
        "op0",
        "cast v1 -> u0.mem/f16 for u1.mem/f16",
        "move v1 -> u1.mem/f16",
        "op1",
        "move v2 -> u0.mem/f16 for u0.mem/f32",
        "cast v2 -> u0.mem/f32",
    ]


def test_a_value_goes_once_to_each_place() -> None:
    target = machine(Clockwork(), Clockwork())
    program = spelled(placed(target, fork(3), ["u0", "u1", "u1", "u0"]))
    assert names(program).count("move v -> u1.mem/f16") == 1
    readers = [a for a in program.activities if a.name in ("run/read0", "run/read1")]
    move = names(program).index("move v -> u1.mem/f16")
    assert [a.after for a in readers] == [(move,), (move,)]


def test_a_state_neither_moves_nor_returns() -> None:
    phase = Phase("run", (), 1, (("seq", (4,)),))
    program = spelled(placed(machine(Clockwork(), Clockwork()), growing_sum(), ["u1"], [phase]))
    assert names(program) == ["move x -> u1.mem/f16", "sum"]
    assert program.activities[1].makes == ()


def test_moves_are_priced_at_the_mean_and_stored_at_the_peak() -> None:
    phase = Phase("run", (), 3, (("n", (10, 20, 60)),), (0.25, 0.5, 0.25))
    program = spelled(placed(machine(Clockwork(), Clockwork()), chain(1, "n"), ["u1"], [phase]))
    move = program.activities[0]
    assert move.bytes == 28 * 2
    assert move.makes == (("v0", "u1.mem", 60 * 2),)


def test_copies_of_weights_are_an_engine_of_their_own() -> None:
    plan = placed(machine(Arrays(copies=4)), product(), ["u0"])
    two = replace(plan, placement=(replace((plan.placement or ())[0], replicas=2),))
    (task,) = spelled(two).activities
    assert task.exclusive == (("u0/mm x2", 2),)
    assert dict(spelled(two).capacities)["u0/mm x2"] == 2
    assert dict(task.loads)["u0/mm x2"] == task.ticks == 320


def test_traffic_takes_a_share_of_the_memory_and_costs_energy() -> None:
    """32 bytes in 80 ticks are 4e11 bytes/s; a memory of 8e11 is half taken."""
    (task,) = spelled(placed(machine(Clockwork(), bandwidth=8e11), chain(1), ["u0"])).activities
    assert (task.ticks, task.bytes) == (80, 32)
    assert task.channels == (("u0.mem", 500),)
    assert dict(task.loads) == {"u0": 80, "u0.mem": 40}
    assert dict(task.energy_pj) == {"compute": 7, "memory u0.mem": 32}


def test_a_task_before_what_it_reads_is_refused_rather_than_fed_from_outside() -> None:
    plan = placed(machine(Clockwork()), chain(2), ["u0", "u0"])
    with pytest.raises(InvalidPlan) as refused:
        Spelling(replace(plan, tasks=(plan.tasks or ())[::-1])).programs()
    assert refused.value.rule == "tasks-complete"


def test_stored_types_are_those_of_the_place() -> None:
    wide = spelled(placed(machine(Clockwork(leaves=F32)), chain(1, dtype=F16), ["u0"]))
    assert wide.given == (("v0", "u0.mem", 32),)


def test_a_plan_is_spelled_once() -> None:
    spelling = Spelling(placed(machine(Clockwork()), chain(2), ["u0", "u0"]))
    assert spelling.programs() is spelling.programs()
