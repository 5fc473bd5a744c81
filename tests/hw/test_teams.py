"""Folding alike chips into teams keeps what the machine has, and a pool is never worse than its stages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sweeps import examples
from target_builders import Load
from team_builders import cluster, packages, server, tiles

from mapper.errors import UsageError
from mapper.hw.target import Target
from mapper.hw.teams import Arrangement, arranged, arrangement_of, arrangements, fabric, with_more_copies
from mapper.hw.teams.arrange import MOST
from mapper.hw.teams.names import ranged
from mapper.hw.topology import routes, unreachable

Make = Callable[[Load], Target]

MACHINES: dict[str, Make] = {
    "server": server,
    "cluster": cluster,
    "packages": lambda load: packages(load, 2, 4),
    "tiles": lambda load: tiles(load, 2, 4),
    "row": lambda load: packages(load, 1, 4),
}


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest, load: Load) -> Target:
    """Each of the tiny machines."""
    return MACHINES[request.param](load)


def folds(target: Target) -> list[Target]:
    """Every folded target, explicit and pooled."""
    return [arranged(target, a, pooled) for a in arrangements(target) for pooled in (False, True)]


def test_the_first_arrangement_is_the_target_itself(machine: Target) -> None:
    assert arrangements(machine)[0] == Arrangement(1, 1)
    assert arranged(machine, Arrangement(1, 1)) is machine


def test_of_many_chips_few_copies_and_few_stages_are_tried(load: Load) -> None:
    copies = {way.copies for way in with_more_copies(tiles(load, 12, 12), 1)}
    assert copies == {1, 2, 3, 4, 6, 8, 18, 24, 36, 48, 72, 144}


def test_ranks_times_copies_times_stages_are_all_chips(machine: Target) -> None:
    for a in arrangements(machine):
        teams = [u for u in arranged(machine, a).units if u.ranks == a.ranks and u.copies == a.copies]
        assert teams if a != Arrangement() else not [u for u in machine.units if u.team]


def test_every_unit_is_in_one_team(machine: Target) -> None:
    for target in folds(machine):
        members = [m for u in target.units for m in (u.team.members if u.team else (u.name,))]
        assert sorted(members) == sorted(machine.unit)
        assert all(len(u.team.members) == u.count for u in target.units if u.team)


def test_memories_and_power_are_those_of_the_whole(machine: Target) -> None:
    for target in folds(machine):
        for figure in ("capacity_bytes", "bandwidth_bytes_per_s", "idle_power_w"):
            whole = sum(getattr(m, figure) for m in machine.memories)
            assert sum(getattr(m, figure) for m in target.memories) == pytest.approx(whole)
        assert target.idle_power_w == pytest.approx(machine.idle_power_w)
        assert target.power_limit_w == machine.power_limit_w


def test_everything_reaches_everything_and_units_have_their_memories(machine: Target) -> None:
    for target in folds(machine):
        assert unreachable(target) is None
        assert target.io in target.memory
        for unit in target.units:
            assert all(unit.name in target.memory[m].serves for m in (unit.data, *unit.weights))
        assert target.group in (machine, None)


def test_a_folded_target_knows_its_arrangement_and_is_not_folded_again(machine: Target) -> None:
    for a in arrangements(machine):
        if a != Arrangement():
            assert arrangement_of(arranged(machine, a)) == a
            assert arrangements(arranged(machine, a)) == (Arrangement(),)


def test_links_of_a_star_are_as_many_as_the_team_has_members(load: Load) -> None:
    team = arranged(server(load), Arrangement(2, 1))
    leaf = next(k for k in team.links if {k.a, k.b} == {"switch", "card0-1.core"})
    assert leaf.bandwidth_bytes_per_s == 2 * 40e9
    assert leaf.latency_s == 1e-6


def test_teams_stay_inside_a_node_first(load: Load) -> None:
    sizes = {a.ranks for a in arrangements(cluster(load, 3))}
    assert sizes == {1, 2, 4, 12}  # 3 and 6 cut across the nodes of 4


def test_each_copy_has_the_host_of_its_node(load: Load) -> None:
    team = arranged(cluster(load), Arrangement(4, 2))
    assert [u.name for u in team.units] == ["node0-1.card0-3.core", "node0-1.host"]
    assert team.unit["node0-1.host"].team.copies == 2  # type: ignore[union-attr]
    stages = arranged(cluster(load), Arrangement(4, 1))
    assert [u.name for u in stages.units] == ["node0.card0-3.core", "node1.card0-3.core", "node0.host", "node1.host"]


def test_a_package_folds_part_by_part(load: Load) -> None:
    team = arranged(packages(load, 2, 2), Arrangement(2, 1))
    assert [u.name for u in team.units] == [
        *("p0-1.host", "p0-1.core0", "p0-1.core1", "p0-1.cim"),
        *("p2-3.host", "p2-3.core0", "p2-3.core1", "p2-3.cim"),
    ]
    assert team.memory["p0-1.cim.arrays"].unit == "p0-1.cim"
    assert team.memory["p0-1.hbm"].serves == ("p0-1.core0", "p0-1.core1")
    assert {fabric(u.name) for u in team.units} == {"p0-1 exchange", "p2-3 exchange"}


def test_teams_of_a_mesh_are_blocks_in_a_round_and_stages_are_neighbours(load: Load) -> None:
    target = tiles(load, 4, 4)
    team = arranged(target, Arrangement(4, 1))
    stages = [u for u in team.units if u.team]
    assert stages[0].team is not None
    assert stages[0].team.members == ("t_0_0", "t_0_1", "t_1_1", "t_1_0")
    joined = {frozenset((k.a, k.b)) for k in team.links}
    assert [u.name for u in stages] == ["t_0-1_0-1", "t_0-1_2-3", "t_2-3_2-3", "t_2-3_0-1"]
    assert all(frozenset((a.name, b.name)) in joined for a, b in pairwise(stages))
    border = next(k for k in team.links if {k.a, k.b} == {"t_0-1_0-1", "t_0-1_2-3"})
    assert border.bandwidth_bytes_per_s == 2 * 10e9
    assert border.latency_s == pytest.approx(2e-6)  # each rank's peer is two links away


def test_an_arrangement_that_does_not_divide_is_refused_with_those_that_do(load: Load) -> None:
    with pytest.raises(UsageError, match="cannot be arranged in 3 ranks x 1 copies") as told:
        arranged(server(load), Arrangement(3, 1))
    assert "4 x 1" in (told.value.hint or "")


def test_the_list_is_short_however_large_the_machine(load: Load) -> None:
    assert len(arrangements(tiles(load, 12, 12))) <= MOST


def test_single_and_odd_chips_stay_as_they_are(load: Load) -> None:
    odd = load(
        "units: {a: {use: units/lanes}, b: {use: units/lanes, lanes: 8}}\n"
        "memories: {m: {use: memories/ram, serves: [a]}, n: {use: memories/ram, serves: [b]}}\n"
        "links: {w: {use: links/wire, between: [a, b]}}"
    )
    assert arrangements(odd) == (Arrangement(),)
    assert arranged(odd, Arrangement(), pooled=True) is odd


@pytest.mark.parametrize(
    ("names", "together"),
    [
        (["gpu0.gpu", "gpu1.gpu"], "gpu0-1.gpu"),
        (["t_0_0", "t_0_1", "t_1_1", "t_1_0"], "t_0-1_0-1"),
        (["p0", "p2"], "p0+2"),
        (["p0", "p2", "p4", "p6"], "p0x4"),
        (["n0.g0", "n1.g1"], "n0x2.g0"),
        (["host", "cpu"], "hostx2"),
        (["host"], "host"),
    ],
)
def test_a_team_is_named_after_its_members(names: list[str], together: str) -> None:
    assert ranged(names) == together


def loads(target: Target, moves: list[tuple[str, str, int]]) -> dict[str, float]:
    """Seconds that moves between memories keep every memory and every direction of a link busy."""
    busy: defaultdict[str, float] = defaultdict(float)
    for a, b, size in moves:
        if a == b:
            continue
        route = routes(target)[a, b]
        for memory in (a, b):
            busy[memory] += size / target.memory[memory].bandwidth_bytes_per_s
        for hop in route.hops:
            busy[hop.resource] += size / hop.link.bandwidth_bytes_per_s
    return busy


@examples(20, 60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_plan_on_the_stages_beats_its_image_on_the_pool(machine: Target, data: st.DataObject) -> None:
    arrangement = data.draw(st.sampled_from(arrangements(machine)))
    stages, pool = arranged(machine, arrangement), arranged(machine, arrangement, pooled=True)
    seat = _seats(stages, pool)
    memories = st.sampled_from([m.name for m in stages.memories])
    moves = data.draw(st.lists(st.tuples(memories, memories, st.integers(1, 10**9)), max_size=12))
    image = [(seat[a], seat[b], size) for a, b, size in moves]
    busiest = max(loads(stages, moves).values(), default=0.0)
    assert max(loads(pool, image).values(), default=0.0) <= busiest * (1 + 1e-9)
    for (a, b, _), (c, d, _) in zip(moves, image, strict=True):
        if a != b:
            there, here = routes(stages)[a, b], routes(pool)[c, d]
            assert c == d or here.latency_s <= there.latency_s + 1e-15
            assert c == d or here.link_pj_per_bit <= there.link_pj_per_bit * (1 + 1e-9)


@examples(9, 30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_units_and_memories_of_the_pool_have_room_for_what_the_stages_have(
    machine: Target, data: st.DataObject
) -> None:
    arrangement = data.draw(st.sampled_from(arrangements(machine)))
    stages, pool = arranged(machine, arrangement), arranged(machine, arrangement, pooled=True)
    seat = _seats(stages, pool)
    used = {m.name: data.draw(st.floats(0, 1)) * m.capacity_bytes for m in stages.memories}
    for memory in pool.memories:
        assert sum(v for name, v in used.items() if seat[name] == memory.name) <= memory.capacity_bytes * (1 + 1e-9)
    ticks = {u.name: data.draw(st.integers(0, 1000)) for u in stages.units}
    longest = max(ticks[u.name] / u.sets for u in stages.units)
    for unit in pool.units:
        mine = [
            u
            for u in stages.units
            if seat[u.data] == unit.data and u.model == unit.model and _in(u.name, unit.name, stages, pool)
        ]
        assert sum(ticks[u.name] for u in mine) / unit.sets <= longest * (1 + 1e-9)
        assert all(u.ranks == unit.ranks and u.copies == unit.copies for u in mine)


def _members(target: Target, unit: str) -> tuple[str, ...]:
    team = target.unit[unit].team
    return team.members if team else (unit,)


def _in(unit: str, other: str, stages: Target, pool: Target) -> bool:
    return set(_members(stages, unit)) <= set(_members(pool, other))


def _seats(stages: Target, pool: Target) -> dict[str, str]:
    """The pool's memory for each of the stages'."""
    found: dict[str, str] = {}
    for unit in stages.units:
        other = next(u for u in pool.units if _in(unit.name, u.name, stages, pool))
        served = [[m.name for m in t.memories if u.name in m.serves] for t, u in ((stages, unit), (pool, other))]
        found |= dict(zip(*served, strict=True))
    return found


def test_a_pool_of_one_stage_is_that_stage(load: Load) -> None:
    target = server(load)
    assert arranged(target, Arrangement(4, 1), pooled=True) == arranged(target, Arrangement(4, 1))


def test_links_of_two_kinds_between_the_same_teams_have_two_names(load: Load) -> None:
    memories = "".join(f"  m{i}: {{use: memories/ram, serves: [a{i}]}}\n" for i in range(4))
    pairs = "".join(
        f"  {name}{i}: {{use: links/wire, latency_s: {latency}, between: [a{2 * i}, a{2 * i + 1}]}}\n"
        for i in range(2)
        for name, latency in (("w", 1e-6), ("x", 9e-6))
    )
    joint = "  j: {use: links/wire, between: [a1, a2]}\n"
    target = load(f"units: {{a: {{use: units/lanes, count: 4}}}}\nmemories:\n{memories}links:\n{joint}{pairs}")
    names = [link.name for link in arranged(target, Arrangement(1, 2)).links]
    assert names == ["wire.a0+2-a1+3", "wire.a0+2-a1+3-1"]
