"""Ops that are grouped again for teams are grouped as the user asked; a partition need not tell the blocks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_place_pooled import farm
from tiny_machines import Abacus, layers, machine, prepared, sketch

from mapper.hw.target import Target
from mapper.hw.teams import Arrangement, arranged
from mapper.ir.plan import Plan
from mapper.pipeline.pass_ import Context, Effort
from passes.place.folding.grouping import grouping
from passes.place.folding.pooled import on_target
from passes.place.folding.teams import PlaceTeams

QUICK = Context(effort=Effort.QUICK)


def recorded(text: str) -> Plan:
    """Products whose results are mapped, grouped by a pipeline that the plan records."""
    graph = sketch("a = matmul(x, w0)", "b = gelu(a)", "c = matmul(b, w1)", "d = gelu(c)")
    plan = prepared(farm(4), graph, passes=f"{text},options")
    return replace(plan, source=(("pipeline", f"{text},options,place-teams"),))


@pytest.mark.parametrize(("text", "sizes"), [("partition", [2, 2]), ("partition{max-ops=1}", [1, 1, 1, 1])])
def test_teams_get_clusters_as_the_recorded_partition_makes_them(text: str, sizes: list[int]) -> None:
    plan = recorded(text)
    teams = on_target(plan, arranged(plan.target, Arrangement(2)), QUICK)
    assert [len(c.ops) for c in teams.clusters or ()] == sizes
    assert teams.blocks is not None


@pytest.mark.parametrize("text", ["", "no-such-partition,options,place-teams"])
def test_without_a_record_that_can_be_read_the_default_partition_groups(text: str) -> None:
    plan = replace(recorded("partition{max-ops=1}"), source=(("pipeline", text),))
    assert grouping(plan).name == "partition"


@pytest.mark.parametrize("target", [farm(2), machine(Abacus())])
def test_teams_take_clusters_of_a_partition_that_tells_no_blocks(target: Target) -> None:
    assert "blocks" not in PlaceTeams.requires
    found = PlaceTeams().run(replace(prepared(target, layers(2)), blocks=None), QUICK)
    assert found.blocks is not None
    assert found.placement
