"""What flows take together, against their routes taken one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from target_builders import Load

from mapper.hw.flows import price
from mapper.hw.rounds import Round, direct_round, ring_round
from mapper.hw.target import Target
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


Moves = list[tuple[int, int, float]]
UNITS = ("a0", "a1", "a2", "a3", "a4", "a5", "hub")
moves = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.floats(0, 1)), max_size=8)
teams = st.permutations(UNITS).map(lambda names: (names[:3], names[3:6]))


def one_by_one(target: Target, groups: Sequence[Sequence[str]], flows: Round) -> tuple[set[tuple[float, float]], float]:
    """Latencies and seconds of a round's routes, each taken alone, and the energy of all."""
    data = {unit.name: unit.data for unit in target.units}
    moved = [(routes(target)[data[g[a]], data[g[b]]], part) for g in groups for a, b, part in flows]
    moved = [(route, part) for route, part in moved if route.source is not route.destination]
    load: Counter[str] = Counter()
    speed: dict[str, float] = {m.name: m.bandwidth_bytes_per_s for m in target.memories}
    for route, part in moved:
        speed |= {hop.resource: hop.link.bandwidth_bytes_per_s for hop in route.hops}
        for name in route.resources:
            load[name] += part  # type: ignore[assignment]
    slowest = {(r.latency_s, max(load[name] / speed[name] for name in r.resources)) for r, _ in moved}
    return slowest, sum(part * 8 * (r.link_pj_per_bit + r.memory_pj_per_bit) for r, part in moved)


@pytest.mark.parametrize("flows", [ring_round(3, 1 / 3), direct_round(3, 1 / 3), [(0, 2, 1.0), (2, 0, 0.25)]])
def test_flows_wait_for_the_most_loaded_thing_on_their_way(load: Load, flows: Round) -> None:
    target = load(MACHINE)
    slowest, pj = one_by_one(target, GROUPS, flows)
    found, energy = price(target, GROUPS, flows)
    assert found == tuple(sorted(slowest))
    assert energy == pytest.approx(pj)


@pytest.fixture
def machine(load: Load) -> Target:
    return load(MACHINE)


@given(flows=moves, groups=teams)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_flows_are_priced_as_one_by_one_whatever_was_priced_before(
    machine: Target, flows: Moves, groups: Sequence[Sequence[str]]
) -> None:
    slowest, pj = one_by_one(machine, groups, flows)
    found, energy = price(machine, groups, flows)
    assert found == tuple(sorted(slowest))
    assert energy == pytest.approx(pj)


def test_units_of_one_memory_hand_nothing_over(load: Load) -> None:
    assert price(load(MACHINE), [("a1", "a2")], ring_round(2, 0.5)) == ((), 0)
