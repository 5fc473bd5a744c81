"""Where each figure of a target comes from: the nearest text speaks, the weakest mark counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from target_builders import RAM, VECTOR, Write

from mapper.errors import TargetError
from mapper.hw.basis import Basis, basis_of
from mapper.hw.provenance import Sourced, sheets

TOY = """\
schema: 1
name: toy
units:
  a: {use: units/lanes, lanes: 32, source_of: {lanes: "counted (read)"}}
  b: {use: units/lanes, count: 3, clock_hz: 2e9, source: "the maker (recalled)"}
memories: {m: {use: memories/ram, channels: 2, serves: [a, "b*"]}}
links: {w: {use: links/wire, latency_s: 5e-6, topology: {star: {hub: a, leaves: ["b*"]}}}}
power: {limit_w: 9}
source: assumed
source_of: {links.w.latency_s: "measured here", units.a.lanes: derived}
range_of: {power.limit_w: [5, 20], links.w.latency_s: [1e-6, 9e-6]}
"""


def figures(path: Path) -> dict[tuple[str, str], Sourced]:
    return {(sheet.part, figure.key): figure for sheet in sheets(path) for figure in sheet.figures}


@pytest.fixture
def toy(write: Write) -> dict[tuple[str, str], Sourced]:
    said = VECTOR.replace("source: assumed", 'source: "a paper (read)"\nsource_of: {energy_pj_per_op: recalled}')
    return figures(write(units__lanes=said, chips__toy=TOY))


@pytest.mark.parametrize(
    ("part", "key", "basis"),
    [
        ("a", "sram_bytes", Basis.READ),  # the header of its file
        ("a", "energy_pj_per_op.f16", Basis.RECALLED),  # the file's text for the block
        ("a", "lanes", Basis.READ),  # the entry before the header of the chip
        ("b", "clock_hz", Basis.RECALLED),  # the entry's own source
        ("b", "count", Basis.RECALLED),
        ("m", "channels", Basis.ASSUMED),  # the header of the chip
        ("w", "latency_s", Basis.MEASURED),  # the header of the chip, for this figure
        ("", "power.limit_w", Basis.ASSUMED),
    ],
)
def test_the_nearest_text_speaks(toy: dict[tuple[str, str], Sourced], part: str, key: str, basis: Basis) -> None:
    assert toy[part, key].basis is basis


def test_a_figure_knows_its_place_its_unit_and_its_range(toy: dict[tuple[str, str], Sourced]) -> None:
    latency = toy["w", "latency_s"]
    assert (latency.value, latency.unit, latency.range) == (5e-6, "s", (1e-6, 9e-6))
    assert str(latency.place).endswith("toy.yaml:7:41")
    assert str(toy["a", "sram_bytes"].place).endswith("units/lanes.yaml:7:13")


def test_the_weakest_mark_counts() -> None:
    assert basis_of("Derived from what was measured (recalled)") is Basis.RECALLED
    assert basis_of("already spread out") is Basis.MISSING


def test_parts_of_chips_are_counted_through_systems(write: Write) -> None:
    system = "schema: 1\nname: rack\nsource: assumed\nchips: {n: {use: chips/toy, count: 4}}\nrouters: [r]\n"
    write(chips__toy=TOY)
    found = {sheet.part: sheet for sheet in sheets(write(chips__toy=TOY, systems__rack=system))}
    assert (found["n.b"].count, found["n.b"].class_, found["n"].section) == (12, "dsa", "chips")


def test_a_row_of_numbers_is_one_figure(write: Write) -> None:
    curve = "{kind: all_reduce, ranks: 2, bytes: [1, 2], seconds: [1, 2]}"
    path = write(chips__toy=TOY + f"collectives: {{among: [a], error_band: 1, curves: [{curve}]}}\n")
    assert figures(path)["", "collectives.curves.0.bytes"].value == (1, 2)


def test_a_circle_of_chips_is_told(write: Write) -> None:
    a = "schema: 1\nname: a\nsource: assumed\nchips: {n: {use: chips/b}}\n"
    with pytest.raises(TargetError, match="goes round in a circle"):
        sheets(
            write(memories__ram=RAM, chips__b=a.replace("name: a", "name: b").replace("chips/b", "chips/a"), chips__a=a)
        )
