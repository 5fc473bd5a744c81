"""Transfers: where a value is cast, and what its way takes of links, memories and energy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cost_builders import F16, F32, I8, Clockwork, chain, machine

from mapper.cost.estimate import Estimator
from mapper.cost.places import Place, Places
from mapper.cost.shards.spread import Spread
from mapper.hw.target import Target
from mapper.hw.work import DType, UnitModel


def places(*models: UnitModel, target: Target | None = None) -> Places:
    target = target or machine(*models)
    return Places(target, Estimator(target, chain(1), ()))


A16, A32 = Place("u0.mem", F16), Place("u0.mem", F32)
B16, B32 = Place("u1.mem", F16), Place("u1.mem", F32)


def test_nothing_moves_to_where_it_is() -> None:
    found = places(Clockwork(), Clockwork())
    assert found.steps(Spread(8), F32, A16, A16) == ()
    assert found.steps(Spread(0), F32, A16, B16) == ()


def test_a_move_takes_the_link_and_a_part_of_both_memories() -> None:
    """2000 bytes over a link of 1 GB/s between memories of 4 GB/s: 2 us on the link, 0.5 us of each memory."""
    (move,) = places(target=machine(Clockwork(), Clockwork(), bandwidth=4e9)).steps(Spread(1000), F32, A16, B16)
    assert (move.kind, move.where, move.to, move.bytes) == ("move", "u0.mem > u1.mem", B16, 2000)
    assert move.hold == 2_000_000
    assert move.ticks == 2_000_000 + 1000
    assert move.exclusive == ("u0u1:u0>u1",)
    assert move.channels == (("u0.mem", 500_000), ("u1.mem", 500_000))
    assert dict(move.energy_pj) == {"memory u0.mem": 2000, "memory u1.mem": 2000, "link u0u1": 4000}


def test_a_link_with_overhead_takes_the_units_at_both_ends() -> None:
    target = machine(Clockwork(), Clockwork(), bandwidth=4e9)
    slow = replace(target, links=tuple(replace(link, overhead_s=5e-6) for link in target.links))
    (move,) = places(target=slow).steps(Spread(1000), F32, A16, B16)
    assert move.exclusive == ("u0u1:u0>u1", "u0", "u1")
    assert (move.hold, move.ticks) == (5_000_000, 5_000_000 + 1000)
    assert dict(move.busy) == {"u0u1:u0>u1": 5_000_000, "u0": 5_000_000, "u1": 5_000_000}


def test_between_leaves_of_a_star_data_takes_both_links() -> None:
    (move,) = places(Clockwork(), Clockwork(), Clockwork()).steps(Spread(8), F32, B16, Place("u2.mem", F16))
    assert move.exclusive == ("u0u1:u1>u0", "u0u2:u0>u2")


def test_a_narrow_move_is_cast_before() -> None:
    cast, move = places(Clockwork(leaves=F32), Clockwork(leaves=F16)).steps(Spread(100), F32, A32, B16)
    assert (cast.kind, cast.where, cast.to, cast.exclusive) == ("cast", "u0", A16, ("u0",))
    assert (move.kind, move.bytes) == ("move", 200)


def test_a_wide_move_is_cast_after() -> None:
    move, cast = places(Clockwork(leaves=F16), Clockwork(leaves=F32)).steps(Spread(100), F32, A16, B32)
    assert (move.kind, move.bytes, move.to) == ("move", 200, B16)
    assert (cast.kind, cast.where, cast.to) == ("cast", "u1", B32)


SLOW, QUICK = 100_000, 1
"""Ticks an element: a move of 100 elements takes 200,000 ticks in f16, 400,000 in f32."""


@pytest.mark.parametrize(("leaves", "reads"), [(F16, F32), (F32, F16)])
def test_what_crosses_the_edge_of_the_graph_is_cast_on_the_quicker_side(leaves: DType, reads: DType) -> None:
    for slow in (0, 1):
        ticks = [SLOW if i == slow else QUICK for i in (0, 1)]
        found = places(*(Clockwork(leaves=t, ticks_per_element=n) for t, n in zip((leaves, reads), ticks, strict=True)))
        steps = found.steps(Spread(100), F32, Place("u0.mem", leaves), Place("u1.mem", reads), crosses=True)
        assert [step.where for step in steps if step.kind == "cast"] == [f"u{1 - slow}"]
        between = found.steps(Spread(100), F32, Place("u0.mem", leaves), Place("u1.mem", reads))
        assert [step.bytes for step in between if step.kind == "move"] == [200]  # narrow, whoever is slow


def test_the_wide_form_needs_room_for_sixteen_calls_where_the_narrow_one_lies() -> None:
    target = machine(Clockwork(leaves=F16, ticks_per_element=QUICK), Clockwork(leaves=F32, ticks_per_element=SLOW))
    for room, caster in ((16 * 400, "u0"), (16 * 400 - 1, "u1")):
        memories = tuple(replace(m, capacity_bytes=room) for m in target.memories)
        steps = places(target=replace(target, memories=memories)).steps(Spread(100), F32, A16, B32, crosses=True)
        assert [step.where for step in steps if step.kind == "cast"] == [caster]


def test_a_piece_goes_the_way_of_its_whole() -> None:
    """100 elements take 0.3 us in f16, as anything takes at least, and 0.4 us in f32; 10 elements 0.3 us in both."""
    quick, slow = (Clockwork(leaves=t, ticks_per_element=n) for t, n in ((F16, 1000), (F32, 1500)))
    target = machine(quick, slow)
    found = places(target=replace(target, links=tuple(replace(link, overhead_s=3e-7) for link in target.links)))

    def caster(value: Spread, whole: Spread | None = None) -> str:
        steps = found.steps(value, F32, A16, B32, True, whole)
        return next(step.where for step in steps if step.kind == "cast")

    assert caster(Spread(100)) == "u1"
    assert caster(Spread(10)) == "u0"
    assert caster(Spread(10), Spread(100)) == "u1"


def test_where_the_source_cannot_cast_the_destination_does() -> None:
    source, destination = Clockwork(leaves=F32, refuses=("cast",)), Clockwork(leaves=F16)
    move, cast = places(source, destination).steps(Spread(100), F32, A32, B16)
    assert (move.bytes, cast.where) == (400, "u1")


def test_where_nobody_can_cast_the_memory_port_does() -> None:
    source, destination = (Clockwork(leaves=t, refuses=("cast",)) for t in (F32, F16))
    cast, _ = places(source, destination).steps(Spread(100), F32, A32, B16)
    assert (cast.kind, cast.where, cast.exclusive) == ("cast", "u0.mem", ())
    assert cast.bytes == 400 + 200


def test_within_a_memory_a_cast_is_enough() -> None:
    (cast,) = places(Clockwork(), Clockwork()).steps(Spread(8), F32, A32, A16)
    assert (cast.kind, cast.to) == ("cast", A16)


def test_integers_keep_their_type_wherever_they_go() -> None:
    (move,) = places(Clockwork(leaves=F32), Clockwork(leaves=F16)).steps(Spread(100), DType.I64, A32, B16)
    assert (move.kind, move.bytes) == ("move", 800)
    assert places(Clockwork(), Clockwork()).steps(Spread(100), I8, A32, A16) == ()


def test_places_are_those_of_the_units_and_inputs_appear_where_the_first_of_them_reads() -> None:
    found = places(Clockwork(leaves=F32), Clockwork(leaves=F16))
    assert found.all == (A32, B16)
    assert found.io == A32
