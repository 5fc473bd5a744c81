"""Collectives against their closed forms."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from target_builders import Load

from mapper.errors import TargetError, UsageError
from mapper.hw.collective import KINDS, collective, collective_seconds, quickest
from mapper.hw.curves import Curve, Measured, switch_part
from mapper.hw.load import load_target
from mapper.hw.rounds import gather_rounds, spread_rounds
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
    assert found.algorithm == "two-way ring"  # full-duplex links carry half of each part either way
    assert found.seconds == pytest.approx((g - 1) / g * size * BETA + 2 * (g - 1) * ALPHA)


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
  curves: [{kind: all_reduce, ranks: 2, bytes: [1000, 10000], seconds: [4e-6, 22e-6]}]
"""


def measured(load: Load, text: str = MEASURED) -> Target:
    return load(
        "units: {a: {use: units/lanes, count: 4}}\nmemories: {m: {use: memories/ram, serves: ['a*']}}\n" + text.strip()
    )


@pytest.mark.parametrize(
    ("size", "seconds"), [(10, 4e-6), (1000, 4e-6), (5500, 13e-6), (10_000, 22e-6), (20_000, 42e-6)]
)
def test_a_measured_collective_has_the_time_and_band_of_its_curve(load: Load, size: int, seconds: float) -> None:
    found = collective(measured(load), "all_reduce", ["a0", "a2"], size)
    assert found.seconds == pytest.approx(seconds)
    assert (found.algorithm, found.band, found.validated) == ("measured", 0.1, True)


@pytest.mark.parametrize(("kind", "units"), [("all_gather", "01"), ("all_reduce", "012"), ("all_reduce", "03")])
def test_a_collective_without_a_curve_follows_from_the_links(load: Load, kind: str, units: str) -> None:
    assert not collective(measured(load), kind, [f"a{i}" for i in units], 10_000).validated


def test_a_kind_without_a_curve_is_as_much_slower_than_its_links_as_the_measured_one(load: Load) -> None:
    plain, pair = network(load, 3, "all_to_all")
    slow = replace(
        plain, collectives=Measured(tuple(pair), 0.1, (Curve("all_reduce", 2, (1e3, 1e9), (1e-4, 0.1 + 1e-4)),))
    )
    by_links = [collective_seconds(t, "all_reduce", pair[:2], 10**6) for t in (plain, slow)]
    gathers = [collective_seconds(t, "all_gather", pair, 10**6) for t in (plain, slow)]
    assert gathers[1] / gathers[0] == pytest.approx(by_links[1] / by_links[0])


def test_a_curve_of_an_unknown_collective_is_refused(load: Load) -> None:
    with pytest.raises(TargetError, match=r"no collective 'all_redcue'(.|\n)*'all_reduce'"):
        measured(load, MEASURED.replace("all_reduce", "all_redcue"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[1000, 10000]", "[1000]", "1 sizes and 2 times"),
        ("[1000, 10000]", "[1000, 1000]", "`bytes` must ascend"),
        ("[4e-6, 22e-6]", "[4e-6, 3e-6]", "the last of `seconds` is below the one before"),
        ("curves: [{kind", "about: [{kind", "unknown key 'about'"),
    ],
)
def test_a_curve_that_makes_no_sense_is_refused(load: Load, old: str, new: str, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        measured(load, MEASURED.replace(old, new))


def test_a_target_can_be_like_another_with_quicker_links(load: Load) -> None:
    text = "collectives: {among: ['a*'], error_band: 0.4, like: dgx-a100, speed: 2}"
    here, there = measured(load, text), load_target("dgx-a100")
    gpus = [f"gpu{i}.gpu" for i in range(4)]
    found = collective(here, "all_gather", ["a0", "a1", "a2", "a3"], 2 * 10**8)
    assert found.seconds == pytest.approx(collective_seconds(there, "all_gather", gpus, 10**8))
    assert (found.band, found.validated) == (0.4, False)


@pytest.mark.parametrize("like", ["hgx-a100-4", "edge-npu"])
def test_only_a_target_with_curves_of_its_own_can_stand_in(load: Load, like: str) -> None:
    with pytest.raises(TargetError, match="no collectives of its own"):
        measured(load, f"collectives: {{among: ['a*'], error_band: 0.4, like: {like}}}")


@pytest.mark.parametrize("name", ["dgx-a100", "dgx-a100-pytorch", "hgx-a100-4", "a100-pairs", "l40s-8"])
@pytest.mark.parametrize("kind", KINDS)
def test_more_bytes_never_take_less_time_on_a_measured_fabric(name: str, kind: str) -> None:
    target = load_target(name)
    gpus = [u.name for u in target.units if u.model_name == "gpu"]
    for ranks in (2, 3, 4, 8)[: 4 if len(gpus) == 8 else 3]:
        times = [collective_seconds(target, kind, gpus[:ranks], 2**n) for n in range(4, 36)]
        assert times[0] > 0
        assert all(b >= a * 0.999 for a, b in pairwise(times)), f"{name} {kind} x{ranks}"


@pytest.mark.parametrize("kind", ["all_reduce", "all_gather", "reduce_scatter", "all_to_all"])
def test_ranks_between_measured_ones_take_a_time_between_theirs(kind: str) -> None:
    target = load_target("dgx-a100")
    gpus = [u.name for u in target.units if u.model_name == "gpu"]
    for size in (2**12, 2**20, 2**28):
        four, six, eight = (collective_seconds(target, kind, gpus[:n], size) for n in (4, 6, 8))
        assert four <= six <= eight


def test_a_custom_kernel_hands_large_tensors_to_the_library() -> None:
    target = load_target("dgx-a100")
    pair = ["gpu0.gpu", "gpu1.gpu"]
    small, large = (
        [collective_seconds(target, kind, pair, size) for kind in ("custom_all_reduce", "all_reduce")]
        for size in (65536, 2**28)
    )
    assert small[0] < small[1] / 2
    assert large[0] == large[1]
    assert quickest(target, "all_reduce", pair, 65536).seconds == small[0]
    assert quickest(target, "all_gather", pair, 65536).seconds == collective_seconds(target, "all_gather", pair, 65536)


def test_a_switch_that_adds_carries_half_of_what_a_ring_does() -> None:
    assert switch_part(2) == 1.5
    assert switch_part(8) == pytest.approx(9 / 14)


def test_units_outside_the_nodes_of_a_curve_are_priced_by_the_links() -> None:
    curves = (Curve("all_reduce", 2, (1.0, 2.0), (1.0, 2.0)),)
    spread = Measured(("a", "b", "c", "d"), 0.1, curves, groups=(("a", "c"), ("b", "d")))
    assert spread.covers(["a", "b"])
    assert not spread.covers(["a", "c"])
