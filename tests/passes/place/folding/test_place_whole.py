"""Whole pieces: the room of a pool's memory, and placements that a stage has room for."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from sweeps import examples
from test_place_pooled import farm
from tiny_machines import Abacus, Loom, layers, machine, prepared, sketch

from mapper.pipeline.pass_ import Context, Effort
from mapper.solve.placement import problem as pb
from passes.place.folding.pooled import Pooled
from passes.place.folding.uncrowded import uncrowded
from passes.place.folding.whole import in_whole_pieces, largest_sum
from passes.place.translate import translate

QUICK = Context(effort=Effort.QUICK)


@examples(30, 100)
@given(st.lists(st.integers(1, 20), unique=True, max_size=4), st.integers(0, 70))
def test_the_largest_sum_is_that_of_trying_all(sizes: list[int], capacity: int) -> None:
    reached = {0}
    for total in range(1, capacity + 1):
        if any(total - size in reached for size in sizes):
            reached.add(total)
    assert largest_sum(sorted(sizes), capacity) == max(reached)


def test_a_pool_holds_no_more_weights_than_its_stages_hold_whole_ones() -> None:
    # a weight takes 128 bytes: a unit of 350 bytes, less room for values, holds two of them, four units eight
    plan = Pooled.of(prepared(farm(4, room=350), layers(3)), 1, QUICK).plan
    written, whole = translate(plan).problem, Pooled.of(plan, 1, QUICK).t.problem
    (size,) = {r.bytes for r in written.residents}
    assert whole.capacities[0] % (4 * size) == 0
    assert whole.capacities[0] <= written.capacities[0]


def test_a_pool_with_copies_holds_whole_weights_in_every_copy_of_a_stage() -> None:
    # weights of 128 bytes compute in arrays of their own: two copies of a stage keep 256 bytes of each, in 2 x 300
    plan = prepared(machine(*[Loom(ticks_per_element=1000)] * 4, capacities=[300] * 4), layers(2))
    pool = Pooled.of(plan, 1, QUICK, copies=2)
    kept = pool.t.problem.capacities[0]
    assert {r.bytes for r in pool.t.problem.residents} == {2 * 128}
    assert kept >= 2 * 2 * 128  # in each of two stages one weight at least


def test_small_pieces_fill_what_large_ones_leave() -> None:
    problem = Pooled.of(prepared(farm(4, room=1 << 20), layers(3)), 1, QUICK).t
    plan = Pooled.of(prepared(farm(4, room=1 << 20), layers(3)), 1, QUICK).plan
    residents = (pb.Resident("large", 0, 300_000), *(pb.Resident(f"small{k}", 0, 10) for k in range(5)))
    mixed = pb.Problem(
        **{
            **{name: getattr(problem.problem, name) for name in problem.problem.__dataclass_fields__},
            "residents": residents,
            "capacities": (4 * 700_000,),
        }
    )
    assert in_whole_pieces(mixed, plan.target).capacities == (4 * 600_000 + 50,)


def test_a_weight_larger_than_a_stage_has_no_place_in_the_pool() -> None:
    # weights take 128 bytes, each of three quick units has 120, their pool 360; the slow one beside them has room
    quick, slow = Abacus(ticks_per_element=1000), Abacus(ticks_per_element=200_000)
    target = replace(machine(*[quick] * 3, slow, capacities=[120] * 3 + [1 << 20]), io="u3.mem")
    pool = Pooled.of(prepared(target, sketch("a = matmul(x, w0)", "b = matmul(a, w1)", shape=(2, 8))), 1, QUICK)
    assert len({unit for meaning in translate(pool.plan).meaning for unit, _ in meaning}) == 2
    weighty = [i for i, item in enumerate(pool.t.problem.items) if all(o.needs for o in item.options)]
    assert weighty
    assert {unit for i in weighty for unit, _ in pool.t.meaning[i]} == {"u3"}


def test_options_that_crowd_a_stage_are_left_out_where_others_remain() -> None:
    units = (Abacus(ticks_per_element=1000), Abacus(ticks_per_element=1000))
    target = machine(*units, capacities=[1 << 20, 600], link=1e9)
    plan = prepared(target, layers(2))
    t = translate(plan)
    narrow = uncrowded(plan, t)
    assert {unit for meaning in narrow.meaning for unit, _ in meaning} == {"u0"}
    assert narrow.problem.items[0].options == tuple(
        o for o, (unit, _) in zip(t.problem.items[0].options, t.meaning[0], strict=True) if unit == "u0"
    )


def test_tasks_keep_their_options_where_nothing_is_roomy() -> None:
    plan = prepared(farm(2, room=600), layers(2))
    t = translate(plan)
    assert uncrowded(plan, t).meaning == t.meaning
