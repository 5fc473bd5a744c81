"""Tiles: a task goes through its rows in several smaller runs, follows others tile by tile, and costs no less."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from cost_builders import Clockwork, machine, placed
from hypothesis import given
from hypothesis import strategies as st
from real_plans import finished
from sweeps import examples

from mapper.cost.check import check
from mapper.cost.judge import judge
from mapper.cost.liveness import lives
from mapper.cost.program import Program, Spelling
from mapper.cost.replay import replay
from mapper.cost.steady import loads_per_request
from mapper.cost.tiles import Tile, tiling
from mapper.errors import InvalidPlan
from mapper.hw.work import Cost, DType, Feed, Role, Work
from mapper.ir.graph import Graph, Op, Phase, Value
from mapper.ir.plan import Plan
from mapper.ir.serial import from_json, to_json
from mapper.ir.verify import verify
from mapper.pipeline.pass_ import Context, Effort
from passes.memory.memory import Memory
from passes.place.mending.late import with_late
from passes.schedule.schedule import Schedule, slots

F32 = DType.F32


def products(count: int, rows: int = 8, width: int = 4, past: bool = False) -> Graph:
    """x0 -> x1 -> ...: so many products with weights, of equal width; with `past`, a sum over all rows at the end."""
    ops = [Op(f"op{i}", "matmul", (f"x{i}", f"w{i}"), (f"x{i + 1}",)) for i in range(count)]
    roles = [Role.INPUT, *[Role.ACTIVATION] * (count - 1), Role.OUTPUT]
    values = [Value(f"x{i}", (rows, width), F32, role) for i, role in enumerate(roles)]
    values += [Value(f"w{i}", (width, width), F32, Role.WEIGHT) for i in range(count)]
    if past:
        ops.append(Op("sum", "reduce", (f"x{count}",), ("all",), (("op_type", "ReduceSum"), ("axes", (0,)))))
        values[count] = replace(values[count], role=Role.ACTIVATION)
        values.append(Value("all", (1, width), F32, Role.OUTPUT))
    return Graph("products", tuple(ops), tuple(values))


def tiled(plan: Plan, *tiles: int) -> Plan:
    """The plan with so many tiles for each task."""
    rows = zip(plan.placement or (), tiles, strict=True)
    return replace(plan, placement=tuple(replace(p, tiles=t) for p, t in rows))


def spelled(plan: Plan) -> Program:
    (program,) = Spelling(plan).programs()
    return program


def names(program: Program) -> list[str]:
    return [a.name.removeprefix("run/") for a in program.activities]


def test_a_task_in_tiles_is_a_run_for_each_part_of_its_rows() -> None:
    program = spelled(tiled(placed(machine(Clockwork()), products(1), ["u0"]), 2))
    assert names(program) == ["op0 [1/2]", "op0 [2/2]"]
    assert [a.makes for a in program.activities] == [(("x1 [1/2]", "u0.mem", 32),), (("x1 [2/2]", "u0.mem", 32),)]
    assert [a.reads for a in program.activities] == [((-1, "x0"),)] * 2
    assert program.kept == ((0, "x1 [1/2]"), (1, "x1 [2/2]"))
    assert {a.task for a in program.activities} == {"run/op0"}


def test_tasks_of_as_many_tiles_go_through_them_together() -> None:
    program = spelled(tiled(placed(machine(Clockwork()), products(2), ["u0", "u0"]), 4, 4))
    assert names(program) == [f"op{i} [{k}/4]" for k in (1, 2, 3, 4) for i in (0, 1)]
    second = [a for a in program.activities if a.task == "run/op1"]
    assert [a.reads for a in second] == [((2 * k, f"x1 [{k + 1}/4]"),) for k in range(4)]


def test_a_tile_waits_until_room_for_it_was_given_back() -> None:
    program = spelled(tiled(placed(machine(Clockwork()), products(2), ["u0", "u0"]), 4, 4))
    assert [a.after for a in program.activities if a.task == "run/op0"] == [(), (), (0, 1), (2, 3)]


def test_who_takes_all_rows_waits_for_all_tiles() -> None:
    program = spelled(tiled(placed(machine(Clockwork()), products(1, past=True), ["u0", "u0"]), 2, 0))
    assert names(program) == ["op0 [1/2]", "op0 [2/2]", "sum"]
    assert program.activities[2].reads == ((0, "x1 [1/2]"), (1, "x1 [2/2]"))


def test_tiles_of_other_counts_wait_for_those_that_share_their_rows() -> None:
    program = spelled(tiled(placed(machine(Clockwork()), products(2), ["u0", "u0"]), 4, 2))
    last = program.activities[-1]
    assert last.name == "run/op1 [2/2]"
    assert last.reads == ((2, "x1 [3/4]"), (3, "x1 [4/4]"))


def test_a_piece_comes_late_once_for_each_tile_that_reads_it() -> None:
    plan = tiled(placed(machine(Clockwork(), Clockwork()), products(2), ["u0", "u1"]), 2, 4)
    late = replace(
        plan, placement=tuple(replace(p, late=("x1",) if p.unit == "u1" else ()) for p in plan.placement or ())
    )
    moves = [name for name in names(spelled(late)) if "late" in name]
    assert moves == [f"move x1 [{1 + k // 2}/2] late for op1 [{k + 1}/4] -> u1.mem/f16" for k in range(4)]


@given(st.integers(1, 40), st.integers(1, 8), st.integers(1, 8))
def test_tiles_overlap_where_they_share_a_row(rows: int, many: int, others: int) -> None:
    for a in (Tile(k, many) for k in range(many)):
        for b in (Tile(k, others) for k in range(others)):
            shared = set(range(*a.rows(rows))) & set(range(*b.rows(rows)))
            if shared:
                assert a.overlaps(b, rows)
    assert sorted(r for k in range(many) for r in range(*Tile(k, many).rows(rows))) == list(range(rows))


def test_pieces_of_a_whole_move_one_by_one() -> None:
    program = spelled(tiled(placed(machine(Clockwork(), Clockwork()), products(1), ["u1"]), 2))
    assert names(program) == [
        "move x0 [1/2] -> u1.mem/f16",
        "op0 [1/2]",
        "move x1 [1/2] -> u0.mem/f16",
        "move x0 [2/2] -> u1.mem/f16",
        "op0 [2/2]",
        "move x1 [2/2] -> u0.mem/f16",
    ]
    assert program.activities[0].reads == ((-1, "x0"),)
    assert program.activities[0].makes == (("x0 [1/2]", "u1.mem", 32),)


def test_units_work_on_tiles_side_by_side() -> None:
    slow = Clockwork(ticks_per_element=10_000)
    target = machine(slow, slow)
    whole = placed(target, products(2, rows=64), ["u0", "u1"])
    plans = (whole, tiled(whole, 8, 8))
    programs = [spelled(p) for p in plans]
    calls = [replay(p, {s.what: s for s in slots(p)}) for p in programs]
    assert calls[1].ticks < 0.75 * calls[0].ticks
    largest = [max(x.size for x in lives(p, c) if x.memory == "u1.mem") for p, c in zip(programs, calls, strict=True)]
    assert largest[1] == largest[0] // 8


class Hasty(Clockwork):
    """A unit whose model claims that a few rows take no time, energy or traffic."""

    def cost(self, work: Work, feed: Feed) -> Cost:
        if sum(o.elements for o in work.outputs) < 8:
            return Cost(0)
        return super().cost(work, feed)


@examples(20, 60)
@given(st.data())
def test_in_sum_tiles_take_no_less_of_anything_than_the_whole(data: st.DataObject) -> None:
    units = [data.draw(st.sampled_from([Clockwork(), Hasty(), Clockwork(leaves=F32)])) for _ in range(3)]
    count = data.draw(st.integers(1, 3))
    graph = products(count, rows=data.draw(st.integers(2, 13)), past=data.draw(st.booleans()))
    on = [data.draw(st.sampled_from(["u0", "u1", "u2"])) for _ in graph.ops]
    whole = placed(machine(*units, bandwidth=3e8, link=7e8), graph, on)
    spelling, tiles = Spelling(whole), []
    for task in whole.tasks or ():
        unit, cluster = whole.target.unit[whole.place[task.name].unit], whole.cluster[task.cluster]
        many = data.draw(st.integers(2, 5))
        found = tiling(spelling.estimator, cluster, unit, whole.chosen(task.name), whole.phases[0], many)
        tiles.append(many if found and data.draw(st.booleans()) else 0)
    parted = tiled(whole, *tiles)
    program = spelled(parted)
    before, after = (loads_per_request([p], [1]) for p in (spelled(whole), program))
    assert all(after.get(resource, 0) >= ticks for resource, ticks in before.items())
    energies = [sum(pj for a in p.activities for _, pj in a.energy_pj) for p in (spelled(whole), program)]
    assert energies[1] >= energies[0]
    call = replay(program, {s.what: s for s in slots(program)})
    made = {(name, memory) for a in program.activities for name, memory, _ in a.makes}
    read = {(program.activities[i].makes, name) for a in program.activities for i, name in a.reads if i >= 0}
    assert all(name in [m for m, _, _ in makes] for makes, name in read), "what is read was left by its maker"
    assert len({a.name for a in program.activities}) == len(program.activities)
    assert {name for _, name in program.kept} <= {name for name, _ in made} | {n for n, _, _ in program.given}
    assert call.ticks


def test_rows_that_need_others_are_not_divided() -> None:
    plan = tiled(placed(machine(Clockwork()), products(1, past=True), ["u0", "u0"]), 0, 2)
    with pytest.raises(InvalidPlan, match="cannot go through its rows in 2 tiles") as error:
        spelled(plan)
    assert error.value.rule == "placement-tiles-rows"


def test_no_tile_is_empty() -> None:
    plan = placed(machine(Clockwork()), products(1, rows=5), ["u0"])
    spelled(tiled(plan, 3))
    with pytest.raises(InvalidPlan):
        spelled(tiled(plan, 4))  # two rows each leave none for the last


def test_the_number_of_rows_must_be_the_same_in_every_call() -> None:
    phase = Phase("run", (), 2, (("n", (4, 8)),), (0.5, 0.5))
    graph = products(1)
    open_ = replace(graph, values=tuple(replace(v, shape=("n", 4)) if v.name[0] == "x" else v for v in graph.values))
    with pytest.raises(InvalidPlan):
        spelled(tiled(placed(machine(Clockwork()), open_, ["u0"], [phase]), 2))


@cache
def _real() -> Plan:
    """A finished plan with every task that can be in two tiles, and some in four."""
    plan = finished("bert-tiny", "edge-npu")
    spelling, placement = Spelling(plan), []
    for k, place in enumerate(plan.placement or ()):
        task = plan.task[place.task]
        found = tiling(
            spelling.estimator,
            plan.cluster[task.cluster],
            plan.target.unit[place.unit],
            plan.chosen(place.task),
            plan.phase[task.phase],
            many := 4 if k % 3 == 0 else 2,
        )
        placement.append(replace(place, tiles=many if found else 0))
    ctx = Context(effort=Effort.QUICK)
    after = with_late(plan, tuple(placement))
    return Memory().run(Schedule(effort=0).run(after, ctx), ctx)


@pytest.mark.slow
def test_a_real_plan_in_tiles_keeps_every_rule() -> None:
    plan = _real()
    assert len({p.tiles for p in plan.placement or ()}) == 3
    verify(plan)
    check(replace(plan, figures=judge(plan).figures))


@pytest.mark.slow
def test_tiles_are_written_and_read_and_wholes_look_as_before() -> None:
    plan = _real()
    assert from_json(to_json(plan)) == plan
    assert '"tiles"' not in to_json(finished("bert-tiny", "edge-npu"))
