"""Collectives against their closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from target_builders import Load

from mapper.errors import TargetError, UsageError
from mapper.hw.collective import collective, collective_seconds, gather_rounds, spread_rounds
from mapper.hw.load import load_target
from mapper.hw.target import Target

ALPHA, BETA = 1e-6, 1 / 10e9
"""Latency and seconds per byte of the tiny link; memories are made quick enough not to matter."""


def network(load: Load, g: int, topology: str) -> tuple[Target, list[str]]:
    """A target of g units with a quick memory each."""
    memories = "".join(
        f"  m{i}: {{use: memories/ram, latency_s: 0, bandwidth_bytes_per_s: 1e15, serves: [a{i}]}}\n" for i in range(g)
    )
    target = load(
        f"units: {{a: {{use: units/lanes, count: {g}}}}}\nmemories:\n{memories}"
        f"links: {{w: {{use: links/wire, topology: {{{topology}: ['a*']}}}}}}"
    )
    return target, [f"a{i}" for i in range(g)]


@pytest.mark.parametrize("g", [3, 4, 8])
@pytest.mark.parametrize(("kind", "rounds"), [("all_reduce", 2), ("all_gather", 1), ("reduce_scatter", 1)])
def test_a_ring_bounds_the_time_of_a_large_tensor_from_both_sides(load: Load, g: int, kind: str, rounds: int) -> None:
    target, units = network(load, g, "ring")
    size = 10**9
    expected = rounds * (g - 1) * (ALPHA + size / g * BETA)
    assert collective_seconds(target, kind, units, size) <= expected * 1.0001  # type: ignore[arg-type]
    bound = rounds * (g - 1) / g * size * BETA / (2 if g > 2 else 1)  # both directions of the ring at once
    assert collective_seconds(target, kind, units, size) >= bound  # type: ignore[arg-type]


def test_ring_all_reduce_on_a_ring_is_the_closed_form(load: Load) -> None:
    g, size = 8, 10**9
    target, units = network(load, g, "ring")
    found = collective(target, "all_reduce", units, size)
    assert found.algorithm == "ring"
    assert found.seconds == pytest.approx(2 * (g - 1) / g * size * BETA + 2 * (g - 1) * ALPHA)


def test_a_small_tensor_goes_directly_where_all_are_linked(load: Load) -> None:
    g, size = 4, 4
    target, units = network(load, g, "all_to_all")
    found = collective(target, "all_reduce", units, size)
    assert found.algorithm == "direct"
    assert found.seconds == pytest.approx(2 * (ALPHA + size / g * BETA))


def test_all_to_all_between_linked_units_takes_one_round(load: Load) -> None:
    g, size = 4, 10**6
    target, units = network(load, g, "all_to_all")
    assert collective_seconds(target, "all_to_all", units, size) == pytest.approx(ALPHA + size / g * BETA)


def test_links_that_flows_share_are_shared(load: Load) -> None:
    target, units = network(load, 3, "chain")
    seconds = collective_seconds(target, "all_to_all", units, 3 * 10**6)
    assert seconds >= 2 * 10**6 * BETA  # a0 sends two parts over its only link


def test_a_tree_doubles_the_owners_in_every_round() -> None:
    for g in range(2, 20):
        rounds = spread_rounds(g, 1.0)
        assert len(rounds) == math.ceil(math.log2(g))
        assert sorted(b for r in rounds for _, b, _ in r) == list(range(1, g))


def test_a_gather_brings_each_part_once_to_the_root() -> None:
    for g in range(2, 20):
        held = [1.0] * g
        for flows in gather_rounds(g, 1.0):
            for a, b, size in flows:
                assert size == held[a]
                held[a], held[b] = 0.0, held[b] + held[a]
        assert held == [g] + [0.0] * (g - 1)


def test_one_unit_has_nothing_to_exchange(load: Load) -> None:
    target, units = network(load, 2, "chain")
    assert collective_seconds(target, "all_reduce", units[:1], 100) == 0


def test_eight_gpus_reduce_at_the_rate_of_nvlink() -> None:
    target = replace(load_target("dgx-a100"), collectives=None)
    gpus = [f"gpu{i}.gpu" for i in range(8)]
    size = 10**9
    seconds = collective_seconds(target, "all_reduce", gpus, size)
    assert seconds == pytest.approx(2 * 7 / 8 * size / 300e9, rel=0.05)


def test_an_unknown_collective_names_the_nearest(load: Load) -> None:
    target, units = network(load, 2, "chain")
    with pytest.raises(UsageError, match="did you mean 'all_reduce'"):
        collective_seconds(target, "allreduce", units, 1)  # type: ignore[arg-type]


MEASURED = """
collectives:
  among: [a0, a1, a2]
  error_band: 0.1
  curves: [{kind: all_reduce, ranks: 2, latency_s: 3e-6, s_per_byte: 2e-9, s_per_root_byte: 1e-8}]
"""


def measured(load: Load, text: str = MEASURED) -> Target:
    return load(
        "units: {a: {use: units/lanes, count: 4}}\nmemories: {m: {use: memories/ram, serves: ['a*']}}\n" + text.strip()
    )


def test_a_measured_collective_has_the_time_and_band_of_its_curve(load: Load) -> None:
    found = collective(measured(load), "all_reduce", ["a0", "a2"], 10_000)
    assert found.seconds == pytest.approx(3e-6 + 2e-5 + 1e-6)
    assert (found.algorithm, found.band, found.validated) == ("measured", 0.1, True)


@pytest.mark.parametrize(("kind", "units"), [("all_gather", "01"), ("all_reduce", "012"), ("all_reduce", "03")])
def test_a_collective_without_a_curve_follows_from_the_links(load: Load, kind: str, units: str) -> None:
    assert not collective(measured(load), kind, [f"a{i}" for i in units], 10_000).validated


def test_a_curve_of_an_unknown_collective_is_refused(load: Load) -> None:
    with pytest.raises(TargetError, match=r"no collective 'all_redcue'(.|\n)*'all_reduce'"):
        measured(load, MEASURED.replace("all_reduce", "all_redcue"))
