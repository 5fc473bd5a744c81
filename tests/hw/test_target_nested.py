"""Systems of systems: nodes of a rack, and chips in rows and columns."""

from __future__ import annotations

import time

import pytest
from target_builders import Load
from team_builders import FILES, SERVER, cluster

from mapper.errors import TargetError
from mapper.hw.library import target_names
from mapper.hw.load import load_target
from mapper.hw.teams import arranged, arrangements
from mapper.hw.topology import routes

MEASURED = (
    "power: {rest_w: 7}\ncollectives:\n  among: ['card*.core']\n  error_band: 0.1\n"
    "  curves: [{kind: all_reduce, ranks: 4, bytes: [1000], seconds: [1e-3]}]\n"
)


def test_parts_of_a_node_keep_their_names_under_the_node(load: Load) -> None:
    target = cluster(load)
    assert "node1.card3.core" in target.unit
    assert "node0.switch" in target.routers
    assert target.memory["node1.card3.ram"].serves == ("node1.card3.core",)


def test_what_was_measured_in_a_node_holds_inside_each_node_only(load: Load) -> None:
    target = load(
        "chips: {node: {use: systems/server, count: 3}}\nrouters: [net]\n"
        "links: {nic: {use: links/wire, topology: {star: {hub: net, leaves: [node*.card*.core]}}}}\n",
        **{**FILES, "systems__server": SERVER + MEASURED},
    )
    inside = [f"node2.card{i}.core" for i in range(4)]
    assert target.collectives is not None
    assert target.collectives.covers(inside)
    assert not target.collectives.covers([*inside[:3], "node1.card0.core"])
    assert len(target.collectives.among) == 12


def test_fans_of_every_node_count(load: Load) -> None:
    target = load(
        "chips: {node: {use: systems/server, count: 2}}\nrouters: [net]\npower: {rest_w: 1}\n"
        "links: {nic: {use: links/wire, topology: {star: {hub: net, leaves: [node*.card*.core]}}}}\n",
        **{**FILES, "systems__server": SERVER + MEASURED},
    )
    assert target.rest_power_w == 2 * 7 + 1


def test_chips_in_a_grid_are_linked_by_one_of_their_parts(load: Load) -> None:
    body = (
        "chips: {p: {use: chips/package, grid: [2, 3]}}\n"
        "links: {c2c: {use: links/wire, topology: {mesh: {grid: p, part: core0}}}}\n"
    )
    target = load(body, **FILES)
    assert "c2c.p_0_1.core0-p_1_1.core0" in target.link
    with pytest.raises(TargetError, match="say which unit of each is linked"):
        load(body.replace(", part: core0", ""), **FILES)
    with pytest.raises(TargetError, match=r"'p_0_0\.core9' is no unit or router"):
        load(body.replace("core0", "core9"), **FILES)


@pytest.mark.parametrize("name", ["superhetx96", "cim-mesh-256", "hgx-h100x12"])
def test_a_large_system_loads_and_folds_at_once(name: str) -> None:
    start = time.process_time()
    target = load_target(name)
    for arrangement in arrangements(target)[:3]:
        arranged(target, arrangement, pooled=True)
    assert routes(target)[target.io, target.memories[-1].name].latency_s >= 0
    assert time.process_time() - start < 1.5


def test_the_systems_of_large_models_are_built_in() -> None:
    names = {"dgx-a100x4", "hgx-h100", "hgx-h100x12", "superhetx16", "superhetx96", "cim-mesh-256"}
    assert names <= set(target_names())
    assert len([u for u in load_target("dgx-a100x4").units if u.model_name == "gpu"]) == 32
    assert len([u for u in load_target("hgx-h100x12").units if u.model_name == "gpu"]) == 96
    assert len(load_target("superhetx96").units) == 96 * 8
