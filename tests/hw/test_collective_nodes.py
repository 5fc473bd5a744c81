"""Collectives over several nodes, and over many ranks."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sweeps import examples
from target_builders import Load
from team_builders import FILES, cluster, tiles

from mapper.hw.collective import KINDS, collective, quickest
from mapper.hw.load import load_target
from mapper.hw.rounds import algorithms, two_way_round
from mapper.hw.target import Target
from mapper.hw.teams import Arrangement, arranged, arrangements

FAST, SLOW, LATENCY = 1 / 40e9, 1 / 5e9, 2e-6
"""Seconds per byte inside a node of the tiny cluster and between nodes; latency of two links."""


def quick_memories(target: Target) -> Target:
    """The target with memories that nobody waits for."""
    return replace(
        target,
        memories=tuple(replace(m, latency_s=0.0, bandwidth_bytes_per_s=1e15) for m in target.memories),
    )


def cards(nodes: int, each: int = 4) -> list[str]:
    """The cards of so many nodes."""
    return [f"node{n}.card{i}.core" for n in range(nodes) for i in range(each)]


def test_a_large_tensor_is_reduced_node_by_node(load: Load) -> None:
    target, size = quick_memories(cluster(load, 2)), 10**9
    found = collective(target, "all_reduce", cards(2), size)
    inside = 3 / 4 * size * FAST + LATENCY  # once to scatter, once to gather
    across = 2 * 1 / 2 * size / 4 * SLOW + 2 * LATENCY
    assert found.algorithm == "by nodes"
    assert found.seconds == pytest.approx(2 * inside + across, rel=1e-3)
    flat = 2 * 7 / 8 * size * SLOW  # a ring over all waits for the slowest link
    assert found.seconds < flat / 2


@pytest.mark.parametrize("kind", ["all_gather", "reduce_scatter"])
def test_half_of_an_all_reduce_takes_half_the_time(load: Load, kind: str) -> None:
    target, size = quick_memories(cluster(load, 2)), 10**9
    both, half = (collective(target, k, cards(2), size) for k in ("all_reduce", kind))
    assert half.seconds == pytest.approx(both.seconds / 2, rel=1e-3)
    assert half.energy_pj == pytest.approx(both.energy_pj / 2, rel=1e-3)


@examples(20, 60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nodes=st.integers(2, 3), each=st.integers(1, 4), size=st.integers(1, 10**9), kind=st.sampled_from(KINDS))
def test_no_collective_beats_the_bytes_that_leave_a_node(
    load: Load, nodes: int, each: int, size: int, kind: str
) -> None:
    target = quick_memories(cluster(load, 3))
    found = collective(target, kind, cards(nodes, each), size)
    least = {
        "all_reduce": 2 * (nodes - 1) / nodes / each,
        "custom_all_reduce": 2 * (nodes - 1) / nodes / each,
        "all_gather": (nodes - 1) / nodes / each,
        "reduce_scatter": (nodes - 1) / nodes / each,
        "all_to_all": (nodes - 1) / nodes,
        "broadcast": 1 / each,
        "send_recv": 1.0 if each == 1 else 0.0,
    }[kind]
    assert found.seconds >= least * size * SLOW * (1 - 1e-9)


MEASURED = (
    "collectives:\n  among: ['card*.core']\n  error_band: 0.1\n  curves:\n"
    "    - {kind: reduce_scatter, ranks: 4, bytes: [1, 1e9], seconds: [1.0, 2.0]}\n"
    "    - {kind: all_gather, ranks: 4, bytes: [1, 1e9], seconds: [3.0, 4.0]}\n"
    "    - {kind: custom_all_reduce, ranks: 4, bytes: [1, 1e9], seconds: [1e-9, 1.0]}\n"
)


def test_what_was_measured_in_a_node_is_part_of_what_takes_several(load: Load) -> None:
    files = {**FILES, "systems__server": FILES["systems__server"] + MEASURED}
    target = load(
        "chips: {node: {use: systems/server, count: 2}}\nrouters: [net]\n"
        "links: {nic: {use: links/wire, topology: {star: {hub: net, leaves: [node*.card*.core]}}}}\n",
        **files,
    )
    inside = quickest(target, "all_reduce", cards(2)[4:], 8)
    assert inside.algorithm == "measured"
    over = quickest(target, "all_reduce", cards(2), 8)
    assert over.algorithm == "by nodes"  # the kernel for small tensors works inside a node only
    assert over.seconds >= 1.0 + 3.0
    assert not over.validated


def test_a_link_that_carries_both_ways_halves_the_ring() -> None:
    flows = two_way_round(4, 1.0)
    for rank in range(4):
        assert sum(size for a, _, size in flows if a == rank) == 1.0
        assert {b for a, b, _ in flows if a == rank} == {(rank + 1) % 4, (rank - 1) % 4}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("g", [2, 3, 5, 8])
def test_every_algorithm_moves_at_least_what_the_collective_needs(kind: str, g: int) -> None:
    needed = {"all_reduce": 2 * (g - 1) / g, "custom_all_reduce": 2 * (g - 1) / g, "broadcast": 1.0, "send_recv": 1.0}
    for _, steps in algorithms(kind, g):
        received = [0.0] * g
        for count, _, make in steps:
            for _, b, size in make():
                received[b] += count * size
        reached = received[1:] if kind in ("broadcast", "send_recv") else received
        expected = needed.get(kind, (g - 1) / g)
        if kind == "send_recv":
            assert received[1] == expected
        else:
            assert sum(reached) >= expected * len(reached) * (1 - 1e-9)


def test_rings_of_a_block_of_a_mesh_take_neighbouring_links(load: Load) -> None:
    target = quick_memories(tiles(load, 4, 4))
    team = next(u.team for u in arranged(target, Arrangement(8, 1)).units if u.team)
    found = collective(target, "all_gather", team.members[:8], 10**9)
    assert found.algorithm == "two-way ring"
    assert found.seconds == pytest.approx(7 / 8 * 10**9 / 10e9 / 2 + 7e-6, rel=1e-3)


def test_a_collective_of_96_ranks_is_priced_at_once() -> None:
    target = load_target("superhetx96")
    ranks = [u.name for u in target.units if u.name.endswith("gpu0")]
    start = time.process_time()
    assert collective(target, "all_reduce", ranks, 2**20).seconds > 0
    assert time.process_time() - start < 10


@pytest.mark.slow
def test_more_ranks_than_can_exchange_directly_go_by_blocks(load: Load) -> None:
    target = quick_memories(tiles(load, 17, 16))
    ranks = arranged(target, Arrangement(272, 1)).units[0].team.members  # type: ignore[union-attr]
    assert "direct" not in {name for name, _ in algorithms("all_gather", len(ranks))}
    found = collective(target, "all_to_all", ranks, 10**6)
    assert found.algorithm == "by nodes"
    assert found.seconds >= 271 / 272 * 10**6 / (2 * 10e9)  # a corner sends by two links


def test_a_rack_of_1024_gpus_is_folded_and_priced_in_seconds(load: Load) -> None:
    start = time.process_time()
    target = load(
        "chips: {node: {use: systems/dgx-a100, count: 128}}\nrouters: [net]\n"
        "links: {ib: {use: links/infiniband-hdr, topology: {star: {hub: net, leaves: [node*.gpu*.gpu]}}}}\n"
    )
    ways = arrangements(target)
    assert {(8, 1), (8, 128), (256, 1), (1, 1024)} <= {(a.ranks, a.copies) for a in ways}
    assert any(1 < a.copies < 128 for a in ways if a.ranks == 8)
    team = arranged(target, Arrangement(64, 16)).units[0].team
    assert team is not None
    assert collective(target, "all_reduce", team.members[:64], 2**20).algorithm == "by nodes"
    assert time.process_time() - start < 10
