"""Every rule of the target format has a file here that breaks it, and says where."""

from __future__ import annotations

import re

import pytest
from target_builders import RAM, VECTOR, Load, Write

from mapper.errors import TargetError
from mapper.hw.load import load_target

GOOD = """\
units: {a: {use: units/lanes}, b: {use: units/lanes}}
memories: {m: {use: memories/ram, serves: [a, b]}}
links: {w: {use: links/wire, between: [a, b]}}
"""

BROKEN = {
    "an unknown key names the nearest": (
        "about: x\nunit: {}\n",
        "toy.yaml:5:1: unknown key 'unit'; did you mean 'units'?",
    ),
    "an unknown key of an entry": (
        GOOD.replace("between", "betwen"),
        "toy.yaml:6:30: unknown key 'betwen'; did you mean 'between'",
    ),
    "a figure in another unit": (
        GOOD.replace("serves", "bandwidth_gb_per_s: 5, serves"),
        "5:35: unknown key 'bandwidth_gb_per_s'; this figure has another unit here: write 'bandwidth_bytes_per_s'",
    ),
    "a figure without a unit": (
        GOOD.replace("serves", "bandwidth: 5, serves"),
        "toy.yaml:5:35: unknown key 'bandwidth'; units stand in key names: write 'bandwidth_bytes_per_s'",
    ),
    "a quantity with its unit": (
        GOOD.replace("serves", "bandwidth_bytes_per_s: 256 GB/s, serves"),
        "(found: '256 GB/s'); write 256e9",
    ),
    "a binary quantity": (
        GOOD.replace("serves", "capacity_bytes: 2 GiB, serves"),
        "(found: '2 GiB'); write 2147483648",
    ),
    "a time with its unit": (GOOD.replace("serves", "latency_s: 100ns, serves"), "(found: '100ns'); write 100e-9"),
    "a boolean for a number": (
        GOOD.replace("serves", "channels: true, serves"),
        "toy.yaml:5:45: 'memories.m.channels'",
    ),
    "a negative size": (GOOD.replace("serves", "latency_s: -1, serves"), "toy.yaml:5:46: 'memories.m.latency_s'"),
    "a negative figure of a unit": (
        GOOD.replace("lanes}, b", "lanes, clock_hz: -1e9}, b"),
        "toy.yaml:4:41: 'units.a.clock_hz' is negative",
    ),
    "an infinite figure": (
        GOOD.replace("serves", "latency_s: .inf, serves"),
        "toy.yaml:5:46: .inf is not a finite number",
    ),
    "an overflowing figure": (GOOD.replace("serves", "latency_s: 1e999, serves"), "1e999 is not a finite number"),
    "a fraction of a byte": (
        GOOD.replace("serves", "capacity_bytes: 1.5, serves"),
        "toy.yaml:5:51: 'memories.m.capacity_bytes'",
    ),
    "a missing key": (GOOD.replace(", serves: [a, b]", ""), "toy.yaml:5:12: missing key 'serves'"),
    "a key twice": (GOOD + "units: {}\n", "toy.yaml:7:1: 'units' stands twice (first at line 4)"),
    "a part that is no file": (
        GOOD.replace("units/lanes}, b", "units/lane}, b"),
        "toy.yaml:4:18: there is no file for 'units/lane'\n  next: did you mean 'units/lanes'",
    ),
    "a part of another sort": (GOOD.replace("memories/ram", "units/lanes"), "write use: memories/<name>"),
    "a part outside the folders": (
        GOOD.replace("memories/ram", "memories/../x"),
        "'memories/../x' is no memories reference",
    ),
    "a unit without a model": (
        GOOD.replace("{use: units/lanes}, b", "{lanes: 4}, b"),
        "neither `use: units/...` nor `model:`",
    ),
    "a unit with an unknown model": (
        GOOD.replace("{use: units/lanes}, b", "{model: vectr}, b"),
        "toy.yaml:4:20: there is no unit model 'vectr'\n  next: did you mean 'vector'?",
    ),
    "a figure that the model lacks": (
        GOOD.replace("lanes}, b", "lanes, lane: 4}, b"),
        "toy.yaml:4:31: unknown key 'lane'; did you mean 'lanes'",
    ),
    "a misspelt count": (GOOD.replace("lanes}, b", "lanes, cout: 2}, b"), "unknown key 'cout'; did you mean 'count'"),
    "a figure inside a block of the model": (
        GOOD.replace("lanes}, b", "lanes, rate: {f61: 4}}, b"),
        "toy.yaml:4:38: unknown key 'f61'; did you mean",
    ),
    "serving nobody": (GOOD.replace("serves: [a, b]", "serves: [a, b, 'x*']"), "toy.yaml:5:50: 'x*' matches no unit"),
    "serving a memory": (GOOD.replace("serves: [a, b]", "serves: [a, b, m]"), "toy.yaml:5:50: 'm' is no unit"),
    "a link to nowhere": (
        GOOD.replace("[a, b]}}\n", "[a, z]}}\n").replace("serves: [a, z]", "serves: [a, b]"),
        "toy.yaml:6:43: 'z' is no unit or router",
    ),
    "a link to a memory": (
        GOOD[: GOOD.index("links")] + "links: {w: {use: links/wire, between: [a, m]}}",
        "'m' is no unit or router",
    ),
    "a link to itself": (
        GOOD[: GOOD.index("links")] + "links: {w: {use: links/wire, between: [a, a]}}",
        "from 'a' to itself",
    ),
    "a link between many": (
        GOOD[: GOOD.index("links")] + "links: {w: {use: links/wire, between: [a, '*']}}",
        "use `topology` for more",
    ),
    "a link without ends": (GOOD.replace(", between: [a, b]", ""), "either `between: [a, b]` or `topology: {...}`"),
    "two shapes at once": (
        GOOD.replace("between: [a, b]", "topology: {chain: [a, b], ring: [a, b]}"),
        "a topology has exactly one of: chain, ring, mesh",
    ),
    "rows of different length": (
        GOOD.replace("between: [a, b]", "topology: {mesh: [[a, b], [a]]}"),
        "rows of a mesh have equal length",
    ),
    "a grid that is none": (GOOD.replace("between: [a, b]", "topology: {mesh: {grid: a}}"), "'a' has no grid"),
    "count and grid": (
        GOOD.replace("lanes}, b", "lanes, count: 2, grid: [1, 2]}, b"),
        "`count` and `grid` exclude each other",
    ),
    "a name for two things": (GOOD.replace("{m:", "{a:"), "toy.yaml:5:12: the name 'a' is taken by"),
    "a unit without data memory": (
        GOOD.replace("[a, b]}}\nlinks", "[a]}}\nlinks"),
        "toy.yaml:4:32: the unit 'b' has no data memory",
    ),
    "a unit with weights only": (GOOD.replace("serves", "holds: [weights], serves"), "the unit 'a' has no data memory"),
    "something held that is unknown": (
        GOOD.replace("serves", "holds: [ideas], serves"),
        "toy.yaml:5:43: 'memories.m.holds.0'",
    ),
    "io that is no memory": (GOOD + "io: q\n", "toy.yaml:7:5: 'q' is no memory"),
    "a unit out of reach": (
        "units: {a: {use: units/lanes}, b: {use: units/lanes}}\n"
        "memories: {m: {use: memories/ram, serves: [a]}, n: {use: memories/ram, serves: [b]}}\n",
        "missing link: no route between 'm' and 'n'",
    ),
    "a router out of reach": (GOOD + "routers: [r]\n", "missing link: no route between 'r' and 'a'"),
    "no units": ("about: x\n", "the target 'toy' has no units"),
    "a version of the future": (GOOD.replace("units:", "schema: 2\nunits:", 1), "'schema' stands twice"),
    "a source of nothing": (
        GOOD + "source_of: {power: assumed}\n",
        "toy.yaml:7:13: source of 'power', which the file lacks",
    ),
    "a source of something deeper that is not there": (
        GOOD + "source_of: {units.a.clock_hz: assumed}\n",
        "toy.yaml:7:13: source of 'units.a.clock_hz', which the file lacks",
    ),
    "a source of nothing in an entry": (
        GOOD.replace("between", "source_of: {latency_s: assumed}, between"),
        "toy.yaml:6:42: source of 'latency_s', which the file lacks",
    ),
    "a range of nothing": (
        GOOD + "range_of: {power.limit_w: [1, 2]}\n",
        "toy.yaml:7:12: range of 'power.limit_w', which the file lacks",
    ),
    "a range upside down": (
        GOOD + "power: {limit_w: 5}\nrange_of: {power.limit_w: [9, 1]}\n",
        "toy.yaml:8:27: 'range_of.power.limit_w': a range is [low, high]; 9 is above 1",
    ),
    "a range beside its figure": (
        GOOD + "power: {limit_w: 5}\nrange_of: {power.limit_w: [6, 9]}\n",
        "toy.yaml:8:27: the range of 'power.limit_w', 6 to 9, does not hold its figure 5",
    ),
    "a range of several figures": (
        GOOD + "power: {limit_w: 5}\nrange_of: {power: [6, 9]}\n",
        "toy.yaml:8:19: 'power' is no single number, so it has no range\n  next: name one of power.limit_w",
    ),
    "a published figure that is none": (
        GOOD + "published: {ops_per_s: {f16: -1}, source: read}\n",
        "toy.yaml:7:30: 'published.ops_per_s.f16'",
    ),
    "a published figure of no type": (
        GOOD + "published: {ops_per_s: {fp16: 1}, source: read}\n",
        "toy.yaml:7:31: 'published.ops_per_s.fp16': input should be 'f64'",
    ),
    "a class of units that is none": (
        GOOD.replace("lanes}, b", "lanes, class: npu}, b"),
        "toy.yaml:4:38: 'units.a.class': input should be 'cpu', 'gpu', 'dsa'",
    ),
    "an alias": (
        "units: &u {a: {use: units/lanes}}\n",
        "toy.yaml:4:8: anchors and aliases are not read\n  next: share a part",
    ),
    "a tag": ("about: !!python/name:os.system x\n", "the tag tag:yaml.org,2002:python/name:os.system is not read"),
    "text with a colon": (
        "about: a: b\n",
        "toy.yaml:4:9: not valid YAML: mapping values are not allowed here\n  next: put text",
    ),
    "a deep nest": ("about: " + "[" * 40 + "]" * 40, "nested deeper than 32 levels"),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_file_is_refused_with_its_place(load: Load, rule: str) -> None:
    body, message = BROKEN[rule]
    with pytest.raises(TargetError, match=re.escape(message)):
        load(body)


def test_the_good_file_loads(load: Load) -> None:
    assert load(GOOD).link["w"].kind == "wire"


def test_all_complaints_are_listed(load: Load) -> None:
    with pytest.raises(TargetError) as caught:
        load(GOOD.replace("serves", "channels: x, serves") + "unit: 1\n")
    assert "unknown key 'unit'" in str(caught.value)
    assert "memories.m.channels" in str(caught.value)


def test_a_chip_that_uses_itself_shows_the_circle(load: Load) -> None:
    one = "schema: 1\nname: one\nsource: assumed\nchips: {t: {use: chips/toy}}\n"
    with pytest.raises(TargetError, match="circle: toy -> one -> toy"):
        load("chips: {o: {use: chips/one}}\n", chips__one=one)


def test_a_file_without_a_source_is_refused(load: Load) -> None:
    with pytest.raises(TargetError, match=r"ram\.yaml:1:1: missing key 'source'"):
        load(GOOD, memories__ram=RAM.replace("source: assumed\n", ""))


def test_a_file_of_a_future_version_is_refused(load: Load) -> None:
    with pytest.raises(TargetError, match=r"ram\.yaml:1:9: 'schema'"):
        load(GOOD, memories__ram=RAM.replace("schema: 1", "schema: 2"))


def test_a_file_is_called_as_its_name_says(load: Load) -> None:
    with pytest.raises(TargetError, match="the file is called 'lanes', its name is 'lines'"):
        load(GOOD, units__lanes=VECTOR.replace("name: lanes", "name: lines"))


def test_an_error_in_a_part_is_marked_in_the_part(load: Load) -> None:
    with pytest.raises(TargetError, match=r"lanes\.yaml:4:8: 'lanes'"):
        load(GOOD, units__lanes=VECTOR.replace("lanes: 16", "lanes: many"))


def test_a_huge_file_is_refused(write: Write) -> None:
    path = write(chips__toy="# " + "x" * (1 << 20))
    with pytest.raises(TargetError, match="a target file has at most 1048576"):
        load_target(path)


@pytest.mark.parametrize("text", ["", "- a\n", "just words"])
def test_a_file_that_is_no_mapping_is_refused(write: Write, text: str) -> None:
    with pytest.raises(TargetError, match=r"toy\.yaml:1:1: the file is a mapping"):
        load_target(write(chips__toy=text))


def test_a_file_that_is_no_text_is_refused(write: Write) -> None:
    path = write(chips__toy="")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(TargetError, match="not UTF-8"):
        load_target(path)
