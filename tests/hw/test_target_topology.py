"""Routes between memories and the transfers on them."""

from __future__ import annotations

import pytest
from target_builders import Load

from mapper.hw.target import Target
from mapper.hw.topology import routes, transfer_pj, transfer_ticks

CHAIN = """\
units: {a: {use: units/lanes, count: 3}}
memories:
  m0: {use: memories/ram, serves: [a0]}
  m1: {use: memories/ram, serves: [a1]}
  m2: {use: memories/ram, serves: [a2]}
links: {w: {use: links/wire, topology: {chain: ['a*']}}}
"""


@pytest.fixture
def chain(load: Load) -> Target:
    """Three units in a line, each with a memory of its own."""
    return load(CHAIN)


def test_a_route_names_its_links_in_their_direction(chain: Target) -> None:
    there, back = routes(chain)["m0", "m2"], routes(chain)["m2", "m0"]
    assert there.resources == ("m0", "w.a0-a1:a0>a1", "w.a1-a2:a1>a2", "m2")
    assert back.resources == ("m2", "w.a1-a2:a2>a1", "w.a0-a1:a1>a0", "m0")
    assert there.units == ("a0", "a2")


def test_latencies_add_and_the_narrowest_part_sets_the_rate(chain: Target) -> None:
    route = routes(chain)["m0", "m2"]
    assert route.latency_s == pytest.approx(100e-9 + 2 * 1e-6)
    assert route.bandwidth_bytes_per_s == 10e9
    assert transfer_ticks(route, 10**6) == pytest.approx((2.1e-6 + 1e-4) * 1e12, abs=1)


def test_energy_counts_both_memories_and_every_link(chain: Target) -> None:
    assert transfer_pj(routes(chain)["m0", "m2"], 1000) == 8000 * (4 + 2 + 2 + 4)


def test_a_slow_memory_limits_a_quick_link(load: Load) -> None:
    target = load(CHAIN.replace("serves: [a0]", "bandwidth_bytes_per_s: 1e9, serves: [a0]"))
    assert routes(target)["m0", "m1"].bandwidth_bytes_per_s == 1e9


def test_memories_of_one_unit_need_no_link(load: Load) -> None:
    target = load("units: {c: {use: units/dcim}}\nmemories: {m: {use: memories/ram, serves: [c]}}")
    route = routes(target)["m", "c.buffer"]
    assert route.hops == ()
    assert route.bandwidth_bytes_per_s == 1e9


def test_nothing_moves_from_a_memory_to_itself(chain: Target) -> None:
    route = routes(chain)["m1", "m1"]
    assert (route.hops, transfer_ticks(route, 5), transfer_pj(route, 5)) == ((), 0, 0)


def test_data_never_passes_through_a_memory(load: Load) -> None:
    target = load(
        "units: {a: {use: units/lanes, count: 3}}\n"
        "memories:\n  m0: {use: memories/ram, serves: [a0]}\n  shared: {use: memories/ram, serves: [a0, a1]}\n"
        "  m1: {use: memories/ram, serves: [a1]}\n  m2: {use: memories/ram, serves: [a2]}\n"
        "links: {w: {use: links/wire, topology: {chain: [a0, a2, a1]}}}"
    )
    assert len(routes(target)["m0", "m1"].hops) == 2
    assert routes(target)["m0", "shared"].hops == ()


def test_the_quickest_of_two_ways_is_taken(load: Load) -> None:
    slow = "{use: links/wire, latency_s: 9e-6, between: [a0, a2]}"
    target = load(CHAIN.replace("links: {w", f"links: {{direct: {slow}, w"))
    assert len(routes(target)["m0", "m2"].hops) == 2
    quick = load(CHAIN.replace("links: {w", f"links: {{direct: {slow.replace('9e-6', '1e-6')}, w"))
    assert routes(quick)["m0", "m2"].resources == ("m0", "direct:a0>a2", "m2")


def test_equal_ways_are_settled_by_name(load: Load) -> None:
    links = "links: {z: {use: links/wire, between: [a0, a1]}, y: {use: links/wire, between: [a1, a0]}, w"
    target = load(CHAIN.replace("links: {w", links))
    assert routes(target)["m0", "m1"].hops[0].link.name == "w.a0-a1"


def test_routes_are_a_mapping_of_all_pairs_kept_with_the_target(chain: Target) -> None:
    assert routes(chain) is routes(chain)
    assert len(routes(chain)) == len(list(routes(chain))) == 9
    with pytest.raises(KeyError):
        routes(chain)["m0", "nowhere"]
