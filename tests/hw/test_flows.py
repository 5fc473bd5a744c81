"""What flows take together, against their routes taken one by one."""

from __future__ import annotations

from collections import Counter

import pytest
from target_builders import Load

from mapper.hw.flows import price
from mapper.hw.rounds import Round, direct_round, ring_round
from mapper.hw.topology import routes

MACHINE = """\
units: {a: {use: units/lanes, count: 6}, hub: {use: units/lanes}}
memories:
  m0: {use: memories/ram, serves: [a0]}
  m1: {use: memories/ram, serves: [a1, a2], latency_s: 3e-7}
  m3: {use: memories/ram, serves: [a3], bandwidth_bytes_per_s: 1e9}
  m4: {use: memories/ram, serves: [a4]}
  m5: {use: memories/ram, serves: [a5], energy_pj_per_bit: 7}
  m: {use: memories/ram, serves: [hub]}
links:
  near: {use: links/wire, topology: {chain: [a0, a1, a3, a4]}}
  far: {use: links/wire, latency_s: 2e-6, topology: {star: {hub: hub, leaves: ['a*']}}}
"""
GROUPS = (("a0", "a1", "a2"), ("a3", "a4", "a5"))


@pytest.mark.parametrize("flows", [ring_round(3, 1 / 3), direct_round(3, 1 / 3), [(0, 2, 1.0), (2, 0, 0.25)]])
def test_flows_wait_for_the_most_loaded_thing_on_their_way(load: Load, flows: Round) -> None:
    target = load(MACHINE)
    data = {unit.name: unit.data for unit in target.units}
    moved = [(routes(target)[data[g[a]], data[g[b]]], part) for g in GROUPS for a, b, part in flows]
    moved = [(route, part) for route, part in moved if route.source is not route.destination]
    load_of: Counter[str] = Counter()
    speed: dict[str, float] = {m.name: m.bandwidth_bytes_per_s for m in target.memories}
    for route, part in moved:
        speed |= {hop.resource: hop.link.bandwidth_bytes_per_s for hop in route.hops}
        for name in route.resources:
            load_of[name] += part  # type: ignore[assignment]
    slowest = {(r.latency_s, max(load_of[name] / speed[name] for name in r.resources)) for r, _ in moved}
    pj = sum(part * 8 * (r.link_pj_per_bit + r.memory_pj_per_bit) for r, part in moved)
    found, energy = price(target, GROUPS, flows)
    assert found == tuple(sorted(slowest))
    assert energy == pytest.approx(pj)


def test_units_of_one_memory_hand_nothing_over(load: Load) -> None:
    assert price(load(MACHINE), [("a1", "a2")], ring_round(2, 0.5)) == ((), 0)
