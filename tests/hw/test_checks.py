"""Every rule of `mapper targets check` has a file here that breaks it."""

from __future__ import annotations

from pathlib import Path

import pytest
from target_builders import CIM, LANES_ON_RAM, VECTOR, Write

from mapper.hw.checks import check_files, files_of

GPU = """\
schema: 1
name: gpu
model: gpu
sms: 100
clock_hz: 1e9
matrix_ops_per_s: {f16: 102.4e12}
vector_ops_per_s: {f32: 10e12}
native: f16
l2_bytes: 1048576
l2_bytes_per_s: 1e12
board_power_w: 300
energy_pj_per_op: {f16: 1}
idle_power_w: 10
source: assumed
"""
CHIP = "schema: 1\nname: toy\nsource: assumed\n" + LANES_ON_RAM


def unit_file(write: Write, name: str, text: str) -> Path:
    return write(**{f"units__{name}": text}).parents[1] / "units" / f"{name}.yaml"


def complaints(path: Path) -> list[str]:
    return [f"{Path(c.place).name} [{c.rule}] {c.text}" for c in check_files(files_of(path))]


UNITS = {
    "a text without a mark": (
        VECTOR.replace("source: assumed", "source: the maker"),
        "lanes.yaml:9:9 [source] no mark: say measured, read, derived, recalled or assumed in 'the maker'",
    ),
    "a text for one figure without a mark": (
        VECTOR + "source_of: {lanes: the maker}\n",
        "lanes.yaml:10:20 [source] no mark",
    ),
    "a header that says two things of several figures": (
        VECTOR.replace("source: assumed", 'source: "the maker (read), lanes recalled"'),
        "lanes.yaml:9:9 [source] names read and recalled, so lanes, clock_hz, rate, sram_bytes, energy_pj",
    ),
    "a published peak that is not units x rate": (
        VECTOR + "published: {ops_per_s: {f16: 33e9}, source: read}\n",
        "lanes.yaml:10:30 [published] 'ops_per_s.f16' is published as 3.3e+10, and the parts give 3.2e+10: -3.0 %",
    ),
    "a published peak in a type that the unit has not": (
        VECTOR + "published: {ops_per_s: {f4: 33e9}, source: read}\n",
        "lanes.yaml:10:29 [published] 'ops_per_s.f4' is published as 3.3e+10, and the parts give 0: -100.0 %",
    ),
    "a published area": (
        VECTOR + "area_mm2: 3\npublished: {area_mm2: 4, source: read}\n",
        "lanes.yaml:11:23 [published] 'area_mm2' is published as 4, and the parts give 3",
    ),
    "a published source without a mark": (VECTOR + "published: {source: x}\n", "lanes.yaml:10:21 [source] no mark"),
    "a CIM unit without a class": (CIM, "cim.yaml:3:1 [class] the unit 'cim' has no `class:`"),
    "published weights of arrays": (
        CIM + "class: cim-rram\npublished: {weights: 1e6, source: read}\n",
        "cim.yaml:15:22 [published] 'weights' is published as 1e+06, and the parts give 2.621e+05",
    ),
    "published efficiency of arrays": (
        CIM + "class: cim-rram\npublished: {ops_per_j: {i8: 1e12}, source: read}\n",
        "cim.yaml:15:29 [published] 'ops_per_j.i8' is published as 1e+12, and the parts give",
    ),
    "a GPU's peak at no power of two": (
        GPU.replace("102.4e12", "120e12"),
        "gpu.yaml:6:25 [rate] 'matrix_ops_per_s.f16' 1.2e+14 op/s is 100 SMs x 1e+09 Hz x 1200.0, no power of two",
    ),
    "a band that nobody measured": (
        VECTOR + "error_band: {matmul: 0.1, assumed: 0.5}\n",
        "lanes.yaml:10:22 [band] 'error_band.matmul' counts as measured, and its text says assumed; say what",
    ),
    "a GPU that idles above its board": (
        GPU.replace("idle_power_w: 10", "idle_power_w: 400"),
        "gpu.yaml:11:16 [power] idle power 400 W, and the board takes 300 W",
    ),
    "a file that does not load": (
        VECTOR + "range_of: {lane: [1, 2]}\n",
        "lanes.yaml:10:12 [schema] range of 'lane', which",
    ),
}


@pytest.mark.parametrize("rule", UNITS)
def test_a_unit_file_that_breaks_a_rule(write: Write, rule: str) -> None:
    text, message = UNITS[rule]
    name = text.split("name: ")[1].split("\n")[0]
    (found,) = complaints(unit_file(write, name, text))
    assert found.startswith(message)


CHIPS = {
    "an idle power above the limit": (
        CHIP + "power: {limit_w: 1, rest_w: 2}\n",
        "toy.yaml:7:18 [power] 2 W idle are above the limit of 1 W",
    ),
    "a link counted twice": (
        CHIP.replace("between: [a, b]}", "between: [a, b]}, v: {use: links/wire, between: [b, a]}"),
        "toy.yaml:6:1 [link] 2 links wire join 'a' and 'b'",
    ),
    "a collective quicker than its links": (
        CHIP + "collectives: {among: [a, b], error_band: 1, curves: "
        "[{kind: all_reduce, ranks: 2, bytes: [100e9], seconds: [1]}]}\n",
        "toy.yaml:7:54 [link] all_reduce among 2 carries 100 GB/s a unit at its largest size, and its links 10 GB/s",
    ),
    "a published memory": (
        CHIP + "published: {capacity_bytes: 2e9, bandwidth_bytes_per_s: 100e9, source: read}\n",
        "toy.yaml:7:29 [published] 'capacity_bytes' is published as 2e+09, and the parts give 1e+09",
    ),
    "a published power": (
        CHIP + "power: {limit_w: 5}\npublished: {power_w: 9, source: read}\n",
        "toy.yaml:8:22 [published] 'power_w' is published as 9, and the parts give 5",
    ),
    "an entry's text without a mark": (
        CHIP.replace("between", "source: the maker, between"),
        "toy.yaml:6:38 [source] no mark",
    ),
}


@pytest.mark.parametrize("rule", CHIPS)
def test_a_target_file_that_breaks_a_rule(write: Write, rule: str) -> None:
    text, message = CHIPS[rule]
    (found,) = complaints(write(chips__toy=text))
    assert found.startswith(message)


def test_chips_that_may_take_more_than_the_whole(write: Write) -> None:
    system = "schema: 1\nname: rack\nsource: assumed\nchips: {n: {use: chips/toy}}\npower: {limit_w: 4}\n"
    path = write(chips__toy=CHIP + "power: {limit_w: 5}\n", systems__rack=system)
    assert complaints(path) == ["rack.yaml:5:18 [power] the chips inside may take 5 W together, above 4 W"]


def test_a_range_of_the_clock_explains_a_peak(write: Write) -> None:
    text = GPU.replace("102.4e12", "120e12") + "range_of: {clock_hz: [1e9, 1.2e9]}\n"
    assert complaints(unit_file(write, "gpu", text)) == []


def test_what_is_published_of_the_chip_leaves_the_host_away(write: Write) -> None:
    body = (
        "schema: 1\nname: toy\nsource: assumed\nunits: {h: {use: units/cpu-control-2c}, a: {use: units/lanes}}\n"
        "memories: {d: {use: memories/ram, serves: [h]}, m: {use: memories/ram, channels: 2, serves: [a]}}\n"
        "links: {w: {use: links/wire, between: [h, a]}}\n"
        "published: {ops_per_s: {f16: 32e9}, capacity_bytes: 2e9, bandwidth_bytes_per_s: 200e9, source: read}\n"
    )
    path = write(chips__toy=body)
    assert check_files([path]) == ()
