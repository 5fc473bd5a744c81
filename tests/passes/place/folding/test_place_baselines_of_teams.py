"""Baselines: everything on one unit, as far as it has room."""

from __future__ import annotations

from dataclasses import replace

from test_place_pooled import farm
from tiny_machines import layers, prepared

from mapper.pipeline.pass_ import Context, Effort
from mapper.solve.placement import problem as pb
from passes.place.baselines import one_unit, one_unit_small
from passes.place.folding.pooled import Pooled
from passes.place.translate import Translation

QUICK = Context(effort=Effort.QUICK)


def team_of_two(room: int) -> Translation:
    """Three products on a team of two ranks with so much room each, whose quickest ways keep a copy of the weights in
    both ranks, 256 bytes; others keep half of them in each."""
    t = Pooled.of(prepared(farm(2, room=room), layers(3)), 2, QUICK).t
    items = [
        replace(item, options=tuple(
            replace(option, ticks=1) if how.shard == "tokens" else option
            for option, (_, how) in zip(item.options, meaning, strict=True)
        ))
        for item, meaning in zip(t.problem.items, t.meaning, strict=True)
    ]  # fmt: skip
    return replace(t, problem=replace(t.problem, items=tuple(items)))


def ways(t: Translation, found: pb.Solution | None) -> set[str]:
    """How the products of a solution are divided; none without one."""
    return {t.meaning[i][o][1].shard for i, o in enumerate(found.choice)} if found else set()


def test_with_room_for_all_the_quickest_ways_keep_everything_on_one_unit() -> None:
    t = team_of_two(1 << 20)
    assert ways(t, one_unit(t, t.meaning[0][0][0])) == {"tokens"}


def test_where_the_quickest_ways_do_not_all_fit_those_do_that_keep_fewest_bytes() -> None:
    t = team_of_two(350)
    assert ways(t, one_unit(t, t.meaning[0][0][0])) != {"tokens"}
    assert ways(t, one_unit_small(t, t.meaning[0][0][0])) == {"column"}
