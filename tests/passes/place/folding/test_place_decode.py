"""Decode: a pooled placement dealt out to the stages of an arrangement."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from test_place_pooled import farm
from tiny_machines import layers, prepared, sketch

from mapper.hw.teams import Arrangement, arranged
from mapper.ir.plan import Place, Plan
from mapper.pipeline.pass_ import Context, Effort
from mapper.solve import filling
from mapper.solve.budget import Budget
from mapper.solve.placement import problem as pb
from passes.place.folding.decode import Decoder, Stages
from passes.place.folding.pooled import Pooled, on_target

QUICK = Context(effort=Effort.QUICK)
BUDGET = Budget(0.1)


def decoder_of(plan: Plan, copies: int = 1, in_line: bool = False) -> Decoder:
    """For the pooled solution that takes the first option of each task, and an arrangement's stages."""
    pool = Pooled.of(plan, 1, QUICK)
    target = arranged(plan.target, Arrangement(1, copies))
    return Decoder(pool.plan, pool.t, pb.Solution((0,) * len(pool.t.tasks)), target, copies, in_line)


def decoded(plan: Plan, copies: int = 1, in_line: bool = False) -> tuple[Place, ...] | None:
    """What that decoder finds."""
    decoder = decoder_of(plan, copies, in_line)
    dealt = decoder.dealt(BUDGET)
    return decoder.placement(dealt, on_target(plan, decoder.explicit, QUICK)) if dealt else None


def test_equal_layers_are_dealt_out_in_stretches() -> None:
    places = decoded(prepared(farm(4), layers(8)))
    assert places is not None
    assert [p.unit for p in places] == ["u0", "u0", "u1", "u1", "u2", "u2", "u3", "u3"]


def test_copies_leave_fewer_stages() -> None:
    plan = prepared(farm(4), layers(8))
    places = decoded(plan, copies=2)
    assert places is not None
    units = [p.unit for p in places]
    assert sorted(Counter(units).values()) == [4, 4]
    assert sum(a != b for a, b in pairwise(units)) == 1


@pytest.mark.parametrize(("count", "even"), [(8, True), (7, False)])
def test_the_least_height_is_told_before_anything_is_dealt_out(count: int, even: bool) -> None:
    decoder = decoder_of(prepared(farm(4), layers(count)))
    dealt = decoder.dealt(BUDGET)
    assert dealt is not None
    assert 0 < decoder.least() <= dealt.height
    assert (decoder.least() == dealt.height) == even


def test_in_line_a_stage_is_filled_before_the_next_is_begun() -> None:
    # 128 bytes of weights each, and 400 bytes: three fit beside room for the values
    places = decoded(prepared(farm(4, room=600), layers(6)), in_line=True)
    assert places is not None
    used = list(Counter(p.unit for p in places).values())
    assert used == sorted(used, reverse=True)
    assert len(used) < 4


def test_nothing_is_decoded_when_a_stage_has_no_room_for_a_layer() -> None:
    assert decoded(prepared(farm(4, room=1 << 20), layers(4)), copies=4) is not None
    assert decoded(prepared(farm(4, room=400), layers(6)), copies=4) is None


@pytest.mark.parametrize(("room", "fillings"), [(1 << 20, 1), (900, 3)])
def test_fewer_requests_are_tried_only_where_room_is_short(
    room: int, fillings: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[filling.Problem] = []

    def filled(problem: filling.Problem, budget: Budget) -> tuple[int, ...] | None:
        asked.append(problem)
        return fill(problem, budget)

    fill = filling.fill
    monkeypatch.setattr(filling, "fill", filled)
    assert decoded(prepared(farm(4, room=room), layers(5))) is not None  # one of four has two: never even
    assert len(asked) == fillings


def test_clusters_that_share_a_state_stay_together() -> None:
    graph = sketch(
        "k = add(past, x)", "a = matmul(x, w0)", "b = matmul(a, w1)", "c = add(b, k)", states=(("past", "k"),)
    )
    plan = prepared(farm(2), graph)
    places = decoded(plan)
    assert places is not None
    where = {plan.task[p.task].cluster: p.unit for p in places}
    touching = [
        c.name for c in plan.clusters or () if {"past", "k"} & {n for o in c.ops for n in plan.graph.op[o].inputs}
    ]
    assert len({where[c] for c in touching}) == 1


def test_stages_know_the_parts_of_a_pool_in_order() -> None:
    target = farm(4)
    pool = arranged(target, Arrangement(), pooled=True)
    stages = Stages(pool, target)
    (units,) = stages.units.values()
    assert units == ("u0", "u1", "u2", "u3")
    assert list(stages.memories.values()) == [("u0.mem", "u1.mem", "u2.mem", "u3.mem")]
